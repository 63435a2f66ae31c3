// The data: parts of JSON, compressed, in the page itself or in files beside it. Each is read when asked for.

const parts = new Map();

/** A part by its name, as a promise. */
function part(name) {
  if (!parts.has(name)) parts.set(name, read(name));
  return parts.get(name);
}

async function read(name) {
  const version = document.querySelector("meta[name=data-version]");
  const bytes = version ? await fetched(name, version.content) : await embedded(name);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function embedded(name) {
  const id = `data-${name}`;
  // The script runs before the end of the page is there.
  if (!document.getElementById(id) && document.readyState === "loading") {
    await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
  }
  const text = document.getElementById(id).textContent;
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (it) => it.charCodeAt(0));
}

async function fetched(name, version) {
  if (location.protocol === "file:") {
    throw new Error("This site is split into files and needs a web server: `tidemill docs serve --split`, or write it in one file with `tidemill docs`.");
  }
  const answer = await fetch(`data/${name}.gz?v=${version}`);
  if (!answer.ok) throw new Error(`data/${name}.gz cannot be loaded (${answer.status})`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // Some servers say that such files are compressed in transit; then the browser has unpacked them already.
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? bytes : new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
}

/** The index; set before anything is shown. */
let site = null;
/** Numbers of pages by id, and the pages that are made from each. */
const numberOf = new Map();
let down = [];

async function open() {
  site = await part("index");
  down = site.pages.map(() => []);
  site.pages.forEach((page, number) => {
    numberOf.set(page.id, number);
    page.number = number;
    for (const parent of page.up ?? []) down[parent].push(number);
  });
  site.n_nodes = site.places.filter(Boolean).length;
}

/** What one page alone shows. */
async function detailOf(number) {
  const details = await part(`part-${Math.floor(number / site.per_part)}`);
  return details[number % site.per_part];
}

const isTest = (page) => page.kind === "test" || page.kind === "unit_test";
const inPicture = (number) => Boolean(site.places[number]);

/** The words of kinds, and the order in which they are listed. */
const KINDS = {
  source: "Sources", seed: "Seeds", model: "Models", snapshot: "Snapshots", exposure: "Exposures",
  metric: "Metrics", semantic_model: "Semantic models", saved_query: "Saved queries", analysis: "Analyses",
  function: "Functions", group: "Groups", macro: "Macros", test: "Data tests", unit_test: "Unit tests",
};

const wordOf = (kind) => kind.replace("_", " ");

/** The address of a page, in the form of dbt's site, so that links to that keep their meaning. */
const address = (page, tail = "") => `#!/${page.kind}/${encodeURIComponent(page.id)}${tail}`;

/** A link to a page. */
function pageLink(number, text) {
  const page = site.pages[number];
  return h("a.page-link", { href: address(page), "data-kind": page.kind }, text ?? page.name);
}

/** What became of something, as a class and words. */
const OUTCOMES = {
  success: ["good", "built"], unchanged: ["quiet", "unchanged"], pass: ["good", "passed"], "no-op": ["quiet", "nothing to do"],
  warn: ["warn", "warned"], "rolled back": ["bad", "not published"], fail: ["bad", "failed"], failed: ["bad", "failed"],
  error: ["bad", "failed"], "runtime error": ["bad", "failed"], skipped: ["quiet", "skipped"], running: ["quiet", "running"],
  interrupted: ["warn", "interrupted"], "not published": ["warn", "made, not published"], "partial success": ["warn", "published in part"],
  // Of sources.
  good: ["good", "good"], stale: ["bad", "stale"], changed: ["bad", "changed"], missing: ["bad", "missing"],
};

/** What is never worked on has no outcome. */
const isWorkedOn = (page) => (page.kind === "model" && page.mat !== "ephemeral") || ["seed", "snapshot", "test", "unit_test"].includes(page.kind) || Boolean(page.status);

function outcome(status) {
  const [kind, word] = OUTCOMES[status] ?? ["quiet", status || "not run"];
  return h(`span.status.${kind}`, word);
}
