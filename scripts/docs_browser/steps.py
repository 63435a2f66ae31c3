"""What a reader does on a docs site, one function for each thing."""
import re
import time
from pathlib import Path

from reader import check

KINDS = ("source", "seed", "model", "snapshot", "exposure", "metric", "semantic_model", "saved_query", "analysis", "function", "group", "macro", "test", "unit_test")


def first_look(reader):
    elsewhere = [it for it in reader.requests if not it.startswith((reader.url.split("#")[0], "data:", "blob:", "about:"))]
    if reader.url.startswith("http"):
        elsewhere = [it for it in elsewhere if not it.startswith(reader.url.rsplit("/", 1)[0])]
    check(not elsewhere, f"nothing is asked of any other place: {elsewhere[:3]}")
    reader.shot("overview")
    reader.shot("overview-whole", whole=True)


def every_kind(reader):
    """The first pages of each kind, so that none of them is broken."""
    shown = {}
    for kind in KINDS:
        for place in reader.pages_of(kind)[:3]:
            reader.go(place)
            shown[kind] = shown.get(kind, 0) + ("There is no such page" not in reader.text("main h1") and reader.text("main h1") != "")
            reader.shot(f"kind-{kind}", whole=True)
    check(all(shown.values()), f"pages of every kind are shown: {shown}")


SEARCH = """async text => {
    const field = document.getElementById('search');
    const list = document.getElementById('results');
    const begin = performance.now();
    const changed = new Promise(done => new MutationObserver(() => done()).observe(list, { childList: true }));
    field.value = text;
    field.dispatchEvent(new Event('input'));
    await changed;
    list.getBoundingClientRect();
    return performance.now() - begin;
}"""


def searching(reader, model):
    name = re.sub(r".*\.", "", model)
    page = reader.page
    page.keyboard.press("/")
    check(page.evaluate("document.activeElement.id") == "search", "/ goes to the search field")
    page.wait_for_timeout(300)
    typed = [name[:end] for end in range(1, len(name) + 1)] + ["a", "id", "select", "the key", "where not null", "e"]
    times = {text: page.evaluate(SEARCH, text) for text in typed}
    slowest = max(times, key=times.get)
    print(f"figure: slowest keystroke of the search {times[slowest]:.0f} ms ({slowest!r}), the name itself {times[name]:.0f} ms")
    check(times[slowest] < 100, "search answers in less than 100 ms")
    page.evaluate(SEARCH, name)
    reader.shot("search")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    reader.settle()
    check(name in reader.text("main h1"), f"searching for {name} and pressing Enter opens its page")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    check(page.evaluate("document.activeElement.id") != "search", "Esc leaves the search field")


def model_page(reader, model):
    page = reader.page
    reader.go(model)
    reader.shot("model")
    reader.shot("model-whole", whole=True)
    if reader.count("main .lineage .card") > 1:
        page.evaluate("window.scrollTo(0, 500)")
        reader.settle()
        title = reader.text("main h1")
        page.locator("main .lineage .card:not(.focus) a").first.click()
        reader.settle()
        check(reader.text("main h1") != title, f"a click in the lineage leads from {title} to {reader.text('main h1')}")
        page.go_back()
        reader.settle()
        back = page.evaluate("scrollY")
        check(reader.text("main h1") == title and back > 0, "the way back leads to the same page and place")
    if reader.count("main .code"):
        page.locator("main .code").first.wait_for()
        check(reader.count("main .code .sql-keyword") > 0, "SQL is highlighted")
    if reader.count("main .switch button"):
        page.locator("main .switch button").nth(1).click()
        check("{{" not in reader.text("main .code"), "the compiled SQL has no template")


def deep_links(reader, model):
    """A new window on an address shows what was linked to."""
    reader.open(model)
    check(reader.text("main h1") == re.sub(r".*\.", "", model) or reader.text("main h1") in model, f"{model} opens by its address")
    reader.open("#!/lineage?select=resource_type%3Aseed")
    check(reader.page.input_value(".filter input") == "resource_type:seed", "a filtered picture opens by its address")
    reader.open("#!/no/such.page")
    check("no such page" in reader.text("main"), "an unknown address says so")


def lineage(reader, model):
    page = reader.page
    reader.page.evaluate("location.hash = '#!/lineage'")
    begin = time.perf_counter()
    page.wait_for_selector("main .lineage-canvas .card, main .lineage-canvas .mark")
    print(f"figure: first picture of the lineage after {(time.perf_counter() - begin) * 1000:.0f} ms")
    reader.shot("lineage-first")
    if reader.count("button[aria-pressed]:has-text('All nodes')"):
        begin = time.perf_counter()
        page.locator("button:has-text('All nodes')").click()
        page.wait_for_selector("main .lineage-canvas .mark, main .lineage-canvas .card[data-number]")
        print(f"figure: picture of all nodes after {(time.perf_counter() - begin) * 1000:.0f} ms")
        reader.shot("lineage-all")
    box = page.locator(".lineage-canvas").bounding_box()
    before = page.get_attribute(".lineage-canvas > g", "transform")
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 90, steps=4)
    page.mouse.up()
    dragged = page.get_attribute(".lineage-canvas > g", "transform")
    page.mouse.wheel(0, -300)
    reader.settle()
    check(len({before, dragged, page.get_attribute(".lineage-canvas > g", "transform")}) == 3, "dragging moves the picture and the wheel zooms")
    name = re.sub(r".*\.", "", model)
    page.fill(".filter input", f"+{name}+")
    page.click(".filter button")
    reader.settle()
    selected = page.url
    cards = page.eval_on_selector_all(".lineage-canvas .card title", "list => list.map(it => it.textContent.split('\\n')[0])")
    check(name in cards, f"the selector +{name}+ filters the picture: {len(cards)} cards")
    reader.shot("lineage-filtered")
    page.fill(".filter input", "nothing_has_this_name")
    page.click(".filter button")
    reader.settle()
    check("Nothing is selected" in reader.text(".lineage-note"), "a selector that picks nothing says so")
    page.go_back()
    reader.settle()
    check(page.url == selected and page.input_value(".filter input") == f"+{name}+", "the way back leads to the selection before")
    reader.go(f"#!/lineage?focus={model.split('/')[-1]}")
    reader.shot("lineage-focus")
    with page.expect_download() as saved:
        page.click("button.save")
    text = Path(saved.value.path()).read_text()
    check(text.startswith("<svg") and "<script" not in text and "</svg>" in text and "<style" in text, "the picture is saved as SVG")
    if reader.shots:
        (reader.shots / "saved.svg").write_text(text)


def columns(reader, models):
    """From a page to the whole way of a column: the column, then the next column in the picture."""
    page = reader.page
    for model in models[:200]:
        reader.page.evaluate("it => { location.hash = it }", model)
        page.wait_for_timeout(60)
        if not reader.count("main td.from a"):
            continue
        begin = time.perf_counter()
        page.locator("main tr:has(td.from a) a.trace").first.click()
        page.wait_for_selector(".column-edge", state="attached")
        print(f"figure: a column is traced {(time.perf_counter() - begin) * 1000:.0f} ms after the click")
        check(True, f"a column is traced: {reader.text('.lineage-note')}")
        reader.shot("column")
        other = page.locator(".column:not(.start)").first
        if other.count():
            title = other.get_attribute("aria-label")
            other.click()
            reader.settle()
            check(page.locator(".column.start").get_attribute("aria-label") == title, f"a click traces the next column: {title}")
        return
    print("note: no column with a known origin")


def inherited(reader, models):
    for model in models[:400]:
        reader.page.evaluate("it => { location.hash = it }", model)
        reader.page.wait_for_timeout(40)
        if reader.count("main .inherited a"):
            text = reader.text("main .inherited >> nth=0")
            check(text.startswith("inherited from "), f"an inherited description says so: {text}")
            return
    print("note: no description is inherited")


def dictionary(reader):
    page = reader.page
    reader.go("#!/dictionary")
    page.wait_for_selector("main .entry")
    reader.shot("dictionary")
    for word, head in (("CSV", "kind,relation,"), ("Markdown", "# Data dictionary of ")):
        begin = time.perf_counter()
        with page.expect_download() as saved:
            page.click(f"main .actions button:has-text('{word}')")
        text = Path(saved.value.path()).read_text()
        check(text.startswith(head) and text.count("\n") > 3, f"the dictionary is saved as {word}: {text.count(chr(10))} lines in {(time.perf_counter() - begin) * 1000:.0f} ms")
    page.fill("main .actions input", "no_column_has_this_name")
    page.wait_for_selector("main p:has-text('Nothing has these letters')", timeout=20_000)
    check(True, "a filter of the dictionary that finds nothing says so")


def lists(reader, model):
    name = re.sub(r".*\.", "", model)
    reader.go("#!/kind/model")
    if reader.count("main .actions input"):
        reader.page.fill("main .actions input", name)
        reader.settle()
        check(name in reader.text("main tbody"), "the list of models is filtered")
    reader.go("#!/kind/test")
    reader.shot("tests")
    reader.go("#!/entities")
    reader.shot("entities")
    check(reader.count("main svg.entities .card") > 0 or "No relationships" in reader.text("main"), "tables and how they refer to each other")


def themes(reader, model):
    page = reader.page
    reader.go("#!/overview")
    page.evaluate("localStorage.removeItem('tidemill-theme')")
    seen = set()
    for _ in range(3):
        page.click("#theme")
        theme = page.get_attribute("html", "data-theme")
        seen.add(theme)
        if theme == "dark":
            reader.shot("dark-overview")
            reader.go(model)
            reader.shot("dark-model", whole=True)
            check(page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)", "the dark theme is dark")
    check(seen == {"auto", "light", "dark"}, "the button goes through the themes")


def hostile(reader):
    """Every page of a site whose texts are attacks, and what a reader does on them."""
    page = reader.page
    places = ["#!/overview", "#!/lineage", "#!/lineage?columns=1", "#!/entities", "#!/dictionary"]
    for kind in KINDS:
        places += [f"#!/kind/{kind}", *reader.pages_of(kind)]
    for place in places:
        reader.go(place)
        page.mouse.move(500, 300)
        for summary in page.locator("main details summary").all():
            summary.click()
        if reader.count("main a.trace"):
            reader.click("main a.trace")
    page.fill("#search", "alert")
    reader.settle()
    page.fill("#search", "window")
    reader.settle()
    check(page.evaluate("window.planted === undefined && document.title.indexOf('planted-ran') < 0"), f"nothing planted ran on {len(places)} pages")
    check(page.locator("img, iframe, object, embed, base, form[action], script:not([type='text/plain'])").count() == 1, "no element was planted")
    links = page.evaluate("[...document.querySelectorAll('a[href]')].map(it => it.getAttribute('href')).filter(it => !/^(#|https?:|mailto:)/.test(it))")
    check(not links, f"no link leads to a script: {links}")
