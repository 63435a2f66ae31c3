"""What people need who do not see the page as it was drawn: contrast, keyboard, landmarks, narrow screens, paper."""
from pathlib import Path

from reader import Reader, check

CONTRAST = """() => {
    const rgb = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(it => (it /= 255) <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4).reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
    const ratio = (one, two) => { const [a, b] = [light(one), light(two)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
    const ground = element => { for (let it = element; it; it = it.parentElement) { const c = rgb(getComputedStyle(it).backgroundColor); if (c.length && (c[3] ?? 1) > 0.5) return c; } return [255, 255, 255]; };
    const weak = new Set();
    const say = (element, found, wanted) => found < wanted && weak.add(`${element.tagName}.${element.getAttribute('class') ?? ''} ${found.toFixed(2)}`);
    for (const element of document.querySelectorAll('body *')) {
        if (element.closest('svg') || ![...element.childNodes].some(it => it.nodeType === 3 && it.textContent.trim()) || !element.offsetParent) continue;
        say(element, ratio(rgb(getComputedStyle(element).color), ground(element)), 4.5);
    }
    // In pictures: texts on their cards, and what shows a shape or a way (3 to 1).
    for (const text of document.querySelectorAll('.card text, .further text')) {
        if (!text.textContent.trim()) continue;
        const rect = text.parentElement.querySelector('rect') ?? text.closest('.card').querySelector('.body');
        const own = rgb(getComputedStyle(rect).fill);
        const under = own.length && (own[3] ?? 1) > 0 ? own : rgb(getComputedStyle(text.closest('.card').querySelector('.body')).fill);
        say(text, ratio(rgb(getComputedStyle(text).fill), under), 4.5);
    }
    for (const line of document.querySelectorAll('.column-edge, .card .body, .card .stripe, .plot .line, .plot .bar')) {
        const style = getComputedStyle(line);
        const shown = line.matches('.stripe, .bar') ? style.fill : style.stroke;
        say(line, ratio(rgb(shown), ground(line.closest('svg').parentElement)), 3);
    }
    return [...weak];
}"""

FOCUS = """() => {
    const it = document.activeElement;
    if (!it || it === document.body) return null;
    const seen = getComputedStyle(it);
    const inner = it.querySelector('.hit, .body, rect');
    const stroke = inner && getComputedStyle(inner);
    const ring = seen.outlineStyle !== 'none' && parseFloat(seen.outlineWidth) >= 2 || stroke && parseFloat(stroke.strokeWidth) >= 2 || seen.boxShadow !== 'none';
    const name = (it.getAttribute('aria-label') || it.textContent || it.getAttribute('placeholder') || it.title || '').trim();
    return { ring: Boolean(ring), name, what: it.tagName + '.' + (it.getAttribute('class') ?? '') };
}"""


def contrast(reader, places):
    for theme in ("light", "dark"):
        reader.page.evaluate("it => { document.documentElement.dataset.theme = it }", theme)
        for place in places:
            reader.go(place)
            weak = reader.page.evaluate(CONTRAST)
            check(not weak, f"contrast in the {theme} theme at {place[:48]}: {weak[:5] or 'at least 4.5, lines 3'}")
    reader.page.evaluate("document.documentElement.dataset.theme = 'auto'")


def landmarks(reader):
    page = reader.page
    for selector, name in (("header", "a header"), ("nav[aria-label]", "a named list of everything"), ("main", "a main part"), ("[role=search]", "a search")):
        check(page.locator(selector).count() >= 1, f"there is {name}")
    check(page.locator("h1").count() == 1, "there is one main heading")
    levels = page.eval_on_selector_all("main h1, main h2, main h3, main h4, main h5, main h6", "list => list.map(it => Number(it.tagName[1]))")
    check(all(b - a <= 1 for a, b in zip(levels, levels[1:])), f"no level of headings is left out: {levels[:12]}")


def keyboard(reader, model):
    """No pointer: along the focus, by keys, and into a picture."""
    page = reader.page
    reader.open("#!/overview")
    page.keyboard.press("Tab")
    check(page.evaluate("document.activeElement.className") == "skip", "the first Tab is the way past the list")
    page.keyboard.press("Enter")
    check(page.evaluate("document.activeElement.id") == "main", "and it leads to the content")
    without = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus and (not focus["ring"] or not focus["name"]):
            without.append(focus["what"])
    check(not without, f"what has the focus shows it and has a name: {without[:5] or 'on 40 steps'}")
    reader.open(model)
    card = page.locator("main .lineage .card:not(.focus) a").first
    if card.count():
        card.focus()
        before = page.url
        page.keyboard.press("Enter")
        reader.settle()
        check(page.url != before, "Enter on a card opens its page")
        check(page.evaluate("document.activeElement.id") == "main", "and the focus is in that page")
    page.keyboard.press("g")
    reader.settle()
    check("#!/lineage" in page.url, "g opens the lineage")
    page.locator(".lineage-canvas").focus()
    before = page.get_attribute(".lineage-canvas > g", "transform")
    for key in ("ArrowLeft", "+", "-", "ArrowUp"):
        page.keyboard.press(key)
    reader.settle()
    check(page.get_attribute(".lineage-canvas > g", "transform") != before, "arrows, + and - move the picture")
    page.keyboard.press("o")
    reader.settle()
    check("#!/overview" in page.url, "o opens the overview")
    page.locator(".side a").first.focus()
    page.keyboard.press("ArrowDown")
    check(page.evaluate("document.activeElement.closest('.side') !== null && document.activeElement !== document.querySelector('.side a')"), "arrows walk through the list")
    reader.click(".keys-switch")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("g")
    reader.settle()
    check("#!/overview" in page.url, "single keys can be switched off")
    reader.click(".keys-switch")


def axe(browser, url, source, places):
    """The rules of axe-core, in both themes and on two widths. Its script comes from outside, so no policy is held here."""
    for width in (1440, 390):
        for theme in ("light", "dark"):
            reader = Reader(browser, url, None, viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True)
            reader.open()
            reader.page.evaluate(Path(source).read_text())
            found = []
            for place in places:
                reader.go(place)
                result = reader.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
                found += [f"{it['id']} at {place[:40]}: {it['nodes'][0]['html'][:90]}" for it in result["violations"]]
            check(not found, f"axe-core, {theme}, {width} px, {len(places)} pages: {found[:5] or 'nothing'}")
            reader.context.close()


def narrow(browser, url, shots, places):
    reader = Reader(browser, url, shots, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    reader.open()
    for name, place in places:
        reader.go(place)
        is_wide = reader.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        check(not is_wide, f"on a narrow screen {name} needs no scrolling to the side")
        reader.shot(f"narrow-{name}", whole=name not in ("lineage", "dictionary", "tests"))
    reader.click("#menu")
    check(reader.page.is_visible("#side") and reader.page.get_attribute("#menu", "aria-expanded") == "true", "the list opens over the page")
    reader.shot("narrow-list")
    reader.page.keyboard.press("Escape")
    check(not reader.page.is_visible("#side") and reader.page.evaluate("document.activeElement.id") == "menu", "Esc closes it, and the focus is back")
    reader.context.close()


def printed(reader, model):
    reader.go(model)
    reader.page.emulate_media(media="print")
    reader.shot("print", whole=True)
    check(not reader.page.is_visible("#side") and not reader.page.is_visible("#top"), "list and header are not printed")
    reader.page.emulate_media(media="screen")
