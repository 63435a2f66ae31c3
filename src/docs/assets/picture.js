// Parts of pictures, texts that fit into them, and pictures as files.

const arrowHeads = () => svg("defs", svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path.arrow", { d: "M0 0.5 8 4 0 7.5Z" })));

/** Marks for nodes that are too many for cards: one path for each kind. */
function kindMarks(boxes) {
  const byKind = new Map();
  for (const [number, box] of boxes) {
    const { kind } = site.pages[number];
    byKind.set(kind, `${byKind.get(kind) ?? ""}M${round(box.x)} ${round(box.y)}h${box.width}v${box.height}h-${box.width}z`);
  }
  return [...byKind].map(([kind, d]) => svg("path.mark", { d, "data-kind": kind }));
}

/** A text cut to so many points of width; wide letters take more than narrow ones. */
const ruler = document.createElement("canvas").getContext("2d");
const widths = new Map();

function fitted(text, width, font = "600 12.5px") {
  ruler.font = `${font} ${getComputedStyle(document.documentElement).getPropertyValue("--sans")}`;
  const wide = (it) => ruler.measureText(it).width;
  const key = `${font} ${width} ${text}`;
  if (!widths.has(key)) {
    // Names often differ at their ends, so the middle goes.
    let [cut, kept] = [text, text.length];
    while (kept > 4 && wide(cut) > width) {
      kept -= 1;
      cut = `${text.slice(0, Math.ceil(kept * 0.6))}…${text.slice(text.length - Math.floor(kept * 0.4))}`;
    }
    widths.set(key, cut);
  }
  return widths.get(key);
}

function clipped(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Saves the picture as a file that stands for itself: with its styles and the colours of this theme. */
function exportSvg(canvas, scene, picture) {
  if (!picture) return;
  const copy = canvas.cloneNode(false);
  copy.setAttribute("viewBox", `-16 -16 ${round(picture.width + 32)} ${round(picture.height + 32)}`);
  copy.setAttribute("width", round(picture.width + 32));
  copy.setAttribute("height", round(picture.height + 32));
  const inner = scene.cloneNode(true);
  inner.removeAttribute("transform");
  const sheet = document.querySelector("style").textContent;
  const rules = sheet.slice(sheet.indexOf("/* The picture */"), sheet.indexOf("/* Around the picture */"));
  const computed = getComputedStyle(document.documentElement);
  const names = new Set(rules.match(/--[a-z-]+/g));
  const values = [...names].map((it) => `${it}:${computed.getPropertyValue(it)}`).join(";");
  const style = svg("style");
  style.textContent = `svg{${values};background:${computed.getPropertyValue("--canvas")}}${rules}`;
  copy.append(style, arrowHeads(), inner);
  copy.querySelectorAll("[href]").forEach((it) => it.removeAttribute("href"));
  download(`${site.project.name}-lineage.svg`, "image/svg+xml", new XMLSerializer().serializeToString(copy));
}
