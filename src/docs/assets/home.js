// The first page: what this project is, how it is, and where to begin.

function homePage() {
  document.title = `${site.project.name} · documentation`;
  const { health } = site;
  return h("article.home", h("header.page-head", h("h1", site.project.name), h("p.lead", census())),
    health.last ? lastRun(health) : h("section.notice", h("h2", "No run is known yet"), h("p", "Build the project and write this site again: then it tells how models and tests fared, how many rows there are, and how long it took.")),
    attention(health), site.overview && h("section.overview", { "aria-label": "About this project" }, prose(site.overview)), wholePicture(), changesOf(health), kindCards(), mostUsed());
}

/** What is made from what, at a glance: nodes of a small project, folders of a large one. */
function wholePicture() {
  if (site.n_nodes < 2) return null;
  return h("section", h("h2", "How it fits together"), lineageView({}, { hasBar: false }), h("p.after-picture", h("a", { href: "#!/lineage" }, "Open in the large view")));
}

/** How much there is, in words. */
function census() {
  const counts = new Map();
  for (const page of site.pages) counts.set(page.kind, (counts.get(page.kind) ?? 0) + 1);
  const words = ["source", "seed", "model", "snapshot", "exposure"].filter((it) => counts.get(it)).map((it) => count(counts.get(it), it));
  const tests = (counts.get("test") ?? 0) + (counts.get("unit_test") ?? 0);
  return [...words, count(tests, "test"), count(site.n_columns, "column")].join(" · ");
}

function lastRun(health) {
  const { last } = health;
  const [kind, word] = OUTCOMES[last.status] ?? ["quiet", last.status];
  const headline = { good: "Everything passed", bad: "The last run failed", warn: "The last run was interrupted", quiet: `The last run: ${word}` }[kind];
  const tally = (entries, one) => entries.map(([status, n]) => h("span.tally", h(`span.dot.${(OUTCOMES[status] ?? ["quiet"])[0]}`), `${number.format(n)} ${one}${n === 1 ? "" : "s"} ${(OUTCOMES[status] ?? ["", status])[1]}`));
  return h(`section.health.${kind}`,
    h("div.health-main", h("h2", headline), h("p", h("code", last.command || "run"), last.target && [" on ", h("code", last.target)], " · ", time(last.started_at), last.seconds ? ` · ${seconds(last.seconds)}` : ""),
      h("p.tallies", tally(last.nodes, "node"), tally(last.tests, "test"))),
    health.runs?.length > 1 && runPlot("Runs", health.runs.map(([at, status, took]) => ({ at, status, seconds: took }))));
}

/** What somebody should look at. */
function attention(health) {
  const list = (title, kind, numbers, line) => numbers.length > 0 && h(`section.attention.${kind}`, h("h2", title, " ", h("span.badge", number.format(numbers.length))),
    h("ul.rows", numbers.slice(0, 12).map((it) => h("li", line(it)))), numbers.length > 12 && h("p.quiet", `and ${number.format(numbers.length - 12)} more`));
  const test = (it) => {
    const page = site.pages[it];
    return [pageLink(it, testWord(page)), page.on !== undefined && h("span.quiet", " on ", pageLink(page.on), page.column && ` · ${page.column}`)];
  };
  const node = (it) => [pageLink(it), " ", outcome(site.pages[it].status)];
  return h("div.attentions", list("Not published", "bad", health.broken, node), list("Skipped in the last run", "warn", health.skipped, (it) => [pageLink(it), " ", outcome("skipped")]), list("Failing tests", "bad", health.failing, test), list(health.stale.every((it) => ["stale", "warn"].includes(site.pages[it].status)) ? "Stale sources" : "Sources that are stale or changed", "warn", health.stale, node), list("Tests that warn", "warn", health.warning, test));
}

function changesOf(health) {
  if (!health.changes.length) return null;
  const line = (it) => {
    if (it.what === "new") return h("span", "first run: ", outcome(it.after));
    if (it.what === "status") return h("span", outcome(it.before), " → ", outcome(it.after));
    const [before, after] = [Number(it.before), Number(it.after)];
    const share = before ? ` (${after > before ? "+" : "−"}${number.format(Math.abs(((after - before) / before) * 100))} %)` : "";
    return h("span", `${number.format(before)} → ${number.format(after)} rows${share}`);
  };
  return h("section", h("h2", "Changed since the run before"), h("ul.rows", health.changes.slice(0, 20).map((it) => h("li", pageLink(it.page), " ", line(it)))),
    health.changes.length > 20 && h("p.quiet", `and ${number.format(health.changes.length - 20)} more`));
}

/** Where to go on: a card for each kind. */
function kindCards() {
  const kinds = Object.keys(KINDS).filter((kind) => site.pages.some((it) => it.kind === kind));
  const ways = [["#!/lineage", "Lineage", "What is made from what"], site.relations.length && ["#!/entities", "Entities", "How tables refer to each other"], ["#!/dictionary", "Data dictionary", "Every column, to read or to download"]].filter(Boolean);
  return h("section", h("h2", "Browse"), h("div.tiles", ways.map(([href, title, text]) => h("a.tile", { href }, h("strong", title), h("span", text)))),
    h("div.tiles.kinds", kinds.map((kind) => h("a.tile", { href: `#!/kind/${kind}`, "data-kind": kind }, h("strong", h("span.kind-dot"), KINDS[kind]), h("span", number.format(site.pages.filter((it) => it.kind === kind).length))))));
}

/** Nodes that most others read: a good place to begin in a project that is new to the reader. */
function mostUsed() {
  const shown = site.pages.filter((it) => inPicture(it.number) && children(it.number).length > 1);
  if (shown.length < 3) return null;
  const top = shown.sort((a, b) => children(b.number).length - children(a.number).length || a.number - b.number).slice(0, 8);
  return h("section", h("h2", "Read by most"), h("ul.rows", top.map((it) => h("li", pageLink(it.number), h("span.quiet", ` ${count(children(it.number).length, "reader")}${it.summary ? ` · ${it.summary}` : ""}`)))));
}

/** More rows than these are shown when somebody asks for all. */
const MAX_ROWS = 400;

/** All pages of a kind, with a filter. */
function kindPage(kind) {
  document.title = `${KINDS[kind]} · ${site.project.name}`;
  const pages = site.pages.filter((it) => it.kind === kind);
  const isNode = ["model", "seed", "snapshot", "source"].includes(kind);
  const heads = isTest({ kind }) ? ["Test", "On", "Column", "Last result"] : isNode ? ["Name", "Rows", "Columns", "Last result", "Description"] : ["Name", "Description"];
  const body = h("tbody");
  const more = h("p.actions");
  const input = h("input", { type: "search", placeholder: `Only ${KINDS[kind].toLowerCase()} with these letters`, "aria-label": `Filter the ${KINDS[kind].toLowerCase()}` });
  const update = (limit) => {
    const text = input.value.trim().toLowerCase();
    const found = pages.filter((it) => [it.name, it.summary, it.column, it.status, OUTCOMES[it.status]?.[1], it.on !== undefined && site.pages[it.on].name, ...(it.tags ?? [])].some((its) => its && its.toLowerCase().includes(text)));
    show(body, found.slice(0, limit).map(isTest({ kind }) ? (page) => testRow(page, true) : (page) => pageRow(page, isNode)));
    show(more, found.length > limit ? [`${number.format(limit)} of ${number.format(found.length)} `, h("button", { type: "button", onclick: () => update(Infinity) }, "Show all")] : found.length ? null : "Nothing has these letters.");
  };
  input.addEventListener("input", () => update(MAX_ROWS));
  update(MAX_ROWS);
  return h("article", h("header.page-head", h("h1", KINDS[kind]), h("p.lead", count(pages.length, wordOf(kind)))), pages.length > 12 && h("p.actions", input),
    h("div.scroll", { tabindex: "0", role: "group", "aria-label": KINDS[kind] }, h("table.list", h("thead", h("tr", heads.map((it) => h("th", { scope: "col", class: ["Rows", "Columns"].includes(it) ? "figure" : null }, it)))), body)), more);
}

function pageRow(page, isNode) {
  return h("tr", h("th", { scope: "row" }, pageLink(page.number)),
    isNode && [h("td.figure", page.rows === undefined ? "" : number.format(page.rows)), h("td.figure", page.n_columns ?? ""), h("td", isWorkedOn(page) && outcome(page.status))], h("td.quiet", page.summary ?? ""));
}

/** A test as its kind, with its whole name below it where that says more; on what, and how it ended. */
function testRow(page, hasOn) {
  const word = testWord(page);
  return h("tr", h("th", { scope: "row" }, pageLink(page.number, word), word !== page.name && h("span.full-name", page.name)),
    hasOn && h("td", page.on !== undefined && pageLink(page.on)), h("td", page.column && h("code", page.column)), h("td", outcome(page.status)));
}
