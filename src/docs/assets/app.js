// The frame: addresses, header, theme, keys.

const THEMES = ["auto", "light", "dark"];

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
    const kept = new URLSearchParams();
    if (it.focus !== undefined) kept.set("focus", site.pages[it.focus].id);
    for (const key of ["select", "column", "up", "down"]) if (it[key] !== undefined) kept.set(key, it[key]);
    if (it.all) kept.set("all", "1");
    if (it.columns) kept.set("columns", "1");
    history.replaceState(null, "", `#!/lineage${[...kept].length ? `?${kept}` : ""}`);
  };
  const title = focus === undefined ? "Lineage" : ["Lineage of ", pageLink(focus)];
  return h("article.full", h("header.page-head.slim", h("h1", title)), lineageView(state, { tall: true, remember }));
}

function entitiesPage() {
  document.title = `Entities · ${site.project.name}`;
  return h("article", h("header.page-head", h("h1", "Entities"), h("p.lead", "How tables refer to each other, as relationships tests say. The fork is at the side that refers, the bar at the one referred to; red where the last test failed.")), entityView());
}

let turn = 0;
async function render() {
  const main = document.getElementById("main");
  const mine = (turn += 1);
  const content = await route().catch(failure);
  if (mine !== turn) return;
  show(main, content);
  document.body.classList.remove("side-open");
  markCurrent(document.getElementById("side"), location.hash || "#!/overview");
  const wanted = main.querySelector(".wanted");
  if (wanted) wanted.scrollIntoView({ block: "center" });
  else window.scrollTo(0, 0);
  announce(document.title);
}

function failure(error) {
  return h("article", h("h1", "This page cannot be shown"), h("p", String(error?.message ?? error)));
}

function header() {
  const menu = h("button.ghost.menu", { type: "button", "aria-label": "Show or hide the list", "aria-controls": "side", onclick: () => document.body.classList.toggle("side-open") }, icon("menu"));
  const brand = h("a.brand", { href: "#!/overview" }, h("span", site.project.name));
  return [menu, brand, searchBox(), themeButton(), h("span.offscreen", { id: "live", "aria-live": "polite" })];
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
  if (event.key === "Escape") document.body.classList.remove("side-open");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search").focus();
  } else if (event.key === "g") location.hash = "#!/lineage";
  else if (event.key === "o") location.hash = "#!/overview";
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

async function start() {
  try {
    await open();
  } catch (error) {
    show(document.getElementById("main"), failure(error));
    return;
  }
  show(document.getElementById("top"), header());
  show(document.getElementById("side"), sidebar(), h("footer.made", h("p", `Written ${time(site.project.generated_at)}`), h("p", `by ${site.project.tool}`)));
  addEventListener("hashchange", render);
  addEventListener("keydown", keys);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
  await render();
  performance.mark("ready");
  document.documentElement.dataset.ready = "yes";
}

start();
