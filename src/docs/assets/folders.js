// The picture of a large project: folders as boxes, with as many edges as their nodes have.

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
    const [shown, size] = [fitted(name, box.width - 26), count(folder.pages.length, wordOf(kind))];
    const { path } = folder.pages[0];
    const depth = kind === "model" ? rest.length - 1 : 0;
    folder.selector = kind === "source" && rest.length ? `source:${rest[0]}` : kind === "model" && depth > 0 ? `path:${folderPath(path, folder.pages[0], depth)}` : `resource_type:${kind}`;
    const card = svg("g.card.folder", { transform: `translate(${round(box.x)} ${round(box.y)})`, "data-kind": kind, tabindex: "0", role: "button", "aria-label": [shown, size, shown !== name && name].filter(Boolean).join(" ") },
      svg("rect.body", { width: box.width, height: box.height, rx: 7 }), svg("path.stripe", { d: `M5 .3A7 7 0 0 0 0 7V${box.height - 7}A7 7 0 0 0 5 ${box.height - 0.3}Z` }),
      svg("text.name", { x: 16, y: 20 }, shown), svg("text", " "), svg("text.under", { x: 16, y: 37 }, size), svg("title", `Show ${name}`));
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
