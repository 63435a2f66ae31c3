// Small plots of the runs of a node: lines for amounts, bars for outcomes. Drawn as inline pictures.

const PLOT = { width: 260, height: 64, left: 4, right: 4, top: 8, bottom: 8 };

/** A line through values; each point says what it is. Gaps are left where nothing is known. */
function linePlot(title, points, format) {
  const known = points.filter((it) => it.value !== undefined && it.value !== null);
  if (known.length < 2) return null;
  const highest = Math.max(...known.map((it) => it.value));
  const lowest = Math.min(0, ...known.map((it) => it.value));
  const { width, height, left, right, top, bottom } = PLOT;
  const x = (at) => left + (at * (width - left - right)) / Math.max(points.length - 1, 1);
  const y = (value) => top + (height - top - bottom) * (1 - (value - lowest) / Math.max(highest - lowest, 1e-9));
  let line = "";
  points.forEach((it, at) => {
    if (it.value === undefined || it.value === null) return;
    line += `${line ? "L" : "M"}${x(at).toFixed(1)} ${y(it.value).toFixed(1)}`;
  });
  const area = `${line}L${x(points.lastIndexOf(known.at(-1))).toFixed(1)} ${y(lowest)}L${x(points.indexOf(known[0])).toFixed(1)} ${y(lowest)}Z`;
  const dots = points.map((it, at) =>
    it.value === undefined || it.value === null
      ? null
      : svg("circle", { cx: x(at).toFixed(1), cy: y(it.value).toFixed(1), r: it === known.at(-1) ? 3 : 6, class: it === known.at(-1) ? "last" : "hit" },
          svg("title", `${format(it.value)} · ${time(it.at)}`)));
  const last = known.at(-1).value;
  const picture = svg("svg.plot", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${known.length} runs, last ${format(last)}, between ${format(Math.min(...known.map((it) => it.value)))} and ${format(highest)}` },
    svg("path.area", { d: area }), svg("path.line", { d: line }), dots);
  return h("figure.plot-card", h("figcaption", h("span", title), h("strong", format(last))), picture,
    ends(known));
}

/** The first and the last day; one is enough if they are the same. */
function ends(points) {
  const days = [points[0], points.at(-1)].map((it) => time(it.at).split(",")[0]);
  return h("div.plot-ends", days[0] === days[1] ? [h("span"), h("span", days[1])] : days.map((it) => h("span", it)));
}

/** One bar a run, high or low by how long it took, in the colour of how it ended. */
function runPlot(title, runs) {
  if (!runs.length) return null;
  const { width, height } = PLOT;
  const step = Math.min(width / runs.length, 14);
  const longest = Math.max(...runs.map((it) => it.seconds ?? 0), 1e-9);
  const bars = runs.map((run, at) => {
    const tall = Math.max(4, ((run.seconds ?? longest) / longest) * (height - 6));
    const [kind, word] = OUTCOMES[run.status] ?? ["quiet", run.status];
    const said = [word, run.seconds === undefined || run.seconds === null ? "" : `in ${seconds(run.seconds)}`, time(run.at)].filter(Boolean).join(" · ");
    return svg("rect", { x: (width - step * (runs.length - at)).toFixed(1), y: (height - tall).toFixed(1), width: Math.max(step - 2, 1.5).toFixed(1), height: tall.toFixed(1), rx: 1.5, class: `bar ${kind}` }, svg("title", said));
  });
  const bad = runs.filter((it) => (OUTCOMES[it.status] ?? [])[0] === "bad").length;
  return h("figure.plot-card", h("figcaption", h("span", title), h("strong", bad ? `${bad} of ${runs.length} failed` : `${runs.length} of ${runs.length} good`)),
    svg("svg.plot", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMaxYMax meet", role: "img", "aria-label": `${title}: ${runs.length} runs, ${bad} failed` }, bars),
    ends(runs));
}
