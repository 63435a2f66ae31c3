// The data dictionary: every column of every relation, to read and to take along.

const LISTED = ["source", "seed", "model", "snapshot"];
/** More relations than this are not written into one page. */
const MAX_SHOWN = 300;

function dictionaryPage() {
  document.title = `Data dictionary · ${site.project.name}`;
  const pages = site.pages.filter((it) => LISTED.includes(it.kind));
  const place = h("div");
  const input = h("input", { type: "search", placeholder: "Only relations or columns with these letters", "aria-label": "Filter the dictionary" });
  const update = async () => show(place, await dictionaryTables(pages, input.value.trim().toLowerCase()));
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, 120);
  });
  update();
  return h("article", h("header.page-head", h("h1", "Data dictionary"), h("p.lead", `${count(pages.length, "relation")} · ${count(site.n_columns, "column")}`)),
    h("p.actions", input, h("button", { type: "button", onclick: () => saveCsv(pages) }, icon("download"), "CSV"), h("button", { type: "button", onclick: () => saveMarkdown(pages) }, icon("download"), "Markdown")), place);
}

async function dictionaryTables(pages, text) {
  const sections = [];
  for (const page of pages) {
    if (sections.length >= MAX_SHOWN) {
      sections.push(h("p.notice", `Only the first ${MAX_SHOWN} relations are shown; the files have all of them.`));
      break;
    }
    const { columns = [] } = await detailOf(page.number);
    const isWhole = !text || page.name.toLowerCase().includes(text);
    const shown = isWhole ? columns : columns.filter((it) => it.name.toLowerCase().includes(text));
    if (!isWhole && !shown.length) continue;
    sections.push(h("section.entry", h("h2", h("span.kind-dot", { "data-kind": page.kind }), pageLink(page.number)), page.summary && h("p.quiet", page.summary),
      shown.length > 0 && h("div.scroll", { tabindex: "0", role: "group", "aria-label": `Columns of ${page.name}` }, h("table.columns", h("tbody", shown.map((it) => h("tr", h("th", { scope: "row" }, h("code", it.name)), h("td", it.type && h("code.type", it.type)), h("td", prose(it.description, "cell"), it.inherited && inheritedFrom(it)))))))));
  }
  return sections.length ? sections : h("p.quiet", "Nothing has these letters.");
}

/** A line for each column, as `tidemill docs dictionary` writes it. */
async function dictionaryRows(pages) {
  const rows = [];
  for (const page of pages) {
    const detail = await detailOf(page.number);
    const own = [page.kind, page.name, plain(detail.description)];
    const columns = detail.columns?.length ? detail.columns : [{ name: "", tests: [] }];
    for (const it of columns) {
      const from = it.inherited ? `${site.pages[it.inherited[0]].name}.${it.inherited[1]}` : "";
      rows.push([...own, it.name, it.type ?? "", plain(it.description), from, (it.tests ?? []).map((test) => site.pages[test].name).join(", ")]);
    }
  }
  return rows;
}

async function saveCsv(pages) {
  // Spreadsheets take a text that begins with `=` for a formula.
  const cell = (text) => {
    const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const head = ["kind", "relation", "description", "column", "type", "column_description", "inherited_from", "tests"];
  const lines = [head, ...(await dictionaryRows(pages))].map((it) => it.map(cell).join(","));
  download(`${site.project.name}-dictionary.csv`, "text/csv", `${lines.join("\n")}\n`);
}

async function saveMarkdown(pages) {
  const line = (text) => text.split(/\s+/).join(" ").trim().replaceAll("|", "\\|").replaceAll("<", "&lt;");
  let last = "";
  let text = `# Data dictionary of ${line(site.project.name)}\n`;
  for (const [kind, relation, description, column, type, about, from, tests] of await dictionaryRows(pages)) {
    if (relation !== last) text += `\n## ${line(relation)} (${kind})\n${description ? `\n${description}\n` : ""}${column ? "\n| column | type | description | tests |\n| --- | --- | --- | --- |\n" : ""}`;
    last = relation;
    if (column) text += `| ${[column, type, about + (from ? ` (from ${from})` : ""), tests].map(line).join(" | ")} |\n`;
  }
  download(`${site.project.name}-dictionary.md`, "text/markdown", text);
}
