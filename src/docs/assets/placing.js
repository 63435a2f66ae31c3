// Where nodes stand in a picture of some of them. The site has a layer and a row for each node of the whole
// (`src/docs/layout.rs`); here layers without nodes are left out, long edges get room, and rows move together.

const CARD = { width: 216, height: 48, gapX: 48, gapY: 16, row: 21 };

/** Places nodes: `{ boxes: Map(number -> box), edges: [{ from, to, path }], width, height }`. */
function place(numbers, heightOf) {
  const layers = layersOf(numbers);
  const items = [...numbers].map((it) => ({ id: it, layer: layers.get(it), key: site.places[it][1], height: heightOf(it) }));
  const edges = items.flatMap(({ id }) => parents(id).filter((it) => layers.has(it)).map((from) => ({ from, to: id })));
  // Room for the ways to neighbours that are not in the picture.
  const hasMore = items.some(({ id }) => [...parents(id), ...children(id)].some((it) => !layers.has(it)));
  return arrange(items, edges, hasMore ? { ...CARD, gapX: 68 } : CARD);
}

/**
 * Places boxes in layers. `items`: `{ id, layer, key, height }`, of which `key` is a first guess at the row;
 * `edges`: `{ from, to, start, end }` by ids, from a lower layer to a higher one, with the heights in their
 * boxes where they begin and end. What is not connected stands side by side, so that the whole has the
 * shape of a screen.
 */
function arrange(items, edges, size) {
  const parts = connected(items, edges).map((it) => layOut(it.items, it.edges, size));
  const whole = shelve(parts, size);
  const drawn = parts.map((it) => measured(it, size));
  return { boxes: new Map(drawn.flatMap((it) => [...it.boxes])), edges: drawn.flatMap((it) => it.edges), ...whole };
}

/** Items that edges connect, the largest part first. */
function connected(items, edges) {
  const root = new Map(items.map((it) => [it.id, it.id]));
  const find = (id) => {
    let at = id;
    while (root.get(at) !== at) {
      root.set(at, root.get(root.get(at)));
      at = root.get(at);
    }
    return at;
  };
  for (const { from, to } of edges) root.set(find(to), find(from));
  const parts = new Map();
  const partOf = (id) => parts.get(find(id)) ?? parts.set(find(id), { items: [], edges: [] }).get(find(id));
  for (const item of items) partOf(item.id).items.push(item);
  for (const edge of edges) partOf(edge.from).edges.push(edge);
  return [...parts.values()].sort((a, b) => b.items.length - a.items.length);
}

/** One connected part, by itself. */
function layOut(items, edges, size) {
  const used = [...new Set(items.map((it) => it.layer))].sort((a, b) => a - b);
  const cells = new Map(items.map((it) => [it.id, { ...it, layer: used.indexOf(it.layer), before: [], after: [] }]));
  const routes = join(cells, edges);
  const columns = [];
  for (const cell of cells.values()) (columns[cell.layer] ??= []).push(cell);
  order(columns);
  settle(columns, size);
  const all = [...cells.values()];
  const top = Math.min(...all.map((it) => it.y - it.height / 2));
  const height = Math.max(...all.map((it) => it.y + it.height / 2)) - top;
  return { cells, routes, top, height, width: columns.length * (size.width + size.gapX) - size.gapX };
}

/** Gives each part its place, in rows from left to right; tells the size of the whole. */
function shelve(parts, size) {
  const area = parts.reduce((sum, it) => sum + (it.width + size.gapX) * (it.height + size.gapY), 0);
  const wide = Math.max(...parts.map((it) => it.width), Math.sqrt(area * 1.7));
  let [x, y, tall, width] = [0, 0, 0, 0];
  const [first, ...rest] = parts;
  for (const part of [first, ...rest.sort((a, b) => b.height - a.height)]) {
    if (x > 0 && x + part.width > wide) [x, y, tall] = [0, y + tall + size.gapY, 0];
    part.at = [x, y];
    width = Math.max(width, x + part.width);
    tall = Math.max(tall, part.height);
    x += part.width + size.gapX;
  }
  return { width, height: y + tall };
}

/**
 * A picture that is too large to be moved about here: the layers of the site, each as a block of as many
 * columns as give the whole the shape of a screen, in the order of the site's rows.
 */
function placeAll(numbers) {
  const layers = new Map();
  for (const number of numbers) {
    const [layer] = site.places[number];
    layers.set(layer, [...(layers.get(layer) ?? []), number]);
  }
  const [stepX, stepY] = [CARD.width + 20, CARD.height + CARD.gapY];
  const perColumn = Math.ceil(Math.sqrt((numbers.size * stepX) / (1.5 * stepY)));
  const boxes = new Map();
  let left = 0;
  for (const layer of [...layers.keys()].sort((a, b) => a - b)) {
    const block = layers.get(layer).sort((a, b) => site.places[a][1] - site.places[b][1]);
    const tall = Math.min(perColumn, block.length);
    block.forEach((number, at) => {
      const y = ((at % perColumn) + (perColumn - tall) / 2) * stepY;
      boxes.set(number, { x: left + Math.floor(at / perColumn) * stepX, y, width: CARD.width, height: CARD.height });
    });
    left += Math.ceil(block.length / perColumn) * stepX + CARD.gapX * 3;
  }
  const edges = [];
  for (const to of numbers) {
    for (const from of parents(to)) if (boxes.has(from)) edges.push({ from, to, path: curve([port(boxes.get(from), true), port(boxes.get(to), false)]) });
  }
  return { boxes, edges, width: left - CARD.gapX * 3, height: perColumn * stepY };
}

/** Layers from 0 without gaps; a node never stands before one that it is made from. */
function layersOf(numbers) {
  const used = [...new Set([...numbers].map((it) => site.places[it][0]))].sort((a, b) => a - b);
  const rank = new Map(used.map((layer, at) => [layer, at]));
  return new Map([...numbers].map((it) => [it, rank.get(site.places[it][0])]));
}

/** Joins cells by edges; where an edge passes a layer, a low cell without a box keeps room for it. */
function join(cells, edges) {
  const routes = [];
  const chains = new Map();
  for (const edge of edges) {
    const [from, to] = [cells.get(edge.from), cells.get(edge.to)];
    const chain = chains.get(edge.from) ?? [from];
    chains.set(edge.from, chain);
    while (chain.length < to.layer - from.layer) {
      const last = chain.at(-1);
      const part = chain.length / (to.layer - from.layer);
      const room = { layer: from.layer + chain.length, key: from.key + part * (to.key - from.key), height: 10, before: [last], after: [], isRoom: true };
      last.after.push(room);
      cells.set(`room ${edge.from} ${room.layer}`, room);
      chain.push(room);
    }
    const way = chain.slice(0, to.layer - from.layer);
    way.at(-1).after.push(to);
    to.before.push(way.at(-1));
    routes.push({ ...edge, way: [...way, to] });
  }
  return routes;
}

/** Orders each layer by the mean place of its neighbours, forth and back. */
function order(columns) {
  for (const column of columns) {
    column.sort((a, b) => a.key - b.key);
    column.forEach((cell, at) => { cell.at = at; });
  }
  for (let sweep = 0; sweep < 8; sweep += 1) {
    const forth = sweep % 2 === 0;
    for (const column of forth ? columns : [...columns].reverse()) {
      for (const cell of column) {
        const sides = forth ? cell.before : cell.after;
        cell.wish = sides.length ? mean(sides.map((it) => it.at)) : cell.at;
      }
      column.sort((a, b) => a.wish - b.wish || a.at - b.at);
      column.forEach((cell, at) => { cell.at = at; });
    }
  }
}

/** Moves rows as near to their neighbours as order and height allow. */
function settle(columns, size) {
  for (const column of columns) {
    let y = 0;
    for (const cell of column) {
      cell.y = y + cell.height / 2;
      y += cell.height + size.gapY;
    }
  }
  for (let sweep = 0; sweep < 14; sweep += 1) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const wanted = column.map((cell) => {
        const sides = [...cell.before, ...cell.after];
        return sides.length ? mean(sides.map((it) => it.y)) : cell.y;
      });
      apart(column, wanted, size);
    }
  }
}

/** The nearest rows that do not overlap: neighbours that are too near are pooled (least squares). */
function apart(column, wanted, size) {
  const pools = [];
  let below = 0;
  const offsets = column.map((cell, at) => {
    if (at) below += (column[at - 1].height + cell.height) / 2 + size.gapY;
    return below;
  });
  wanted.forEach((y, at) => {
    let pool = { sum: y - offsets[at], n: 1 };
    while (pools.length && pools.at(-1).sum / pools.at(-1).n >= pool.sum / pool.n) {
      const last = pools.pop();
      pool = { sum: pool.sum + last.sum, n: pool.n + last.n };
    }
    pools.push(pool);
  });
  let at = 0;
  for (const pool of pools) {
    for (let i = 0; i < pool.n; i += 1, at += 1) column[at].y = pool.sum / pool.n + offsets[at];
  }
}

const mean = (values) => values.reduce((sum, it) => sum + it, 0) / values.length;

/** The boxes and lines of a part that has its place. */
function measured({ cells, routes, top, at: [left, above] }, size) {
  const boxes = new Map();
  for (const cell of cells.values()) {
    cell.box = { x: left + cell.layer * (size.width + size.gapX), y: above + cell.y - top - cell.height / 2, width: size.width, height: cell.height };
    if (!cell.isRoom) boxes.set(cell.id, cell.box);
  }
  const edges = routes.map((route) => {
    const points = route.way.flatMap((cell, at) => {
      if (at === 0) return [port(cell.box, true, route.start)];
      return cell.isRoom ? [port(cell.box, false), port(cell.box, true)] : [port(cell.box, false, route.end)];
    });
    return { ...route, path: curve(points) };
  });
  return { boxes, edges };
}

/** Where edges leave or reach a box: at the height of its head, however tall it is, unless another is given. */
const port = (box, leaves, at = Math.min(box.height, CARD.height) / 2) => [box.x + (leaves ? box.width : 0), box.y + at];

/** A smooth line through points, from left to right. */
function curve(points) {
  const [[x0, y0], ...rest] = points;
  let path = `M${round(x0)} ${round(y0)}`;
  let [x, y] = [x0, y0];
  for (const [toX, toY] of rest) {
    const half = (toX - x) / 2;
    path += Math.abs(toY - y) < 0.5 ? `L${round(toX)} ${round(toY)}` : `C${round(x + half)} ${round(y)} ${round(toX - half)} ${round(toY)} ${round(toX)} ${round(toY)}`;
    [x, y] = [toX, toY];
  }
  return path;
}

const round = (it) => Math.round(it * 10) / 10;
