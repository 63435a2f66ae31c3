// Tables and how they refer to each other, from `relationships` tests.

const ENTITY = { width: 230, head: 34, row: 22, gapX: 110, gapY: 32 };

/** More tables than these are not drawn at once: a filter finds the rest. */
const MAX_TABLES = 60;

/** All tables that refer to each other; where these are many, those that most refer to, and a filter. */
function entitiesPage() {
  document.title = `Entities · ${site.project.name}`;
  const place = h("div");
  const note = h("p.quiet", { role: "status" });
  const input = h("input", { type: "search", placeholder: "Only tables with these letters, and what they refer to", "aria-label": "Filter the tables" });
  const update = () => {
    const text = input.value.trim().toLowerCase();
    const is = (number) => site.pages[number].name.toLowerCase().includes(text);
    const found = site.relations.filter((it) => is(it.from) || is(it.to));
    const links = firstLinks(found);
    show(place, links.length ? entityPicture(links) : h("p.quiet", text ? "No table has these letters." : "No relationships test tells how tables refer to each other."));
    note.textContent = links.length < found.length ? `${number.format(links.length)} of ${count(found.length, "reference")}: those to the tables that most refer to. Letters above find others.` : count(links.length, "reference");
  };
  input.addEventListener("input", update);
  update();
  const isLarge = tablesOf(site.relations).size > MAX_TABLES / 2;
  return h("article", h("header.page-head", h("h1", "Entities"), h("p.lead", "How tables refer to each other, as relationships tests say. The fork is at the side that refers, the bar at the one referred to; red where the last test failed.")), isLarge && h("p.actions", input), place, isLarge && note);
}

/** As many as can be drawn, of the tables that most refer to first. */
function firstLinks(links) {
  if (tablesOf(links).size <= MAX_TABLES) return links;
  const counts = new Map();
  for (const { to } of links) counts.set(to, (counts.get(to) ?? 0) + 1);
  const sorted = [...links].sort((a, b) => counts.get(b.to) - counts.get(a.to) || a.to - b.to);
  const tables = new Set();
  const isIn = ({ from, to }) => {
    if (tables.size >= MAX_TABLES && !(tables.has(from) && tables.has(to))) return false;
    tables.add(from).add(to);
    return true;
  };
  return sorted.filter(isIn);
}

/** A table and those that it refers to or that refer to it. */
function entityView(focus) {
  return entityPicture(site.relations.filter((it) => it.from === focus || it.to === focus), focus);
}

function entityPicture(links, focus) {
  const tables = tablesOf(links);
  const placed = placeTables(tables, links);
  const lines = placed.edges.map((it) => entityLine(it, placed));
  const picture = svg("svg.entities", { viewBox: `-12 -12 ${placed.width + 72} ${placed.height + 24}`, role: "group", "aria-label": `${count(tables.size, "table")}, ${count(links.length, "reference")}` },
    lines, [...tables].map(([number, columns]) => entityCard(number, columns, placed.boxes.get(number), number === focus)));
  picture.style.width = `${placed.width + 72}px`;
  return h("div.entities-frame", { tabindex: "0", role: "group", "aria-label": "Picture of the references" }, picture);
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
  // As many rounds as there are layers end even where tables refer to each other in a circle.
  for (let round = 0; round < 12; round += 1) {
    for (const { from, to } of links) if (from !== to && layer.get(to) <= layer.get(from) && layer.get(from) < 11) layer.set(to, layer.get(from) + 1);
  }
  const used = [...new Set(layer.values())].sort((a, b) => a - b);
  const items = [...tables].map(([id, columns], key) => ({ id, key, layer: used.indexOf(layer.get(id)), height: ENTITY.head + columns.length * ENTITY.row + 6 }));
  const at = (table, column) => ENTITY.head + (Math.max(tables.get(table).indexOf(column), 0) + 0.5) * ENTITY.row;
  const edges = links.map((link) => ({ ...link, start: at(link.from, link.column), end: at(link.to, link.field) }));
  const isForth = (it) => layer.get(it.from) < layer.get(it.to);
  const placed = arrange(items, edges.filter(isForth), ENTITY);
  const back = edges.filter((it) => !isForth(it)).map((it) => ({ ...it, path: loop(placed.boxes.get(it.from), placed.boxes.get(it.to), it) }));
  return { ...placed, edges: [...placed.edges, ...back] };
}

/** A line from a table to itself, or against the direction of the others. */
function loop(from, to, { start, end }) {
  const [x1, y1, x2, y2] = [from.x + from.width, round(from.y + start), to.x + to.width, round(to.y + end)];
  const out = Math.max(x1, x2) + 46;
  return `M${x1} ${y1}C${out} ${y1} ${out} ${y2} ${x2} ${y2}`;
}

function entityCard(number, columns, box, isFocus) {
  const page = site.pages[number];
  return svg(`g.card${isFocus ? ".focus" : ""}`, { transform: `translate(${box.x} ${round(box.y)})`, "data-kind": page.kind },
    svg("rect.body", { width: box.width, height: box.height, rx: 7 }),
    svg("rect.stripe", { width: 5, height: box.height, rx: 2 }),
    svg("a", { href: address(page) }, svg("rect.hit", { width: box.width, height: ENTITY.head }), svg("text.name", { x: 16, y: 22 }, fitted(page.name, box.width - 26)), svg("title", page.name)),
    svg("path.rule", { d: `M5 ${ENTITY.head}H${box.width}` }),
    columns.map((it, at) => svg("text.under", { x: 16, y: ENTITY.head + at * ENTITY.row + 17 }, clipped(it, 32))));
}

/** From the column that refers to the one referred to; a fork marks the many, a bar the one. */
function entityLine(edge, { boxes }) {
  const [from, to] = [boxes.get(edge.from), boxes.get(edge.to)];
  const [x1, y1, y2] = [from.x + from.width, from.y + edge.start, to.y + edge.end];
  const isBack = to.x <= from.x;
  const bar = isBack ? to.x + to.width + 7 : to.x - 7;
  const fork = `M${x1} ${round(y1 - 6)}l10 6l-10 6M${bar} ${round(y2 - 6)}v12`;
  const { status } = site.pages[edge.test];
  return svg(`g.reference${(OUTCOMES[status] ?? [])[0] === "bad" ? ".bad" : ""}`, svg("path", { d: edge.path }), svg("path", { d: fork }),
    svg("title", `${site.pages[edge.from].name}.${edge.column} refers to ${site.pages[edge.to].name}.${edge.field}`));
}
