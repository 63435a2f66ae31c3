// The list of everything, by kind and folder. Only what is unfolded is in the page.

/** Sources, then what is made of them, then who uses it. */
const SIDE_KINDS = ["source", "seed", "model", "snapshot", "exposure", "metric", "semantic_model", "saved_query", "analysis", "function", "group", "macro"];

function sidebar() {
  const links = [["#!/overview", "Overview"], ["#!/lineage", "Lineage"], site.relations.length && ["#!/entities", "Entities"], ["#!/dictionary", "Dictionary"], site.pages.some((it) => it.kind === "test") && ["#!/kind/test", "Tests"]].filter(Boolean);
  const trees = SIDE_KINDS.map((kind) => [kind, site.pages.filter((it) => it.kind === kind)]).filter(([, pages]) => pages.length);
  return [h("ul.side-links", links.map(([href, word]) => h("li", h("a", { href }, word)))),
    trees.map(([kind, pages]) => branch(h("span", h("span.kind-dot", { "data-kind": kind }), KINDS[kind]), pages.length, () => folderTree(kind, pages), { key: kind, open: kind === "model" || pages.length <= 12 }))];
}

/** Pages by package (where there are several) and folders. */
function folderTree(kind, pages) {
  const own = pages.every((it) => it.pkg === pages[0].pkg);
  const root = { folders: new Map(), pages: [] };
  for (const page of pages) {
    let at = root;
    for (const name of [...(own ? [] : [page.pkg]), ...(page.folders ?? [])]) {
      if (!at.folders.has(name)) at.folders.set(name, { folders: new Map(), pages: [] });
      at = at.folders.get(name);
    }
    at.pages.push(page);
  }
  return level(root, kind);
}

function level({ folders, pages }, key) {
  const sorted = [...folders].sort(([a], [b]) => a.localeCompare(b));
  const size = (it) => it.pages.length + [...it.folders.values()].reduce((sum, inner) => sum + size(inner), 0);
  return [sorted.map(([name, inner]) => branch(name, size(inner), () => level(inner, `${key}/${name}`), { key: `${key}/${name}`, open: sorted.length === 1 || size(inner) <= 8 })),
    h("ul.leaves", pages.sort((a, b) => a.name.localeCompare(b.name)).map((page) => h("li", leaf(page))))];
}

function leaf(page) {
  const name = page.kind === "source" ? page.name.slice(page.name.indexOf(".") + 1) : page.name;
  const [kind] = OUTCOMES[page.status] ?? [];
  return h("a", { href: address(page), "data-id": page.id, title: page.name }, name, kind === "bad" && h("span.dot.bad", { title: "failed" }));
}

/** Unfolded by hand, or because the page shown is in it; its content is made when it is opened. */
function branch(title, size, content, { key, open: isOpen }) {
  const body = h("div.branch-body");
  const details = h("details.branch", { "data-key": key }, h("summary", icon("chevron"), h("span.branch-title", title), h("span.badge", number.format(size))), body);
  details.fillBranch = () => {
    if (!body.hasChildNodes()) append(body, [content()]);
  };
  details.addEventListener("toggle", () => details.open && details.fillBranch());
  if (isOpen) {
    details.fillBranch();
    details.open = true;
  }
  return details;
}

/** Marks the page that is shown and unfolds its folders. */
function markCurrent(side, hash) {
  side.querySelectorAll("[aria-current]").forEach((it) => it.removeAttribute("aria-current"));
  const page = site.pages[numberOf.get(idIn(hash))];
  if (page && SIDE_KINDS.includes(page.kind)) {
    const own = site.pages.filter((it) => it.kind === page.kind).every((it) => it.pkg === page.pkg);
    let key = page.kind;
    const keys = [key, ...[...(own ? [] : [page.pkg]), ...(page.folders ?? [])].map((name) => (key = `${key}/${name}`))];
    for (const it of keys) {
      const found = [...side.querySelectorAll("details.branch")].find((branch) => branch.dataset.key === it);
      found?.fillBranch();
      if (found) found.open = true;
    }
  }
  const links = [...side.querySelectorAll("a")];
  const link = page ? links.find((it) => it.dataset.id === page.id) : links.find((it) => it.getAttribute("href") === hash.split("?")[0]);
  if (link) {
    link.setAttribute("aria-current", "page");
    link.scrollIntoView({ block: "nearest" });
  }
}
