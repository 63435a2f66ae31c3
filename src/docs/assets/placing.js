// Where nodes stand in a picture of some of them. The site has a layer and a row for each node of the whole
// (`src/docs/layout.rs`); here layers without nodes are left out, long edges get room, and rows move together.

const CARD = { width: 212, height: 48, gapX: 88, gapY: 16, row: 21 };

/** Places nodes: `{ boxes: Map(number -> box), edges: [{ from, to, path }], width, height }`. */
function place(numbers, heightOf) {
  const cells = new Map();
  const layers = layersOf(numbers);
  for (const number of numbers) {
    const [, row] = site.places[number];
    cells.set(number, { number, layer: layers.get(number), key: row, height: heightOf(number), before: [], after: [] });
  }
  const routes = join(cells);
  const columns = [];
  for (const cell of cells.values()) (columns[cell.layer] ??= []).push(cell);
  order(columns);
  settle(columns);
  return measured(cells, columns, routes);
}

/** Positions of the site itself, for pictures that are too large to be moved about here. */
function placeAll(numbers) {
  const boxes = new Map();
  let [width, height] = [0, 0];
  for (const number of numbers) {
    const [layer, row] = site.places[number];
    const box = { x: layer * (CARD.width + CARD.gapX * 1.6), y: row * (CARD.height + CARD.gapY), width: CARD.width, height: CARD.height };
    boxes.set(number, box);
    width = Math.max(width, box.x + box.width);
    height = Math.max(height, box.y + box.height);
  }
  const edges = [];
  for (const to of numbers) {
    for (const from of parents(to)) if (boxes.has(from)) edges.push({ from, to, path: curve([port(boxes.get(from), true), port(boxes.get(to), false)]) });
  }
  return { boxes, edges, width, height };
}

/** Layers from 0 without gaps; a node never stands before one that it is made from. */
function layersOf(numbers) {
  const used = [...new Set([...numbers].map((it) => site.places[it][0]))].sort((a, b) => a - b);
  const rank = new Map(used.map((layer, at) => [layer, at]));
  return new Map([...numbers].map((it) => [it, rank.get(site.places[it][0])]));
}

/** Joins cells by edges; where an edge passes a layer, a low cell without a node keeps room for it. */
function join(cells) {
  const routes = [];
  const chains = new Map();
  for (const cell of [...cells.values()]) {
    for (const number of parents(cell.number)) {
      const from = cells.get(number);
      if (!from) continue;
      const chain = chains.get(number) ?? [from];
      chains.set(number, chain);
      while (chain.length < cell.layer - from.layer) {
        const last = chain.at(-1);
        const part = chain.length / (cell.layer - from.layer);
        const room = { layer: from.layer + chain.length, key: from.key + part * (cell.key - from.key), height: 10, before: [last], after: [] };
        last.after.push(room);
        cells.set(`room ${number} ${room.layer}`, room);
        chain.push(room);
      }
      const way = chain.slice(0, cell.layer - from.layer);
      way.at(-1).after.push(cell);
      cell.before.push(way.at(-1));
      routes.push({ from: number, to: cell.number, way: [...way, cell] });
    }
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
function settle(columns) {
  for (const column of columns) {
    let y = 0;
    for (const cell of column) {
      cell.y = y + cell.height / 2;
      y += cell.height + CARD.gapY;
    }
  }
  for (let sweep = 0; sweep < 14; sweep += 1) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const wanted = column.map((cell) => {
        const sides = [...cell.before, ...cell.after];
        return sides.length ? mean(sides.map((it) => it.y)) : cell.y;
      });
      apart(column, wanted);
    }
  }
}

/** The nearest rows that do not overlap: neighbours that are too near are pooled (least squares). */
function apart(column, wanted) {
  const pools = [];
  let below = 0;
  const offsets = column.map((cell, at) => {
    if (at) below += (column[at - 1].height + cell.height) / 2 + CARD.gapY;
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

function measured(cells, columns, routes) {
  const top = Math.min(0, ...[...cells.values()].map((it) => it.y - it.height / 2));
  const boxes = new Map();
  let height = 0;
  for (const cell of cells.values()) {
    cell.box = { x: cell.layer * (CARD.width + CARD.gapX), y: cell.y - top - cell.height / 2, width: CARD.width, height: cell.height };
    height = Math.max(height, cell.box.y + cell.height);
    if (cell.number !== undefined) boxes.set(cell.number, cell.box);
  }
  const edges = routes.map(({ from, to, way }) => {
    const points = way.flatMap((cell, at) => {
      if (at === 0) return [port(cell.box, true)];
      return cell.number === undefined ? [port(cell.box, false), port(cell.box, true)] : [port(cell.box, false)];
    });
    return { from, to, path: curve(points) };
  });
  return { boxes, edges, width: columns.length * (CARD.width + CARD.gapX) - CARD.gapX, height };
}

/** Where edges leave or reach a box: at the height of its head, however tall it is. */
const port = (box, leaves) => [box.x + (leaves ? box.width : 0), box.y + Math.min(box.height, CARD.height) / 2];

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
