// Selectors as on the command line, over the nodes of the picture: `+orders+1`, `tag:daily`, `path:models/marts`,
// `source:raw`, `*_daily`; words with blanks between them are added up, with commas all must hold.

const METHODS = {
  tag: (page, value) => (page.tags ?? []).some((it) => glob(value).test(it)),
  path: (page, value) => (page.path ?? "") === value || (page.path ?? "").startsWith(`${value.replace(/\/$/, "")}/`),
  package: (page, value) => glob(value).test(page.pkg),
  group: (page, value) => glob(value).test(page.group ?? ""),
  owner: (page, value) => glob(value).test(page.owner ?? ""),
  resource_type: (page, value) => page.kind === value,
  source: (page, value) => page.kind === "source" && (glob(value).test(page.name) || glob(value).test(page.name.split(".")[0])),
  exposure: (page, value) => page.kind === "exposure" && glob(value).test(page.name),
  schema: (page, value) => glob(value).test(page.schema ?? ""),
  "config.materialized": (page, value) => page.mat === value,
  status: (page, value) => page.status === value,
  fqn: (page, value) => byName(page, value),
};

function glob(text) {
  const pattern = text.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
  return new RegExp(`^${pattern}$`, "i");
}

/** A name, a part of its folders, or a folder's path. */
function byName(page, value) {
  const names = [page.name, page.id, [page.pkg, ...(page.folders ?? []), page.name].join("."), page.pkg, ...(page.folders ?? [])];
  return names.some((it) => glob(value).test(it)) || (value.includes("/") && METHODS.path(page, value));
}

/** The nodes selected, or a sentence that says what cannot be read. */
function select(text) {
  const all = new Set();
  for (const part of text.trim().split(/\s+/).filter(Boolean)) {
    let both = null;
    for (const criterion of part.split(",").filter(Boolean)) {
      const found = criterionNodes(criterion);
      if (typeof found === "string") return found;
      both = both ? new Set([...both].filter((it) => found.has(it))) : found;
    }
    for (const number of both ?? []) all.add(number);
  }
  return all;
}

function criterionNodes(text) {
  const match = /^(@)?(?:(\d*)(\+))?(.*?)(?:(\+)(\d*))?$/.exec(text);
  const [, at, up, plus, body, after, steps] = match;
  if (!body) return `“${text}” selects nothing: write a name beside the plus`;
  const colon = body.indexOf(":");
  const method = colon > 0 ? body.slice(0, colon) : "fqn";
  const value = colon > 0 ? body.slice(colon + 1) : body;
  const matches = METHODS[method];
  if (!matches) return `“${method}:” is not known here; there are ${Object.keys(METHODS).join(", ")}`;
  const direct = site.pages.filter((it) => inPicture(it.number) && matches(it, value)).map((it) => it.number);
  const all = new Set(direct);
  if (plus || at) reach(direct, parents, up ? Number(up) : Infinity).forEach((it) => all.add(it));
  if (after || at) {
    const below = reach(direct, children, steps ? Number(steps) : Infinity);
    below.forEach((it) => all.add(it));
    if (at) reach([...below], parents, Infinity).forEach((it) => all.add(it));
  }
  return all;
}

const parents = (number) => (site.pages[number].up ?? []).filter(inPicture);
const children = (number) => down[number].filter(inPicture);

/** All that can be reached in so many steps; without the start. */
function reach(start, next, depth) {
  const seen = new Set(start);
  const found = new Set();
  let edge = start;
  for (let step = 0; step < depth && edge.length; step += 1) {
    const further = [];
    for (const number of edge) {
      for (const other of next(number)) {
        if (seen.has(other)) continue;
        seen.add(other);
        found.add(other);
        further.push(other);
      }
    }
    edge = further;
  }
  return found;
}
