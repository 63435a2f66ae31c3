// The frame: addresses, header, theme, keys.

/** After the system's theme comes the other one: a click that changes nothing would look broken. */
const THEMES = matchMedia("(prefers-color-scheme: dark)").matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];

/** The id in an address such as `#!/model/model.shop.orders?column=id`. */
function idIn(hash) {
  const [path] = hash.split("?");
  return decoded(path.replace(/^#!?\/?[a-z_]*\//, ""));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Addresses and what they show. */
async function route() {
  const hash = location.hash || "#!/overview";
  const [path, tail = ""] = hash.split("?");
  const query = new URLSearchParams(tail);
  const [, first, second] = /^#!?\/?([a-z_]*)\/?(.*)$/.exec(path) ?? [];
  if (first === "lineage") return lineagePage(query);
  if (first === "entities") return entitiesPage();
  if (first === "dictionary") return dictionaryPage();
  if (first === "kind" && KINDS[second]) return kindPage(second);
  const number = numberOf.get(idIn(hash));
  if (number !== undefined) return nodePage(number, query);
  if (!first || first === "overview") return homePage();
  document.title = `Not found · ${site.project.name}`;
  return h("article", h("h1", "There is no such page"), h("p", "Nothing in this project has the id ", h("code", idIn(hash)), ". It may have been renamed or removed."), h("p", h("a", { href: "#!/overview" }, "To the overview")));
}

function lineagePage(query) {
  document.title = `Lineage · ${site.project.name}`;
  const focus = numberOf.get(query.get("focus") ?? "");
  const steps = (key) => (query.has(key) ? Number(query.get(key)) : undefined);
  // dbt's site has the selector in `g_i`.
  const state = { focus, select: query.get("select") ?? query.get("g_i") ?? undefined, column: query.get("column") ?? undefined, up: steps("up"), down: steps("down"), columns: query.has("columns"), all: query.has("all") };
  if (focus !== undefined && site.n_nodes > WHOLE && !query.has("up") && !query.has("down")) state.up = state.down = stepsThatFit(focus);
  const remember = (it) => {
    // A step of its own: the way back leads to the picture before.
    history.pushState(null, "", lineageAddress(it));
    shown = location.hash;
  };
  const title = focus === undefined ? "Lineage" : ["Lineage of ", pageLink(focus)];
  return h("article.full", h("header.page-head.slim", h("h1", title)), lineageView(state, { tall: true, remember }));
}

let turn = 0;
/** The address that is in the window now, and how far each was scrolled. */
let shown = "";
const scrolled = new Map();
/** Whether a link was followed; else it is the way back or forth, which leads to where the reader was. */
let isFollowed = false;

async function render() {
  const main = document.getElementById("main");
  const mine = (turn += 1);
  const hash = location.hash;
  const isBack = !isFollowed;
  isFollowed = false;
  const content = await route().catch(failure);
  if (mine !== turn) return;
  const isFirst = !shown;
  shown = "";
  show(main, content);
  closeSide();
  markCurrent(document.getElementById("side"), hash || "#!/overview");
  const wanted = main.querySelector(".wanted");
  if (isBack && scrolled.has(hash)) window.scrollTo({ top: scrolled.get(hash), behavior: "instant" });
  else if (wanted) wanted.scrollIntoView({ block: "center", behavior: "instant" });
  else window.scrollTo({ top: 0, behavior: "instant" });
  // What had the focus may be gone with the page before.
  if (!isFirst && document.activeElement === document.body) main.focus({ preventScroll: true });
  if (!isFirst) announce(document.title);
  shown = hash || "#!/overview";
}

/** Follows an address as a link would. */
function go(hash) {
  isFollowed = true;
  location.hash = hash;
}

function listenToReader() {
  history.scrollRestoration = "manual";
  addEventListener("hashchange", render);
  addEventListener("keydown", keys);
  addEventListener("scroll", () => shown && scrolled.set(location.hash, scrollY), { passive: true });
  document.addEventListener("click", (event) => {
    const href = event.target.closest("a[href^='#']")?.getAttribute("href");
    if (href && href !== location.hash) isFollowed = true;
  }, true);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
}

function failure(error) {
  return h("article", h("h1", "This page cannot be shown"), h("p", String(error?.message ?? error)));
}

function header() {
  const menu = h("button.ghost.menu", { type: "button", id: "menu", "aria-label": "List of everything", "aria-controls": "side", "aria-expanded": "false", onclick: toggleSide }, icon("menu"));
  const brand = h("a.brand", { href: "#!/overview" }, h("span", site.project.name));
  return [menu, brand, searchBox(), themeButton(), h("span.offscreen", { id: "live", "aria-live": "polite" })];
}

/** On narrow screens the list lies over the page. */
function toggleSide() {
  const isOpen = document.body.classList.toggle("side-open");
  document.getElementById("menu").setAttribute("aria-expanded", String(isOpen));
  if (isOpen) document.querySelector("#side a").focus();
}

function closeSide() {
  if (!document.body.classList.contains("side-open")) return;
  toggleSide();
  document.getElementById("menu").focus();
}

function themeButton() {
  const button = h("button.ghost", { type: "button", id: "theme" });
  const set = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", `Theme: ${theme}. Change it`);
    button.title = `Theme: ${theme}`;
    button.replaceChildren(icon({ auto: "auto", light: "sun", dark: "moon" }[theme]));
    keep("tidemill-theme", theme);
  };
  button.addEventListener("click", () => set(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]));
  const kept = remembered("tidemill-theme");
  set(THEMES.includes(kept) ? kept : "auto");
  return button;
}

/** Some browsers forbid pages on disk to remember anything; then the theme lasts as long as the page. */
function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing is lost but the choice.
  }
}

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keys(event) {
  const isTyping = event.target.closest("input, textarea, select");
  if (event.key === "Escape") closeSide();
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || remembered("tidemill-keys") === "off") return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search").focus();
  } else if (event.key === "g") go("#!/lineage");
  else if (event.key === "o") go("#!/overview");
  else if (event.key === "t") document.getElementById("theme").click();
  else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.closest(".side")) {
    const links = [...document.querySelectorAll(".side a, .side summary")].filter((it) => it.offsetParent !== null);
    const next = links[links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
}

/** Who speaks to the machine may want no single letters as commands. */
function keysButton() {
  const button = h("button.ghost.keys-switch", { type: "button", title: "Switch these keys on or off" }, ["/", " search ", "g", " lineage ", "o", " overview ", "t", " theme"].map((it, at) => (at % 2 ? it : h("kbd", it))));
  const set = (isOn) => {
    button.setAttribute("aria-pressed", String(isOn));
    keep("tidemill-keys", isOn ? "on" : "off");
  };
  button.addEventListener("click", () => set(button.getAttribute("aria-pressed") !== "true"));
  set(remembered("tidemill-keys") !== "off");
  return button;
}

async function start() {
  try {
    await open();
  } catch (error) {
    show(document.getElementById("main"), failure(error));
    return;
  }
  show(document.getElementById("top"), header());
  show(document.getElementById("side"), sidebar(), h("footer.made", keysButton(), h("p", `Written ${time(site.project.generated_at)}`), h("p", `by ${site.project.tool}`)));
  listenToReader();
  await render();
  performance.mark("ready");
  document.documentElement.dataset.ready = "yes";
}

start();
