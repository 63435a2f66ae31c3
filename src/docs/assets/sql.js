// Code with its words marked: SQL, with or without Jinja. Marks are made when a page is shown.

const WORDS = new Set(
  `select from where group by order having limit offset with recursive as on using join left right full inner outer cross
   natural lateral asof semi anti positional union all except intersect distinct case when then else end and or not in is
   null like ilike similar between exists any some true false cast try_cast over partition rows range unbounded preceding
   following current row filter within qualify window values insert into update delete set create replace table view
   temporary if drop alter add column pivot unpivot interval date timestamp array struct map asc desc nulls first last
   exclude rename columns sample returning merge matched default primary key foreign references check unique macro
   function returns language`.split(/\s+/),
);

// In this order: what begins first wins, and of these the first.
const TOKENS = new RegExp(
  [
    /(?<comment>\{#[\s\S]*?#\}|--[^\n]*|\/\*[\s\S]*?\*\/)/,
    /(?<jinja>\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\})/,
    /(?<string>'(?:[^']|'')*')/,
    /(?<quoted>"(?:[^"]|"")*")/,
    /(?<number>\b\d+(?:\.\d+)?\b)/,
    /(?<word>[A-Za-z_][A-Za-z0-9_]*)/,
  ].map((it) => it.source).join("|"),
  "g",
);

/** A text as marked pieces. Very long texts are shown plain. */
function marked(text) {
  if (text.length > 200000) return [text];
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [kind, token] = Object.entries(match.groups).find(([, it]) => it !== undefined);
    const mark = markOf(kind, token, text, match.index);
    if (!mark) continue;
    pieces.push(text.slice(at, match.index), h(`span.${mark}`, token));
    at = match.index + token.length;
  }
  pieces.push(text.slice(at));
  return pieces;
}

function markOf(kind, token, text, at) {
  if (kind !== "word") return kind === "quoted" ? "" : `sql-${kind}`;
  if (WORDS.has(token.toLowerCase())) return "sql-keyword";
  return text[at + token.length] === "(" ? "sql-call" : "";
}

/** Code with line numbers and a button that copies it. */
function code(text, language = "sql") {
  const trimmed = text.replace(/\s+$/, "");
  const body = h("code", language === "sql" ? marked(trimmed) : trimmed);
  const copy = h("button.ghost.copy", { type: "button", title: "Copy", "aria-label": "Copy this code" }, icon("copy"));
  copy.addEventListener("click", async () => {
    await copied(trimmed);
    copy.replaceChildren(icon("check"));
    announce("Copied");
    setTimeout(() => copy.replaceChildren(icon("copy")), 1500);
  });
  const lines = trimmed.split("\n").length;
  const numbers = h("span.lines", { "aria-hidden": "true" }, Array.from({ length: lines }, (_, it) => it + 1).join("\n"));
  return h("div.code", h("pre", { tabindex: "0", role: "group", "aria-label": "Code" }, lines > 1 && numbers, body), copy);
}

/** The clipboard of pages on disk needs the old way. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea.offscreen", { readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
