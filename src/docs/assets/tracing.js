// Columns, the edges between them, and the way of one through the project.

/** How a column is made from another, by the number in the data (`src/docs/columns.rs`). */
const WAYS = [
  { name: "pass", word: "passed through" }, { name: "renamed", word: "renamed" },
  { name: "computed", word: "computed" }, { name: "decides", word: "decides which rows" },
];
const DECIDES = 3;

let columnEdges = null;

/** Columns with the edges to and from each; read when a column is traced for the first time. */
async function openColumns() {
  if (columnEdges) return columnEdges;
  const { names, edges, keys, unknown } = await part("columns");
  const into = new Map();
  const outOf = new Map();
  const add = (map, key, edge) => (map.get(key) ?? map.set(key, []).get(key)).push(edge);
  for (const [from, fromColumn, to, toColumn, way] of edges) {
    const edge = { from: keyOf(from, fromColumn), to: keyOf(to, toColumn), way };
    add(into, edge.to, edge);
    add(outOf, edge.from, edge);
  }
  const decides = new Map();
  for (const [from, column, to] of keys) (decides.get(keyOf(from, column)) ?? decides.set(keyOf(from, column), []).get(keyOf(from, column))).push(to);
  columnEdges = { names, into, outOf, decides, unknown: new Set(unknown) };
  return columnEdges;
}

const keyOf = (page, column) => page * 10000 + column;
const pageOf = (key) => Math.floor(key / 10000);
const columnOf = (key) => key % 10000;

/** The way of a column: all columns it is made from and all that are made from it. */
async function trace(number, name) {
  const graph = await openColumns();
  const column = graph.names[number].findIndex((it) => it.toLowerCase() === name.toLowerCase());
  if (column < 0) return null;
  const start = keyOf(number, column);
  const keys = new Set([start]);
  const edges = new Set();
  const follow = (map, end) => {
    const stack = [start];
    const seen = new Set(stack);
    while (stack.length) {
      for (const edge of map.get(stack.pop()) ?? []) {
        edges.add(edge);
        keys.add(edge[end]);
        if (seen.has(edge[end])) continue;
        seen.add(edge[end]);
        stack.push(edge[end]);
      }
    }
  };
  follow(graph.into, "from");
  const above = new Set(keys);
  follow(graph.outOf, "to");
  // What it decides the rows of is in its way too, though no column of that is made from it.
  const decided = [...keys].filter((it) => it === start || !above.has(it)).flatMap((from) => (graph.decides.get(from) ?? []).map((page) => ({ from, page, way: DECIDES })));
  return { start, keys, edges: [...edges], decided, graph };
}

const wayLegend = () => h("span.legend", WAYS.map((it) => h(`span.way.${it.name}`, it.word)));
