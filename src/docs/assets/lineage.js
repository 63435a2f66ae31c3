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
    // Without a focus a picture is read from its beginning.
    const focus = picture.boxes.get(state.focus) ?? { x: 0, y: 0, width: 0, height: 0 };
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
