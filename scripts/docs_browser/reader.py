"""A browser window on a docs site, and what is checked in it."""
import time

faults = []


def check(is_good, what):
    print(("ok    " if is_good else "FAULT ") + what)
    if not is_good:
        faults.append(what)


class Reader:
    """A window. Whatever the page asks for, says on its console or fails at is a fault."""

    def __init__(self, browser, url, shots, **options):
        self.context = browser.new_context(offline=url.startswith("file:"), **options)
        self.page = self.context.new_page()
        self.shots = shots
        self.url = url
        self.requests = []
        self.page.on("request", lambda it: self.requests.append(it.url))
        self.page.on("pageerror", lambda it: check(False, f"an error in the page: {it}"))
        self.page.on("console", lambda it: check(False, f"on the console: {it.text}") if it.type in ("error", "warning") else None)
        self.page.on("dialog", lambda it: (check(False, f"a dialog: {it.message}"), it.dismiss()))

    def open(self, place=""):
        """Milliseconds until the page can be used."""
        begin = time.perf_counter()
        self.page.goto("about:blank")
        begin = time.perf_counter()
        self.page.goto(self.url + place)
        self.page.wait_for_selector("html[data-ready]", timeout=60_000)
        return (time.perf_counter() - begin) * 1000

    def go(self, place):
        self.page.evaluate("it => { location.hash = it }", place)
        self.settle()

    def click(self, selector):
        self.page.locator(selector).first.click()
        self.settle()

    def settle(self):
        self.page.wait_for_timeout(250)

    def shot(self, name, whole=False):
        if self.shots:
            self.settle()
            self.page.screenshot(path=self.shots / f"{name}.png", full_page=whole)

    def text(self, selector):
        return self.page.inner_text(selector)

    def count(self, selector):
        return self.page.locator(selector).count()

    def pages_of(self, kind):
        """Addresses of the pages of a kind, from the list of them."""
        self.go(f"#!/kind/{kind}")
        if self.count("main .actions button"):
            self.click("main .actions button")
        return self.page.eval_on_selector_all("main tbody th a", "list => list.map(it => it.getAttribute('href'))")
