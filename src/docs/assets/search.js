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
  const names = site.pages.map((it) => it.name.toLowerCase());
  searchIndex = { words, places, starts: lineStarts(words), lines: lineStarts(places), names };
  return searchIndex;
}

/** Where each line of a text begins, and after the last one its end. */
function lineStarts(text) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return Uint32Array.from(starts);
}

/** Pages with all the words typed, best first: `{ number, fields, column }`. */
async function search(text) {
  const index = await openSearch();
  const typed = text.toLowerCase().split(/[^\p{L}\p{N}_]+/u).filter(Boolean);
  if (!typed.length) return { results: [], total: 0 };
  const [hits, ...others] = typed.map((it) => pagesWith(index, it));
  const found = hits.found.filter((number) => others.every((it) => it.fields[number]));
  const whole = typed.join("_");
  const trimmed = text.trim().toLowerCase();
  for (const number of found) {
    for (const it of others) {
      hits.score[number] += it.score[number];
      hits.fields[number] |= it.fields[number];
      hits.column[number] ||= it.column[number];
    }
    const name = index.names[number];
    let score = hits.score[number] * (KIND_WEIGHT[site.pages[number].kind] ?? 1);
    if (name === whole || name === trimmed) score += 1000;
    else if (name.startsWith(whole)) score += 120;
    hits.score[number] = score - name.length / 100;
  }
  found.sort((a, b) => hits.score[b] - hits.score[a] || a - b);
  const wordAt = (line) => (line ? index.words.slice(index.starts[line - 1], index.starts[line] - 1) : "");
  const results = found.slice(0, MAX_RESULTS).map((number) => ({ number, fields: hits.fields[number], column: wordAt(hits.column[number]) }));
  return { results, total: found.length };
}

/** Pages with a word that has the typed one in it; the better it fits, the more it counts. By number of the page. */
function pagesWith(index, typed) {
  const n = site.pages.length;
  const hits = { found: [], score: new Float64Array(n), fields: new Uint8Array(n), column: new Uint32Array(n) };
  let seen = 0;
  for (let at = index.words.indexOf(typed); at >= 0 && seen < MAX_WORDS; seen += 1) {
    const line = lineAt(index.starts, at);
    const start = index.starts[line];
    const end = index.starts[line + 1] - 1;
    const fit = at > start ? 0.4 : end - start === typed.length ? 2 : 1;
    collect(hits, index, line, fit);
    at = index.words.indexOf(typed, end);
  }
  return hits;
}

function lineAt(starts, offset) {
  let low = 0;
  let high = starts.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The best weight of each set of fields. */
const WEIGHTS = Array.from({ length: 1 << FIELDS.length }, (_, bits) => Math.max(0, ...FIELDS.map((it, bit) => (bits & (1 << bit) ? it.weight : 0))));

/**
 * Takes the places of a word: `12.1 3.17` are the pages 12 and 15, each with the bits of its fields. Read letter
 * by letter: common words are on every page, and a list of texts for each would be slow.
 */
function collect(hits, { places, lines }, line, fit) {
  const end = lines[line + 1];
  let [number, value, step] = [0, 0, 0];
  for (let at = lines[line]; at < end; at += 1) {
    const letter = places.charCodeAt(at);
    if (letter >= 48) value = value * 10 + letter - 48;
    else if (letter === 46) [step, value] = [value, 0];
    else {
      number += step;
      if (!hits.fields[number]) hits.found.push(number);
      hits.fields[number] |= value;
      hits.score[number] = Math.max(hits.score[number], WEIGHTS[value] * fit);
      // Lines count from 1, so that 0 is none.
      if (value & 2) hits.column[number] ||= line + 1;
      value = 0;
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
