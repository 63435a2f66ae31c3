// Elements from data. Texts always become text nodes, so nothing in the data can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("p.note", { title: "x" }, "text", child)`. Properties that begin with `on` are listeners. */
function h(selector, ...rest) {
  const [tag, ...classes] = selector.split(".");
  return fill(document.createElement(tag || "div"), classes, rest);
}

/** The same for pictures. */
function svg(selector, ...rest) {
  const [tag, ...classes] = selector.split(".");
  return fill(document.createElementNS(SVG, tag), classes, rest);
}

function fill(element, classes, rest) {
  if (classes.length) element.classList.add(...classes);
  let children = rest;
  const [first] = rest;
  if (first && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first)) {
    children = rest.slice(1);
    for (const [name, value] of Object.entries(first)) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false || child === "") continue;
    element.append(child);
  }
}

/** Puts these children in the place of all others. */
function show(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** Numbers as people write them. */
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** `1 test`, `2 tests`. */
function count(n, word) {
  const plural = /(s|x|ch|sh)$/.test(word) ? `${word}es` : /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
  return `${number.format(n)} ${n === 1 ? word : plural}`;
}

function seconds(s) {
  if (s === undefined || s === null) return "";
  if (s < 10) return `${s.toFixed(2)} s`;
  if (s < 120) return `${s.toFixed(1)} s`;
  return s < 7200 ? `${Math.round(s / 60)} min` : `${number.format(s / 3600)} h`;
}

/** An age in the largest unit that says enough. */
function age(s) {
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].find(([, it]) => s >= 2 * it) ?? ["second", 1];
  return count(Math.round(s / size), unit);
}

/** A time of the artifacts, in UTC as all times are there: `22 Nov 2026, 21:15 UTC`. */
function time(text) {
  const date = new Date(text);
  if (!text || Number.isNaN(date.getTime())) return text || "unknown";
  const words = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" };
  return `${new Intl.DateTimeFormat("en-GB", words).format(date)} UTC`;
}

/** Icons are drawn here: no font, no file. */
const PATHS = {
  search: "M7 2a5 5 0 1 0 0 10A5 5 0 0 0 7 2Zm3.6 8.6L14 14",
  menu: "M2 4h12M2 8h12M2 12h12",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6Zm0-4v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1m8 8 1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z",
  auto: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 0v12M8 5l4-1.5M8 8h6M8 11l4.5 1",
  chevron: "m6 3.5 4.5 4.5L6 12.5",
  close: "m4 4 8 8m0-8-8 8",
  copy: "M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8Z",
  link: "M6.5 9.5 9.5 6.5M7 4.5 8.5 3a3 3 0 0 1 4.5 4.5L11.5 9M9 11.5 7.5 13A3 3 0 0 1 3 8.5L4.5 7",
  fit: "M2 6V2h4m4 0h4v4m0 4v4h-4m-4 0H2v-4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  download: "M8 2v8m-3.5-3L8 10.5 11.5 7M2.5 13.5h11",
  trace: "M2 4h3c4 0 2 8 6 8h3M11.5 9.5 14 12l-2.5 2.5",
  inherit: "M4 2v5a3 3 0 0 0 3 3h6M10 7l3 3-3 3",
  check: "m3 8.5 3.5 3.5L13 4.5",
};

function icon(name) {
  return svg("svg.icon", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}

/** Offers a text as a file; nothing leaves the machine. */
function download(name, type, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Says something to those who listen to the page instead of looking at it. */
function announce(text) {
  const place = document.getElementById("live");
  if (place) place.textContent = text;
}
