// The page of a node, test, macro or group.

async function nodePage(number, query) {
  const page = site.pages[number];
  const detail = await detailOf(number);
  document.title = `${page.name} · ${site.project.name}`;
  const sections = [
    ["columns", "Columns", columnsSection(page, detail, query.get("column"))],
    ["arguments", "Arguments", argumentsSection(detail)],
    ["fixtures", "Rows", fixturesSection(detail)],
    ["tests", "Tests", testsSection(page)],
    ["lineage", "Lineage", lineageSection(page)],
    ["references", "References", referencesSection(page)],
    ["runs", "History", runsSection(page, detail)],
    ["sample", "Sample rows", sampleSection(detail)],
    ["code", "Code", codeSection(page, detail)],
    ["uses", page.kind === "group" ? "Members" : page.kind === "macro" ? (detail.used_by?.length ? "Used by" : "Calls") : "Macros", usesSection(page, detail)],
    ["config", "Config", configSection(detail)],
  ].filter(([, , body]) => body);
  const article = h("article.node", { "data-kind": page.kind }, head(page, detail), tabs(sections), prose(detail.description, "description") ?? noDescription(page),
    factsTable(detail), freshness(detail), sections.map(([id, title, body]) => h("section", { id: `s-${id}`, "aria-labelledby": `h-${id}` }, h("h2", { id: `h-${id}` }, title), body)));
  return article;
}

function head(page, detail) {
  const tags = (page.tags ?? []).map((it) => h("a.tag", { href: `#!/lineage?select=${encodeURIComponent(`tag:${it}`)}`, title: `Lineage of all with the tag ${it}` }, it));
  const group = page.group && site.pages.find((it) => it.kind === "group" && it.name === page.group);
  return h("header.page-head", h("p.crumbs", h("span.kind-dot"), page.mat ? `${page.mat} ` : "", wordOf(page.kind), page.folders?.length ? ` · ${page.folders.join(" / ")}` : ""),
    h("h1", page.name), isTest(page) && testedBy(page), h("p.badges", isWorkedOn(page) && outcome(page.status), tags, group && h("span.tag", "group ", pageLink(group.number)), page.owner && h("span.tag", `owner ${page.owner}`),
      detail.url && h("a.button.out", { href: detail.url, rel: "noopener noreferrer", target: "_blank" }, "Open")));
}

/** What a test is about: the page it is shown on and its column, or all that it reads. */
function testedBy(page) {
  const others = (page.up ?? []).filter((it) => it !== page.on);
  const about = page.on !== undefined && h("span", "on ", page.column ? columnLink(page.on, page.column) : pageLink(page.on));
  return h("p.lead", about, others.length > 0 && [about ? ", reads " : "reads ", others.map((it, at) => [at > 0 && ", ", pageLink(it)])]);
}

/** Links to the sections of a long page. */
function tabs(sections) {
  if (sections.length < 2) return null;
  return h("nav.tabs", { "aria-label": "On this page" }, sections.map(([id, title]) => h("button", { type: "button", onclick: () => {
    const section = document.getElementById(`s-${id}`);
    section.scrollIntoView();
    section.querySelector("h2").setAttribute("tabindex", "-1");
    section.querySelector("h2").focus({ preventScroll: true });
  } }, title)));
}

const noDescription = (page) => (["macro", "test"].includes(page.kind) ? null : h("p.description.quiet", "No description."));

function factsTable(detail) {
  if (!detail.facts?.length) return null;
  return h("dl.facts", detail.facts.map(([word, value]) => [h("dt", word), h("dd", word === "Relation" || word === "File" || word === "Described in" ? h("code", value) : value)]));
}

/** `stale · newest row 12 Nov 2026 · checked 14 Nov 2026 · fails after 1 day by loaded_at`. */
function freshness({ freshness: it }) {
  if (!it) return null;
  const rules = [it.warn_after && `warns after ${it.warn_after}`, it.error_after && `fails after ${it.error_after}`].filter(Boolean).join(", ");
  const said = [it.loaded_at && `newest row ${time(it.loaded_at)}`, it.checked_at && `checked ${time(it.checked_at)}`, rules && `${rules}${it.field ? ` by ${it.field}` : ""}`].filter(Boolean);
  return h("dl.facts", h("dt", "Freshness"), h("dd", it.status ? outcome(it.status) : h("span.status.quiet", "not checked yet"), said.map((text) => [" · ", text])));
}

function columnsSection(page, detail, wanted) {
  const { columns } = detail;
  if (!columns?.length) return ["model", "source", "seed", "snapshot"].includes(page.kind) ? h("p.quiet", "Columns are unknown", detail.doubt ? `: ${detail.doubt}.` : ": none is described, and the relation was not there to be looked at.") : null;
  const has = { from: columns.some((it) => it.from?.length), tests: columns.some((it) => it.tests?.length) };
  const heads = ["Column", "Type", "Description", has.from && "Comes from", has.tests && "Tests"].filter(Boolean);
  const keys = (detail.keys ?? []).map(([number, name], at) => [at > 0 && ", ", columnLink(number, name)]);
  return [h("div.scroll", { tabindex: "0", role: "group", "aria-label": "Columns" }, h("table.columns", h("thead", h("tr", heads.map((it) => h("th", { scope: "col" }, it)))), h("tbody", columns.map((it) => columnRow(page, it, has, wanted))))),
    keys.length > 0 && h("p.keys", h("span.quiet", "Its rows are decided by "), keys),
    detail.doubt && h("p.keys.quiet", `Columns and types may be others when it is built: ${detail.doubt}.`),
    detail.unknown_origins !== undefined && h("p.keys.quiet", `Where some of its columns come from is unknown${detail.unknown_origins ? `: ${detail.unknown_origins}` : ""}.`)];
}

function columnRow(page, column, has, wanted) {
  const isWanted = wanted && column.name.toLowerCase() === wanted.toLowerCase();
  const canTrace = site.n_column_edges > 0 && inPicture(page.number) && !column.is_missing;
  const about = [...(column.constraints ?? []), ...(column.tags ?? [])].map((it) => h("span.tag", it));
  return h(`tr${isWanted ? ".wanted" : ""}`, h("th", { scope: "row" }, h("code", column.name), canTrace && traceLink(page, column)),
    h("td", column.type ? h("code.type", column.type) : h("span.quiet", "unknown"), column.is_declared && h("span.quiet", " declared"), column.is_missing && [" ", h("span.status.warn", "not in the relation")]),
    h("td", prose(column.description, "cell"), column.inherited && inheritedFrom(column),
      about, Object.keys(column.meta ?? {}).length > 0 && h("details", h("summary", "meta"), code(JSON.stringify(column.meta, null, 2), "text"))),
    has.from && h("td.from", origins(column)),
    has.tests && h("td.column-tests", (column.tests ?? []).map((it) => testMark(it))));
}

/** Whose words a description is. */
const inheritedFrom = ({ inherited }) => h("p.inherited", icon("inherit"), "inherited from ", columnLink(...inherited));

const traceLink = (page, column) => h("a.trace", { href: `#!/lineage?focus=${encodeURIComponent(page.id)}&column=${encodeURIComponent(column.name)}`, title: `Trace ${column.name}`, "aria-label": `Trace the column ${column.name}` }, icon("trace"));

/** The columns that one is made from, and how. */
function origins({ from = [], is_origin_unknown: isUnknown }) {
  const line = ([number, name, way]) => h("li", columnLink(number, name), way > 0 && h("span.quiet", ` ${WAYS[way].word}`));
  const rest = from.length - MAX_ORIGINS;
  if (!from.length && !isUnknown) return null;
  return h("ul", from.slice(0, MAX_ORIGINS).map(line), rest > 0 && h("li.quiet", `and ${rest} more`), isUnknown && h("li.quiet", "unknown"));
}

/** More are a picture: the trace. */
const MAX_ORIGINS = 4;

function columnLink(number, name) {
  const page = site.pages[number];
  return h("a.page-link.column-link", { href: address(page, `?column=${encodeURIComponent(name)}`), title: `${page.name}.${name}` }, `${page.name}.`, h("wbr"), name);
}

/** A test as its kind and its last result. */
function testMark(number) {
  const page = site.pages[number];
  const [kind, word] = OUTCOMES[page.status] ?? ["quiet", "not run"];
  return h(`a.test-mark.${kind}`, { href: address(page), title: `${page.name}: ${word}` }, clipped(testWord(page), 28), h("span.offscreen", ` ${word}`));
}

/** `unique_orders_id` is `unique` where column and table are known; a name of its own is kept. */
const testWord = (page) => (page.test && page.on !== undefined ? page.test : page.name);

function argumentsSection({ arguments: list }) {
  if (!list?.length) return null;
  return h("div.scroll", { tabindex: "0", role: "group", "aria-label": "Arguments" }, h("table.columns", h("thead", h("tr", h("th", { scope: "col" }, "Argument"), h("th", { scope: "col" }, "Type"), h("th", { scope: "col" }, "Description"))),
    h("tbody", list.map((it) => h("tr", h("th", { scope: "row" }, h("code", it.name)), h("td", it.type && h("code.type", it.type)), h("td", prose(it.description, "cell")))))));
}

/** Inputs and the rows expected of a unit test. */
function fixturesSection({ fixtures }) {
  if (!fixtures?.length) return null;
  return fixtures.map((it) => [h("h3", it.input ? ["given ", h("code", it.input)] : "expected"), fixtureRows(it)]);
}

function fixtureRows({ rows, fixture }) {
  if (!Array.isArray(rows) || !rows.length) return typeof rows === "string" ? code(rows) : h("p.quiet", fixture ? `in the file ${fixture}` : "no rows");
  const names = [...new Set(rows.flatMap((it) => Object.keys(it)))];
  return h("div.scroll", { tabindex: "0", role: "group", "aria-label": "Rows" }, h("table.list", h("thead", h("tr", names.map((it) => h("th", { scope: "col" }, it)))),
    h("tbody", rows.map((row) => h("tr", names.map((it) => h("td", row[it] === undefined ? "" : row[it] === null ? h("span.quiet", "null") : String(row[it]))))))));
}

/** Some rows, where the project asks for them. */
function sampleSection({ sample }) {
  if (!sample?.rows.length) return null;
  const cell = (it) => h("td", it === null ? h("span.quiet", "null") : it);
  return h("div.scroll", { tabindex: "0", role: "group", "aria-label": "Sample rows" }, h("table.list", h("thead", h("tr", sample.columns.map((it) => h("th", { scope: "col" }, it)))), h("tbody", sample.rows.map((row) => h("tr", row.map(cell))))));
}

function testsSection(page) {
  if (!page.tests?.length) return null;
  const sorted = [...page.tests].sort((a, b) => rank(a) - rank(b) || a - b).map((it) => site.pages[it]);
  // Tests that read it may be declared elsewhere.
  const hasOn = sorted.some((it) => it.on !== page.number);
  const heads = ["Test", hasOn && "On", "Column", "Last result"].filter(Boolean);
  return h("div.scroll", { tabindex: "0", role: "group", "aria-label": "Tests" }, h("table.list", h("thead", h("tr", heads.map((it) => h("th", { scope: "col" }, it)))), h("tbody", sorted.map((it) => testRow(it, hasOn)))));
}

/** What failed comes first. */
const rank = (number) => ["bad", "warn", "good", "quiet"].indexOf((OUTCOMES[site.pages[number].status] ?? ["quiet"])[0]);

function lineageSection(page) {
  if (!inPicture(page.number) || (!parents(page.number).length && !children(page.number).length)) return null;
  const steps = stepsThatFit(page.number);
  const state = { focus: page.number, up: steps, down: steps };
  const list = (title, numbers) => numbers.length > 0 && h("div", h("h3", title, " ", h("span.badge", number.format(numbers.length))), h("ul.links", numbers.slice(0, 40).map((it) => h("li", h("span.kind-dot", { "data-kind": site.pages[it].kind }), pageLink(it)))), numbers.length > 40 && h("p.quiet", `and ${number.format(numbers.length - 40)} more`));
  return [lineageView(state), h("p.after-picture", h("a", { href: `#!/lineage?focus=${encodeURIComponent(page.id)}` }, "Open in the large view")), h("div.two", list("Made from", parents(page.number)), list("Read by", children(page.number)))];
}

/** Two steps, or fewer where that would be a crowd. */
function stepsThatFit(start) {
  const size = (steps) => reach([start], parents, steps).size + reach([start], children, steps).size;
  return size(2) <= 60 ? 2 : 1;
}

function referencesSection(page) {
  return site.relations.some((it) => it.from === page.number || it.to === page.number) ? entityView(page.number) : null;
}

function runsSection(page, { runs }) {
  if (!runs?.length) return null;
  const made = runs.filter((it) => it.status === "success");
  const last = runs.at(-1);
  const reduction = [...made].reverse().find((it) => it.rows_in && it.rows !== undefined);
  const facts = [[page.kind === "source" ? "Last look" : "Last run", [outcome(last.status), last.at && ` ${time(last.at)}`]], last.seconds !== undefined && last.status !== "skipped" && ["Took", seconds(last.seconds)], page.rows !== undefined && ["Rows", number.format(page.rows)],
    reduction && ["Reduction", reductionText(reduction)], last.age !== undefined && ["Age then", age(last.age)],
    last.failures !== undefined && last.failures !== null && ["Failing rows", number.format(last.failures)], last.message && ["Message", last.message]].filter(Boolean);
  return [h("dl.facts", facts.map(([word, value]) => [h("dt", word), h("dd", value)])), h("div.plots", plotsOf(page, runs, made))];
}

function plotsOf(page, runs, made) {
  const line = (title, list, value, format) => linePlot(title, list.map((it) => ({ at: it.at, value: value(it) })), format);
  const whole = (it) => number.format(it);
  if (isTest(page)) return [runPlot("Results", runs), line("Failing rows", runs, (it) => it.failures, whole)];
  if (page.kind === "source") return [line("Rows", runs, (it) => it.rows, whole), line("Age", runs, (it) => it.age, age), runPlot("Looks", runs)];
  return [line("Rows", made, (it) => it.rows, whole), line("Time", made, (it) => it.seconds, seconds), line("Rows read for one made", made, (it) => (it.rows ? it.rows_in && it.rows_in / it.rows : undefined), whole), runPlot("Runs", runs)];
}

/** `500,000 rows read → 36 rows made, 13,889 to 1`. */
function reductionText({ rows, rows_in: read }) {
  const share = rows > 0 && read > rows * 1.1 ? `, ${number.format(read / rows)} to 1` : "";
  return `${count(read, "row")} read → ${number.format(rows)} made${share}`;
}

function codeSection(page, { code: written, compiled, language }) {
  if (!written && !compiled) return null;
  if (language && language !== "sql") return code(written, "text");
  if (!written || !compiled) return code(written || compiled);
  const place = h("div");
  const buttons = [["As written", written], ["Compiled", compiled]].map(([word, text], at) => h("button", { type: "button", role: "tab", "aria-selected": String(at === 0), onclick: (event) => {
    buttons.forEach((it) => it.setAttribute("aria-selected", String(it === event.currentTarget)));
    show(place, code(text));
  } }, word));
  show(place, code(written));
  return [h("div.switch", { role: "tablist", "aria-label": "Form of the code" }, buttons), place];
}

function usesSection(page, detail) {
  const macros = detail.macros ?? [];
  const users = detail.used_by ?? [];
  if (!macros.length && !users.length) return null;
  const hasTitles = macros.length > 0 && users.length > 0;
  const list = (title, numbers) => numbers.length > 0 && h("div", hasTitles && h("h3", title), h("ul.links", numbers.slice(0, 200).map((it) => h("li", h("span.kind-dot", { "data-kind": site.pages[it].kind }), pageLink(it)))));
  return h("div.two", list("Used by", users), list("Calls", macros));
}

function configSection({ config, meta }) {
  const isSaid = ([, it]) => it !== null && it !== "" && !(Array.isArray(it) && !it.length);
  const has = (it) => Object.entries(it ?? {}).some(isSaid);
  if (!has(config) && !has(meta)) return null;
  const value = (it) => (typeof it === "object" ? h("code", JSON.stringify(it)) : h("code", String(it)));
  const table = (entries) => h("dl.facts", Object.entries(entries).filter(isSaid).map(([key, it]) => [h("dt", key), h("dd", value(it))]));
  return [has(config) && table(config), has(meta) && [h("h3", "meta"), table(meta)]];
}
