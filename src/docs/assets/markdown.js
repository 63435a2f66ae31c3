// Descriptions. They come as trees of known elements (`src/docs/markdown.rs`); anything else is shown as text.

const ELEMENTS = new Set([
  "p", "h1", "h2", "h3", "h4", "ul", "ol", "li", "code", "pre", "em", "strong", "del", "blockquote",
  "table", "thead", "tr", "td", "a", "span", "br", "hr",
]);

/** Headings of a description stand below those of the page. */
const HEADINGS = { h1: "h3", h2: "h4", h3: "h5", h4: "h6" };

function prose(tree, kind = "") {
  if (!tree) return null;
  return h(`div.prose${kind && `.${kind}`}`, tree.map(block));
}

function block(node) {
  if (typeof node === "string") return node;
  const [tag, ...rest] = node;
  if (!ELEMENTS.has(tag)) return null;
  const hasAttributes = rest.length > 0 && typeof rest[0] === "object" && !Array.isArray(rest[0]);
  const attributes = hasAttributes ? rest.shift() : {};
  if (tag === "pre") return code(rest.join(""), attributes.lang === "sql" ? "sql" : "text");
  if (tag === "a") return anchor(attributes.href, rest.map(block));
  if (tag === "table") return h("div.scroll", { tabindex: "0", role: "group", "aria-label": "Table" }, h("table", rest.map(block)));
  if (tag === "thead") return h("thead", h("tr", rest.map((it) => h("th", it.slice(1).map(block)))));
  const own = tag === "ol" && Number.isInteger(attributes.start) ? { start: attributes.start } : {};
  return h(HEADINGS[tag] ?? tag, own, rest.map(block));
}

/** A link out opens beside the site; a link to a page of the site stays in it. */
function anchor(href, children) {
  if (typeof href === "string" && href.startsWith("#!/")) return h("a", { href }, children);
  if (!/^(https?:\/\/|mailto:)/i.test(href ?? "")) return h("span", children);
  return h("a.out", { href, rel: "noopener noreferrer", target: "_blank" }, children);
}

/** A description without its markup. */
function plain(tree) {
  if (!tree) return "";
  const of = (node) => (typeof node === "string" ? node : node.slice(1).map((it) => (typeof it === "object" && !Array.isArray(it) ? "" : of(it))).join(""));
  return tree.map(of).join("\n").trim();
}
