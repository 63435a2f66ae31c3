// Search over names, columns, tags, descriptions and code, with the index that was made with the site.

const FIELDS = [
  { word: "name", weight: 100 }, { word: "column", weight: 30 }, { word: "tag", weight: 20 },
  { word: "description", weight: 8 }, { word: "code", weight: 3 },
];
/** What people look for more often comes first among equals. */
const KIND_WEIGHT = { model: 1.3, source: 1.2, exposure: 1.2, seed: 1.15, snapshot: 1.15, test: 0.5, unit_test: 0.5, macro: 0.8 };
const MAX_RESULTS = 60;
/** A single letter is in half of all words. */
const MAX_WORDS = 4000;

let searchIndex = null;

async function openSearch() {
  if (searchIndex) return searchIndex;
  const { words, places } = await part("search");
  const starts = [0];
  for (let at = words.indexOf("\n"); at >= 0; at = words.indexOf("\n", at + 1)) starts.push(at + 1);
  starts.pop();
  searchIndex = { words, starts: Uint32Array.from(starts), lines: places.split("\n") };
  return searchIndex;
}

/** Pages with all the words typed, best first: `{ number, score, fields, word }`. */
async function search(text) {
  const index = await openSearch();
  const typed = text.toLowerCase().split(/[^\p{L}\p{N}_]+/u).filter(Boolean);
  if (!typed.length) return { results: [], total: 0 };
  let found = null;
  for (const word of typed) {
    const hits = pagesWith(index, word);
    if (!found) {
      found = hits;
      continue;
    }
    for (const [number, hit] of found) {
      const other = hits.get(number);
      if (!other) found.delete(number);
      else found.set(number, { score: hit.score + other.score, fields: hit.fields | other.fields, column: hit.column || other.column });
    }
  }
  const whole = typed.join("_");
  const results = [...found].map(([number, hit]) => {
    const page = site.pages[number];
    const name = page.name.toLowerCase();
    let score = hit.score * (KIND_WEIGHT[page.kind] ?? 1);
    if (name === whole || name === text.trim().toLowerCase()) score += 1000;
    else if (name.startsWith(whole)) score += 120;
    return { number, score: score - name.length / 100, fields: hit.fields, column: hit.column };
  });
  results.sort((a, b) => b.score - a.score || a.number - b.number);
  return { results: results.slice(0, MAX_RESULTS), total: results.length };
}

/** Pages with a word that has the typed one in it; the better it fits, the more it counts. */
function pagesWith(index, typed) {
  const hits = new Map();
  let n = 0;
  for (let at = index.words.indexOf(typed); at >= 0 && n < MAX_WORDS; n += 1) {
    const line = lineAt(index.starts, at);
    const start = index.starts[line];
    const end = index.words.indexOf("\n", at);
    const fit = at > start ? 0.4 : end - start === typed.length ? 2 : 1;
    collect(hits, index.lines[line], fit, index.words.slice(start, end));
    at = index.words.indexOf(typed, end);
  }
  return hits;
}

function lineAt(starts, offset) {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function collect(hits, line, fit, word) {
  let number = 0;
  for (const pair of line.split(" ")) {
    const [step, bits] = pair.split(".");
    number += Number(step);
    const fields = Number(bits);
    let score = 0;
    for (let bit = 0; bit < FIELDS.length; bit += 1) if (fields & (1 << bit)) score = Math.max(score, FIELDS[bit].weight * fit);
    const old = hits.get(number);
    const column = fields & 2 ? word : "";
    if (!old) hits.set(number, { score, fields, column });
    else {
      if (score > old.score) old.score = score;
      old.fields |= fields;
      old.column ||= column;
    }
  }
}

/** The field of search in the header, with its results below it. */
function searchBox() {
  const input = h("input", { type: "search", id: "search", placeholder: "Search names, columns, descriptions, SQL", autocomplete: "off", spellcheck: "false",
    role: "combobox", "aria-expanded": "false", "aria-controls": "results", "aria-autocomplete": "list", "aria-label": "Search" });
  const list = h("div.results", { id: "results", role: "listbox", "aria-label": "Results", hidden: true });
  const box = h("div.search", { role: "search" }, icon("search"), input, h("kbd", { "aria-hidden": "true" }, "/"), list);
  let chosen = -1;
  let turn = 0;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    chosen = -1;
  };
  const choose = (at) => {
    const options = list.querySelectorAll("[role=option]");
    if (!options.length) return;
    chosen = (at + options.length) % options.length;
    options.forEach((it, index) => it.setAttribute("aria-selected", String(index === chosen)));
    options[chosen].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[chosen].id);
  };
  const update = async () => {
    const text = input.value;
    const mine = (turn += 1);
    if (!text.trim()) return close();
    const { results, total } = await search(text);
    if (mine !== turn) return undefined;
    show(list, results.map((hit, at) => resultRow(hit, at, text)),
      h("p.hint", total === 0 ? "Nothing has all of these words." : total > results.length ? `${results.length} of ${number.format(total)} pages; another word narrows it down.` : count(total, "page")));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    announce(total ? `${total} results` : "no results");
    chosen = -1;
    if (results.length) choose(0);
    return undefined;
  };
  input.addEventListener("focus", () => openSearch().then(() => input.value && update()));
  input.addEventListener("input", update);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      list.querySelectorAll("[role=option]")[Math.max(chosen, 0)]?.click();
    } else if (event.key === "Escape") {
      if (list.hidden) input.blur();
      close();
    }
  });
  document.addEventListener("click", (event) => box.contains(event.target) || close());
  list.addEventListener("click", (event) => {
    if (!event.target.closest("[role=option]")) return;
    close();
    input.blur();
  });
  return box;
}

function resultRow(hit, at, text) {
  const page = site.pages[hit.number];
  const where = FIELDS.filter((_, bit) => hit.fields & (1 << bit) && bit > 0).map((it) => it.word);
  const note = hit.fields & 1 ? "" : hit.column ? `column ${hit.column}` : `in its ${where[0] ?? "text"}`;
  return h("a.result", { href: address(page, hit.column && !(hit.fields & 1) ? `?column=${encodeURIComponent(hit.column)}` : ""), role: "option", id: `result-${at}`, tabindex: "-1", "data-kind": page.kind },
    h("span.kind-dot"), h("span.result-name", highlighted(page.name, text)), h("span.result-kind", wordOf(page.kind)),
    h("span.result-note", note || page.summary || ""));
}

/** A name with the letters typed in bold. */
function highlighted(name, text) {
  const low = name.toLowerCase();
  for (const word of text.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = low.indexOf(word);
    if (at >= 0) return [name.slice(0, at), h("mark", name.slice(at, at + word.length)), name.slice(at + word.length)];
  }
  return name;
}
