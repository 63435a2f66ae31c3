// The picture of what is made from what: of the whole project, of a neighbourhood, or of one column's way.

/** A project up to this size is shown whole; of a larger one the neighbourhood comes first. */
const WHOLE = 120;
/** So many cards can be looked at and drawn in full; more are drawn as marks. */
const CARDS = 350;
/** Smaller cards cannot be read; in the large view more may be seen at once. */
const READABLE = 0.74;
const READABLE_TALL = 0.6;
/** A picture to look at leads to the large view. */
const READABLE_GLANCE = 0.55;
/** More columns of one node are a list to read on its page. */
const SHOWN_COLUMNS = 40;

/** How a column is made from another, by the number in the data (`src/docs/columns.rs`). */
const WAYS = [
  { name: "pass", word: "passed through" }, { name: "renamed", word: "renamed" },
  { name: "computed", word: "computed" }, { name: "decides", word: "decides which rows" },
];
const DECIDES = 3;

let columnEdges = null;

/** Columns with the edges to and from each; read when a column is traced for the first time. */
async function openColumns() {
  if (columnEdges) return columnEdges;
  const { names, edges, keys, unknown } = await part("columns");
  const into = new Map();
  const outOf = new Map();
  const add = (map, key, edge) => (map.get(key) ?? map.set(key, []).get(key)).push(edge);
  for (const [from, fromColumn, to, toColumn, way] of edges) {
    const edge = { from: keyOf(from, fromColumn), to: keyOf(to, toColumn), way };
    add(into, edge.to, edge);
    add(outOf, edge.from, edge);
  }
  const decides = new Map();
  for (const [from, column, to] of keys) (decides.get(keyOf(from, column)) ?? decides.set(keyOf(from, column), []).get(keyOf(from, column))).push(to);
  columnEdges = { names, into, outOf, decides, unknown: new Set(unknown) };
  return columnEdges;
}

const keyOf = (page, column) => page * 10000 + column;
const pageOf = (key) => Math.floor(key / 10000);
const columnOf = (key) => key % 10000;

/** The way of a column: all columns it is made from and all that are made from it. */
async function trace(number, name) {
  const graph = await openColumns();
  const column = graph.names[number].findIndex((it) => it.toLowerCase() === name.toLowerCase());
  if (column < 0) return null;
  const start = keyOf(number, column);
  const keys = new Set([start]);
  const edges = new Set();
  const follow = (map, end) => {
    const stack = [start];
    const seen = new Set(stack);
    while (stack.length) {
      for (const edge of map.get(stack.pop()) ?? []) {
        edges.add(edge);
        keys.add(edge[end]);
        if (seen.has(edge[end])) continue;
        seen.add(edge[end]);
        stack.push(edge[end]);
      }
    }
  };
  follow(graph.into, "from");
  const above = new Set(keys);
  follow(graph.outOf, "to");
  // What it decides the rows of is in its way too, though no column of that is made from it.
  const decided = [...keys].filter((it) => it === start || !above.has(it)).flatMap((from) => (graph.decides.get(from) ?? []).map((page) => ({ from, page, way: DECIDES })));
  return { start, keys, edges: [...edges], decided, graph };
}

/**
 * The view. `state`: `focus` (a page), `up` and `down` (steps), `select` (text), `column` (of the focus),
 * `columns` (whether cards list them). `remember` is told of each change, so that the address can keep it. A
 * view without its bar is a picture to look at: what would change it leads to the large view instead.
 */
function lineageView(state, { tall = false, hasBar = true, remember = () => {} } = {}) {
  const canvas = svg("svg.lineage-canvas", { tabindex: "0", role: "application", "aria-label": "Lineage: arrows move the picture, plus and minus zoom, 0 shows all" });
  const scene = svg("g");
  canvas.append(arrowHeads(), scene);
  const note = h("p.lineage-note", { role: "status" });
  const frame = h(`div.lineage${tall ? ".tall" : ""}`, canvas, zoomButtons(), note);
  const bar = h("div.lineage-bar");
  const view = { x: 0, y: 0, k: 1 };
  let picture = null;
  let traced = null;
  let draw = () => {};

  async function update() {
    const within = state.folder && state.folder === state.select ? select(state.select) : null;
    const folders = isOfFolders() || within?.size > WHOLE ? folderPicture(within) : null;
    // A large folder has its own folders; one without any is shown as it is.
    if (folders?.folders.size > 1) {
      picture = folders;
      draw = () => {};
      show(scene, drawFolders(picture, (folder) => change({ select: folder.selector, folder: folder.selector })));
      say(`${count(within?.size ?? site.n_nodes, "node")} by folder: a click shows what is in one.`);
      return fit();
    }
    traced = state.column && state.focus !== undefined ? await trace(state.focus, state.column) : null;
    if (state.columns || traced) await openColumns();
    const chosen = nodes();
    if (typeof chosen === "string") return say(chosen);
    if (!chosen.size) return say("Nothing is selected.");
    const isLarge = chosen.size > CARDS;
    picture = isLarge ? placeAll(chosen) : place(chosen, (it) => CARD.height + columnsShown(it).length * CARD.row + (columnsShown(it).length ? 5 : 0));
    picture.isLarge = isLarge;
    draw = isLarge ? drawLarge : () => {};
    if (!isLarge) show(scene, drawSmall());
    say(describe(chosen));
    fit();
    return undefined;
  }

  /** A large project is first shown by its folders. */
  const isOfFolders = () => !state.select && state.focus === undefined && !state.all && site.n_nodes > WHOLE;

  /** What is in the picture, or why it cannot be said. */
  function nodes() {
    if (traced) return new Set([...[...traced.keys].map(pageOf), ...traced.decided.map((it) => it.page)]);
    if (state.select) return select(state.select);
    if (state.focus === undefined) return new Set(site.pages.map((it) => it.number).filter(inPicture));
    const around = new Set([state.focus]);
    reach([state.focus], parents, state.up ?? Infinity).forEach((it) => around.add(it));
    reach([state.focus], children, state.down ?? Infinity).forEach((it) => around.add(it));
    return around;
  }

  function describe(chosen) {
    if (traced) {
      const columns = count(traced.keys.size - 1, "other column");
      const gaps = [...chosen].some((it) => traced.graph.unknown.has(it)) ? " Some origins are unknown." : "";
      return traced.keys.size > 1 || traced.decided.length ? `${site.pages[state.focus].name}.${state.column}: ${columns} in its way.${gaps}` : `No origin or use of ${state.column} is known.`;
    }
    return `${count(chosen.size, "node")}, ${count(picture.edges.length, "edge")}`;
  }

  const say = (text) => { note.textContent = text; };

  /** Columns that a card lists: those in the way of the traced one, or all. */
  function columnsShown(number) {
    if (!columnEdges) return [];
    if (traced) return [...traced.keys].filter((it) => pageOf(it) === number).sort((a, b) => a - b).map(columnOf);
    return state.columns ? columnEdges.names[number].slice(0, SHOWN_COLUMNS).map((_, at) => at) : [];
  }

  function drawSmall() {
    const edges = picture.edges.map((it) => svg("path", { d: it.path, class: "edge", "data-from": it.from, "data-to": it.to, "marker-end": "url(#arrow)" }));
    const cards = [...picture.boxes].map(([number, box]) => card(number, box));
    return [svg(`g.edges${traced ? ".behind" : ""}`, edges), svg("g", cards), svg("g.column-edges", columnLines())];
  }

  /** How many neighbours of a node are not in the picture: a way to them, at the side where they would be. */
  function furtherOn(number, box) {
    if (traced) return [];
    const chip = (all, isLeft) => {
      const hidden = all.filter((it) => !picture.boxes.has(it)).length;
      if (!hidden) return null;
      const place = { transform: `translate(${isLeft ? -30 : box.width + 4} ${CARD.height / 2 - 9})` };
      return svg("a.further", { href: `#!/lineage?focus=${encodeURIComponent(site.pages[number].id)}&${isLeft ? "up=1&down=0" : "up=0&down=1"}`, "aria-label": `${hidden} more ${isLeft ? "before" : "after"} ${site.pages[number].name}` },
        svg("g", place, svg("rect", { width: 26, height: 18, rx: 9 }), svg("text", { x: 13, y: 13 }, `+${hidden > 99 ? "99" : hidden}`)));
    };
    return [chip(parents(number), true), chip(children(number), false)];
  }

  function card(number, box) {
    const page = site.pages[number];
    const listed = columnsShown(number);
    const isFocus = number === state.focus;
    const [kind] = OUTCOMES[page.status] ?? [];
    const under = [page.kind === "model" ? page.mat || "model" : wordOf(page.kind), page.rows !== undefined && `${short.format(page.rows)} rows`, kind === "bad" && OUTCOMES[page.status][1]].filter(Boolean).join(" · ");
    const name = fitted(page.name, box.width - (kind === "bad" ? 40 : 26));
    const group = svg(`g.card${isFocus ? ".focus" : ""}`, { transform: `translate(${round(box.x)} ${round(box.y)})`, "data-kind": page.kind, "data-number": number },
      svg("rect.body", { width: box.width, height: box.height, rx: 7 }),
      svg("path.stripe", { d: `M5 .3A7 7 0 0 0 0 7V${box.height - 7}A7 7 0 0 0 5 ${box.height - 0.3}Z` }),
      svg("a", { href: address(page), "aria-label": name === page.name ? null : `${name} ${clipped(under, 32)} ${page.name}` },
        svg("rect.hit", { width: box.width, height: Math.min(box.height, CARD.height), rx: 7 }),
        svg("text.name", { x: 16, y: 20 }, name), svg("text", " "),
        svg("text.under", { x: 16, y: 37 }, clipped(under, 32))),
      svg("title", [page.name, page.summary].filter(Boolean).join("\n")),
      kind === "bad" && svg("circle.bad", { cx: box.width - 13, cy: 15, r: 4 }, svg("title", "failed")),
      listed.map((column, at) => columnRow(number, column, at, box)), furtherOn(number, box));
    if (page.color) group.querySelector(".stripe").style.fill = page.color;
    group.addEventListener("pointerenter", () => light(number));
    group.addEventListener("pointerleave", () => light(null));
    return group;
  }

  function columnRow(number, column, at, box) {
    const name = columnEdges.names[number][column];
    const isStart = traced && traced.start === keyOf(number, column);
    const row = svg(`g.column${isStart ? ".start" : ""}`, { transform: `translate(0 ${CARD.height + at * CARD.row})`, tabindex: "0", role: "button", "aria-label": `Trace the column ${name}` },
      svg("rect", { x: 6, width: box.width - 8, height: CARD.row - 1 }), svg("text", { x: 16, y: 14 }, clipped(name, 30)), svg("title", `Trace ${name}`));
    const go = (event) => {
      event.stopPropagation();
      change({ focus: number, column: isStart ? undefined : name, select: undefined });
    };
    row.addEventListener("click", go);
    row.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), go(event)));
    return row;
  }

  /** Lines between the columns of cards. */
  function columnLines() {
    if (!traced) return [];
    const spot = (key, leaves) => {
      const box = picture.boxes.get(pageOf(key));
      const at = columnsShown(pageOf(key)).indexOf(columnOf(key));
      return [box.x + (leaves ? box.width : 0), box.y + CARD.height + (at + 0.5) * CARD.row];
    };
    const line = (way, from, to) => svg("path", { class: `column-edge ${WAYS[way].name}`, d: curve([from, to]) }, svg("title", WAYS[way].word));
    return [...traced.edges.map((it) => line(it.way, spot(it.from, true), spot(it.to, false))),
      ...traced.decided.map((it) => line(it.way, spot(it.from, true), port(picture.boxes.get(it.page), false)))];
  }

  /** Shows what a node is connected with while the pointer is on it. */
  function light(number) {
    scene.classList.toggle("lit", number !== null);
    for (const edge of scene.querySelectorAll(".edge")) {
      edge.classList.toggle("on", number !== null && (edge.dataset.from === String(number) || edge.dataset.to === String(number)));
    }
    const near = number === null ? null : new Set([number, ...parents(number), ...children(number)]);
    for (const it of scene.querySelectorAll(".card")) it.classList.toggle("on", near !== null && near.has(Number(it.dataset.number)));
  }

  /** Large pictures: what is in sight as cards, or all of it as marks. */
  function drawLarge() {
    const { width, height } = canvas.getBoundingClientRect();
    const [left, top] = [-view.x / view.k, -view.y / view.k];
    const [right, bottom] = [left + width / view.k, top + height / view.k];
    const isIn = (box) => box.x + box.width > left && box.x < right && box.y + box.height > top && box.y < bottom;
    const inSight = [...picture.boxes].filter(([, box]) => isIn(box));
    const asCards = inSight.length <= CARDS / 2;
    const seen = new Set(inSight.map(([number]) => number));
    const lines = picture.edges.filter((it) => !asCards || seen.has(it.from) || seen.has(it.to)).map((it) => it.path).join("");
    const marks = asCards ? inSight.map(([number, box]) => card(number, box)) : kindMarks(picture.boxes);
    show(scene, svg("path.edge.many", { d: lines }), svg("g", marks));
  }

  /** Shows all of it, if that can still be read; else the part around the focus. */
  function fit() {
    if (!picture) return;
    const margin = 28;
    const readable = tall ? READABLE_TALL : hasBar ? READABLE : READABLE_GLANCE;
    const { width } = canvas.getBoundingClientRect();
    if (!width) return;
    if (!tall) canvas.style.height = `${Math.round(Math.min(Math.max(picture.height * Math.max(readable, Math.min(1, (width - 2 * margin) / picture.width)) + 120, 190), 440))}px`;
    const { height } = canvas.getBoundingClientRect();
    const whole = Math.min((width - margin * 2) / picture.width, (height - margin * 2) / picture.height, 1.1);
    view.k = picture.isLarge ? whole : Math.max(whole, readable);
    view.x = (width - picture.width * view.k) / 2;
    view.y = (height - picture.height * view.k) / 2;
    const focus = picture.boxes.get(state.focus) ?? [...picture.boxes.values()][0];
    const held = (at, size, space) => (size * view.k <= space - margin * 2 ? (space - size * view.k) / 2 : Math.min(margin, Math.max(space - margin - size * view.k, space / 2 - at * view.k)));
    view.x = held(focus.x + focus.width / 2, picture.width, width);
    view.y = held(focus.y + focus.height / 2, picture.height, height);
    moved();
  }

  let isDue = false;
  function moved() {
    scene.setAttribute("transform", `translate(${view.x.toFixed(1)} ${view.y.toFixed(1)}) scale(${view.k.toFixed(4)})`);
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  }

  function zoom(factor, x, y) {
    const { width, height } = canvas.getBoundingClientRect();
    const [cx, cy] = [x ?? width / 2, y ?? height / 2];
    const k = Math.min(Math.max(view.k * factor, 0.005), 3);
    view.x = cx - ((cx - view.x) * k) / view.k;
    view.y = cy - ((cy - view.y) * k) / view.k;
    view.k = k;
    moved();
  }

  function zoomButtons() {
    const button = (name, label, act) => h("button.ghost", { type: "button", title: label, "aria-label": label, onclick: act }, icon(name));
    return h("div.zoom", button("plus", "Zoom in", () => zoom(1.3)), button("minus", "Zoom out", () => zoom(1 / 1.3)), button("fit", "Show all", fit));
  }

  listen(canvas, view, { moved, zoom, fit, tall, open: (x, y) => pick(picture, view, x, y) });

  function change(wanted) {
    Object.assign(state, wanted);
    if (!hasBar) return go(lineageAddress(state));
    remember(state);
    controls();
    return update();
  }

  function controls() {
    if (!hasBar) return;
    show(bar, lineageControls(state, change, () => exportSvg(canvas, scene, picture)));
  }

  controls();
  // The canvas has no size before it is in the page.
  new ResizeObserver(() => (picture ? fit() : update())).observe(canvas);
  return h("div.lineage-whole", bar, frame);
}

/** The address of the large view in this state. */
function lineageAddress(state) {
  const kept = new URLSearchParams();
  if (state.focus !== undefined) kept.set("focus", site.pages[state.focus].id);
  for (const key of ["select", "column", "up", "down"]) if (state[key] !== undefined) kept.set(key, state[key]);
  if (state.all) kept.set("all", "1");
  if (state.columns) kept.set("columns", "1");
  return `#!/lineage${[...kept].length ? `?${kept}` : ""}`;
}

/** Marks for nodes that are too many for cards: one path for each kind. */
function kindMarks(boxes) {
  const byKind = new Map();
  for (const [number, box] of boxes) {
    const { kind } = site.pages[number];
    byKind.set(kind, `${byKind.get(kind) ?? ""}M${round(box.x)} ${round(box.y)}h${box.width}v${box.height}h-${box.width}z`);
  }
  return [...byKind].map(([kind, d]) => svg("path.mark", { d, "data-kind": kind }));
}

/** The node at a place of the canvas, in a large picture. */
function pick(picture, view, x, y) {
  if (!picture?.isLarge) return undefined;
  const [px, py] = [(x - view.x) / view.k, (y - view.y) / view.k];
  for (const [number, box] of picture.boxes) if (px >= box.x && px <= box.x + box.width && py >= box.y && py <= box.y + box.height) return number;
  return undefined;
}

/** Pointer, wheel and keys. */
function listen(canvas, view, { moved, zoom, fit, tall, open: at }) {
  const pointers = new Map();
  let hasMoved = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, event);
    hasMoved = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    if (!hasMoved && Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY) < 4) return;
    if (!hasMoved) canvas.setPointerCapture(event.pointerId);
    hasMoved = true;
    if (pointers.size === 2) {
      const [other] = [...pointers.values()].filter((it) => it.pointerId !== event.pointerId);
      const distance = (it) => Math.hypot(it.clientX - other.clientX, it.clientY - other.clientY);
      const { left, top } = canvas.getBoundingClientRect();
      zoom(distance(event) / distance(last), (event.clientX + other.clientX) / 2 - left, (event.clientY + other.clientY) / 2 - top);
    } else {
      view.x += event.clientX - last.clientX;
      view.y += event.clientY - last.clientY;
      moved();
    }
    pointers.set(event.pointerId, event);
  });
  const end = (event) => pointers.delete(event.pointerId);
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  // The end of a drag is no click.
  canvas.addEventListener("click", (event) => {
    if (hasMoved) {
      event.preventDefault();
      event.stopPropagation();
      hasMoved = false;
      return;
    }
    const { left, top } = canvas.getBoundingClientRect();
    const number = event.target.closest("a, .column") ? undefined : at(event.clientX - left, event.clientY - top);
    if (number !== undefined) go(address(site.pages[number]));
  }, true);
  canvas.addEventListener("wheel", (event) => {
    // In the middle of a page the wheel scrolls the page, unless it is meant for the picture.
    if (!tall && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { left, top } = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (steps) {
      view.x += steps[0];
      view.y += steps[1];
      moved();
    } else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  });
}

/** The line above the picture: what is shown, how far, and what to do with it. */
function lineageControls(state, change, save) {
  const input = h("input", { type: "text", placeholder: "Filter: +orders, tag:daily, path:models/marts", "aria-label": "Filter with a selector", spellcheck: "false" });
  input.value = state.select ?? "";
  const form = h("form.filter", { onsubmit: (event) => {
    event.preventDefault();
    change({ select: input.value.trim() || undefined, folder: undefined, column: undefined });
  } }, input, h("button", { type: "submit" }, "Show"));
  const steps = (label, key) => {
    const options = [["0", 0], ["1", 1], ["2", 2], ["3", 3], ["all", undefined]];
    return h("label.steps", label, h("select", { onchange: (event) => change({ [key]: event.target.value === "" ? undefined : Number(event.target.value), select: undefined, column: undefined }) },
      options.map(([word, value]) => h("option", { value: value ?? "", selected: value === state[key] }, word))));
  };
  const toggle = site.n_columns > 0 && h("button", { type: "button", "aria-pressed": String(Boolean(state.columns)), onclick: () => change({ columns: !state.columns, column: undefined }) }, "Columns");
  const isAround = state.focus !== undefined && !state.select && !state.column;
  const isWhole = state.focus === undefined && !state.select;
  const folders = isWhole && site.n_nodes > WHOLE && h("button", { type: "button", "aria-pressed": String(Boolean(state.all)), onclick: () => change({ all: !state.all }) }, "All nodes");
  return [form, folders, isAround && [steps("before", "up"), steps("after", "down")],
    state.column && h("button", { type: "button", onclick: () => change({ column: undefined }) }, `Stop tracing ${state.column}`),
    !state.column && !(isWhole && site.n_nodes > WHOLE) && toggle, state.column && wayLegend(),
    h("button.ghost.save", { type: "button", title: "Save this picture as SVG", "aria-label": "Save this picture as SVG", onclick: save }, icon("download"))];
}

/** Folders as boxes, as deep as gives a picture that can be read; all that lies side by side is one box. */
function folderPicture(within) {
  const nodes = site.pages.filter((it) => (within ? within.has(it.number) : inPicture(it.number)));
  const isIn = new Set(nodes);
  const keyAt = (page, depth) => (page.kind === "model" ? ["model", page.pkg, ...(page.folders ?? []).slice(0, depth)] : [page.kind, ...(page.kind === "source" ? page.folders.slice(0, depth) : [])]).join("/");
  const depths = new Map([...new Set(nodes.map((it) => it.kind))].map((kind) => [kind, depthOf(nodes.filter((it) => it.kind === kind), within ? 45 : kind === "model" ? 30 : 12, keyAt)]));
  const folders = new Map();
  for (const page of nodes) {
    const key = keyAt(page, depths.get(page.kind));
    const folder = folders.get(key) ?? { key, pages: [], layers: 0, kind: page.kind, parents: new Map() };
    folders.set(key, folder);
    folder.pages.push(page);
    folder.layers += site.places[page.number][0];
    page.folderKey = key;
  }
  for (const page of nodes) {
    for (const parent of parents(page.number)) {
      if (!isIn.has(site.pages[parent])) continue;
      const from = site.pages[parent].folderKey;
      if (from !== page.folderKey) folders.get(page.folderKey).parents.set(from, (folders.get(page.folderKey).parents.get(from) ?? 0) + 1);
    }
  }
  return { ...placeFolders(folders), folders };
}

/** How many levels of folders give so many boxes at most. */
function depthOf(pages, most, keyAt) {
  let depth = 0;
  while (depth < 6 && new Set(pages.map((it) => keyAt(it, depth + 1))).size <= most) depth += 1;
  return depth;
}

/** A folder stands where its nodes do on the average. */
function placeFolders(folders) {
  const mean = (it) => Math.round(it.layers / it.pages.length);
  const used = [...new Set([...folders.values()].map(mean))].sort((a, b) => a - b);
  const layerOf = new Map([...folders].map(([key, it]) => [key, used.indexOf(mean(it))]));
  const items = [...folders.keys()].map((id, key) => ({ id, key, layer: layerOf.get(id), height: CARD.height }));
  const all = [...folders].flatMap(([to, it]) => [...it.parents].map(([from, n]) => ({ from, to, n })));
  const placed = arrange(items, all.filter((it) => layerOf.get(it.from) < layerOf.get(it.to)), { ...CARD, gapX: 90 });
  const level = all.filter((it) => layerOf.get(it.from) >= layerOf.get(it.to));
  return { ...placed, edges: [...placed.edges, ...level.map((it) => ({ ...it, path: loop(placed.boxes.get(it.from), placed.boxes.get(it.to), { start: 24, end: 36 }) }))] };
}

function drawFolders(picture, choose) {
  const most = Math.max(...picture.edges.map((it) => it.n), 1);
  const lines = picture.edges.map((it) => {
    const line = svg("path.edge", { d: it.path }, svg("title", `${number.format(it.n)} edges`));
    line.style.strokeWidth = (1 + 5 * Math.sqrt(it.n / most)).toFixed(1);
    return line;
  });
  const cards = [...picture.folders.values()].map((folder) => {
    const box = picture.boxes.get(folder.key);
    const [kind, ...rest] = folder.key.split("/");
    const name = rest.slice(kind === "model" && rest.length > 1 ? 1 : 0).join(" / ") || KINDS[kind];
    const { path } = folder.pages[0];
    const depth = kind === "model" ? rest.length - 1 : 0;
    folder.selector = kind === "source" && rest.length ? `source:${rest[0]}` : kind === "model" && depth > 0 ? `path:${folderPath(path, folder.pages[0], depth)}` : `resource_type:${kind}`;
    const card = svg("g.card.folder", { transform: `translate(${round(box.x)} ${round(box.y)})`, "data-kind": kind, tabindex: "0", role: "button", "aria-label": `Show ${name}` },
      svg("rect.body", { width: box.width, height: box.height, rx: 7 }), svg("path.stripe", { d: `M5 .3A7 7 0 0 0 0 7V${box.height - 7}A7 7 0 0 0 5 ${box.height - 0.3}Z` }),
      svg("text.name", { x: 16, y: 20 }, fitted(name, box.width - 26)), svg("text.under", { x: 16, y: 37 }, count(folder.pages.length, wordOf(kind))), svg("title", name));
    card.addEventListener("click", () => choose(folder));
    card.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), choose(folder)));
    return card;
  });
  return [svg("g.edges.folders", lines), svg("g", cards)];
}

/** The path of a folder that a node is in, so many folders below where models begin. */
function folderPath(path, page, depth) {
  const parts = path.split("/");
  const above = parts.length - 1 - (page.folders ?? []).length;
  return parts.slice(0, above + depth).join("/");
}

const wayLegend = () => h("span.legend", WAYS.map((it) => h(`span.way.${it.name}`, it.word)));

const arrowHeads = () => svg("defs", svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path.arrow", { d: "M0 0.5 8 4 0 7.5Z" })));

/** A text cut to so many points of width; wide letters take more than narrow ones. */
const ruler = document.createElement("canvas").getContext("2d");
const widths = new Map();

function fitted(text, width, font = "600 12.5px") {
  ruler.font = `${font} ${getComputedStyle(document.documentElement).getPropertyValue("--sans")}`;
  const wide = (it) => ruler.measureText(it).width;
  const key = `${font} ${width} ${text}`;
  if (!widths.has(key)) {
    // Names often differ at their ends, so the middle goes.
    let [cut, kept] = [text, text.length];
    while (kept > 4 && wide(cut) > width) {
      kept -= 1;
      cut = `${text.slice(0, Math.ceil(kept * 0.6))}…${text.slice(text.length - Math.floor(kept * 0.4))}`;
    }
    widths.set(key, cut);
  }
  return widths.get(key);
}

function clipped(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Saves the picture as a file that stands for itself: with its styles and the colours of this theme. */
function exportSvg(canvas, scene, picture) {
  if (!picture) return;
  const copy = canvas.cloneNode(false);
  copy.setAttribute("viewBox", `-16 -16 ${round(picture.width + 32)} ${round(picture.height + 32)}`);
  copy.setAttribute("width", round(picture.width + 32));
  copy.setAttribute("height", round(picture.height + 32));
  const inner = scene.cloneNode(true);
  inner.removeAttribute("transform");
  const sheet = document.querySelector("style").textContent;
  const rules = sheet.slice(sheet.indexOf("/* The picture */"), sheet.indexOf("/* Around the picture */"));
  const computed = getComputedStyle(document.documentElement);
  const names = new Set(rules.match(/--[a-z-]+/g));
  const values = [...names].map((it) => `${it}:${computed.getPropertyValue(it)}`).join(";");
  const style = svg("style");
  style.textContent = `svg{${values};background:${computed.getPropertyValue("--canvas")}}${rules}`;
  copy.append(style, arrowHeads(), inner);
  copy.querySelectorAll("[href]").forEach((it) => it.removeAttribute("href"));
  download(`${site.project.name}-lineage.svg`, "image/svg+xml", new XMLSerializer().serializeToString(copy));
}
