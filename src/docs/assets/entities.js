// Tables and how they refer to each other, from `relationships` tests.

const ENTITY = { width: 230, head: 34, row: 22, gapX: 120, gapY: 40 };

/** Tables around one, or all that refer to each other. */
function entityView(focus) {
  const links = focus === undefined ? site.relations : site.relations.filter((it) => it.from === focus || it.to === focus);
  if (!links.length) return h("p.quiet", "No relationships test tells how tables refer to each other.");
  const tables = tablesOf(links);
  const placed = placeTables(tables, links);
  const lines = links.map((link) => entityLine(link, placed));
  const picture = svg("svg.entities", { viewBox: `-12 -12 ${placed.width + 24} ${placed.height + 24}`, role: "img", "aria-label": `${count(tables.size, "table")}, ${count(links.length, "reference")}` },
    lines, [...tables].map(([number, columns]) => entityCard(number, columns, placed.boxes.get(number), number === focus)));
  picture.style.width = `${placed.width + 24}px`;
  return h("div.entities-frame", { tabindex: "0" }, picture);
}

/** Columns that refer or are referred to, by table. */
function tablesOf(links) {
  const tables = new Map();
  const add = (number, column) => {
    const columns = tables.get(number) ?? [];
    if (column && !columns.includes(column)) columns.push(column);
    tables.set(number, columns);
  };
  for (const link of links) {
    add(link.to, link.field);
    add(link.from, link.column);
  }
  return tables;
}

/** Tables that are referred to stand right of those that refer to them. */
function placeTables(tables, links) {
  const layer = new Map([...tables.keys()].map((it) => [it, 0]));
  // As many rounds as there are tables end even where tables refer to each other in a circle.
  for (let round = 0; round < Math.min(tables.size, 12); round += 1) {
    for (const { from, to } of links) if (from !== to && layer.get(to) <= layer.get(from) && layer.get(from) < 11) layer.set(to, layer.get(from) + 1);
  }
  const used = [...new Set(layer.values())].sort((a, b) => a - b);
  const columns = used.map((it) => [...tables.keys()].filter((table) => layer.get(table) === it));
  const boxes = new Map();
  let height = 0;
  columns.forEach((column, at) => {
    let y = 0;
    const wish = (table) => {
      const near = links.filter((it) => it.from === table || it.to === table).map((it) => boxes.get(it.from === table ? it.to : it.from)).filter(Boolean);
      return near.length ? mean(near.map((it) => it.y)) : Infinity;
    };
    const sorted = at ? column.map((it) => [wish(it), it]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((it) => it[1]) : column;
    for (const table of sorted) {
      const tall = ENTITY.head + tables.get(table).length * ENTITY.row + 6;
      boxes.set(table, { x: at * (ENTITY.width + ENTITY.gapX), y, width: ENTITY.width, height: tall, columns: tables.get(table) });
      y += tall + ENTITY.gapY;
    }
    height = Math.max(height, y - ENTITY.gapY);
  });
  return { boxes, width: columns.length * (ENTITY.width + ENTITY.gapX) - ENTITY.gapX, height };
}

function entityCard(number, columns, box, isFocus) {
  const page = site.pages[number];
  return svg(`g.card${isFocus ? ".focus" : ""}`, { transform: `translate(${box.x} ${round(box.y)})`, "data-kind": page.kind },
    svg("rect.body", { width: box.width, height: box.height, rx: 7 }),
    svg("rect.stripe", { width: 5, height: box.height, rx: 2 }),
    svg("a", { href: address(page) }, svg("rect.hit", { width: box.width, height: ENTITY.head }), svg("text.name", { x: 16, y: 22 }, clipped(page.name, 28)), svg("title", page.name)),
    svg("path.rule", { d: `M5 ${ENTITY.head}H${box.width}` }),
    columns.map((it, at) => svg("text.under", { x: 16, y: ENTITY.head + at * ENTITY.row + 17 }, clipped(it, 32))));
}

/** From the column that refers to the one referred to; a fork marks the many, a bar the one. */
function entityLine(link, { boxes }) {
  const spot = (table, column) => {
    const box = boxes.get(table);
    return [box, box.y + ENTITY.head + (Math.max(box.columns.indexOf(column), 0) + 0.5) * ENTITY.row];
  };
  const [from, y1] = spot(link.from, link.column);
  const [to, y2] = spot(link.to, link.field);
  const goesRight = to.x > from.x;
  const [x1, x2] = goesRight ? [from.x + from.width, to.x] : [from.x, to.x === from.x ? to.x : to.x + to.width];
  const out = goesRight ? 1 : -1;
  const bend = to.x === from.x ? -70 : ((x2 - x1) / 2);
  const d = `M${x1} ${round(y1)}C${round(x1 + bend)} ${round(y1)} ${round(x2 - (to.x === from.x ? -bend : bend))} ${round(y2)} ${x2} ${round(y2)}`;
  const fork = `M${x1} ${round(y1 - 6)}l${out * 10} 6l${-out * 10} 6M${x2 - out * 7} ${round(y2 - 6)}v12`;
  const status = site.pages[link.test].status;
  return svg(`g.reference${(OUTCOMES[status] ?? [])[0] === "bad" ? ".bad" : ""}`, svg("path", { d }), svg("path", { d: fork }),
    svg("title", `${site.pages[link.from].name}.${link.column} refers to ${site.pages[link.to].name}.${link.field}`));
}
