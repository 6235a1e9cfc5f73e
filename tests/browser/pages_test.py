"""The pages in a real browser: pages_test.py RENDERED_DIR SHOTS_DIR BROWSER. Prints TAP."""
import base64
import http.server
import pathlib
import re
import sys
import tempfile
import threading
import time
import traceback

from devtools import Browser

WIDTHS = (320, 360, 1280)
HEIGHT = 900
LIMITS = "{minContrast: 4.5, minTarget: 24, minAct: 44}"
HTML_BYTES_MAX = 6144
CALLBACK_PORT = 33418       # of the loopback redirect URI in form_post-loopback
SHOTS = re.compile(r"continue-|form_post$|dev|home|error-(pkce|denied|expired-at|redirect|wait|hostile|[a-z_]+$)")
POLICY = ("default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'{origin}; "
          "frame-ancestors 'none'{script}")
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
         ".js": "text/javascript; charset=utf-8"}
HERE = pathlib.Path(__file__).parent


class Server(http.server.ThreadingHTTPServer):
    """The rendered pages under the policy that avouch sends; remembers what was posted."""

    daemon_threads = True

    def __init__(self, directory):
        self.directory, self.posts = directory, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def page(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /NAME: the page NAME.html; /static/NAME: the file; POST: remembered."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path.partition("#")[0].lstrip("/")
        is_static = name.startswith("static/")
        file = self.server.directory / (name.removeprefix("static/") if is_static else name + ".html")
        if not file.is_file():
            self.answer(404, "text/plain", b"no such page")
            return
        posts = name.startswith("form_post")
        origin = " https://grafana.example.ts.net" + f" http://localhost:{CALLBACK_PORT}" * posts
        policy = POLICY.format(origin=origin, script="; script-src 'self'" if posts else "")
        self.answer(200, TYPES[file.suffix], file.read_bytes(), policy)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.posts.append((self.path, body.decode()))
        self.answer(200, "text/html; charset=utf-8", b"<!doctype html><title>posted</title>posted")

    def answer(self, status, content_type, body, policy="default-src 'none'"):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.send_header("content-security-policy", policy)
        self.send_header("x-content-type-options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def complaints(browser):
    """What the page said to the console: it has to be silent."""
    said = []
    for event in browser.events:
        params = event["params"]
        if event["method"] == "Log.entryAdded":
            said.append("console: " + params["entry"]["text"])
        elif event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            said.append(f"console: {params}")
    return said


class Suite:
    """The tests; each returns a list of what is wrong."""

    def __init__(self, browser, server, shots):
        self.browser, self.server, self.shots = browser, server, shots
        self.checks = (HERE / "checks.js").read_text(encoding="utf-8")
        self.count = self.failed = 0

    def report(self, name, test, *arguments):
        self.count += 1
        try:
            wrong = test(*arguments)
        except Exception:                       # the next page may still be fine
            wrong = traceback.format_exc().splitlines()
        self.failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {self.count} - {name}", flush=True)
        for line in wrong:
            print(f"# {line}", flush=True)

    def shoot(self, name):
        width, height = self.browser.evaluate("(e => [e.clientWidth, e.scrollHeight])(document.documentElement)")
        shot = self.browser.send("Page.captureScreenshot", captureBeyondViewport=True,
                                 clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        (self.shots / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    def looks(self, name):
        wrong, browser = [], self.browser
        posts_itself = name.startswith("form_post")
        browser.send("Emulation.setScriptExecutionDisabled", value=posts_itself)
        browser.goto(self.server.page(name))
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                browser.view(width, HEIGHT, prefers_color_scheme=scheme)
                wrong += [f"{width} {scheme}: {w}" for w in browser.evaluate(f"({self.checks})({LIMITS})")]
                if width != 320 and SHOTS.match(name):
                    self.shoot(f"{name}-{width}-{scheme}")
        browser.view(320, HEIGHT, prefers_color_scheme="light")
        browser.evaluate("document.documentElement.dir = 'rtl'")
        if browser.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append("overflows from right to left")
        wrong += complaints(browser)
        browser.send("Emulation.setScriptExecutionDisabled", value=False)
        size = (self.server.directory / f"{name}.html").stat().st_size
        if size >= HTML_BYTES_MAX and "hostile" not in name:
            wrong.append(f"{size} bytes of HTML")
        return wrong

    def center(self, selector):
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y, width, height = self.browser.evaluate(f"(b => [b.x, b.y, b.width, b.height])({box})")
        return x + width / 2, y + height / 2

    def click(self, x, y):
        self.browser.mouse("mousePressed", x, y)
        self.browser.mouse("mouseReleased", x, y)

    def posted(self, within_s):
        """What arrived at /decision within that time, which is then forgotten."""
        until = time.monotonic() + within_s
        while not self.server.posts and time.monotonic() < until:
            self.browser.evaluate("1")
            time.sleep(0.02)
        posts = list(self.server.posts)
        self.server.posts.clear()
        return posts

    def guard(self, name, delay_s, goes_through):
        """The second click of a double click lands on our button, which was beneath another window until then."""
        browser = self.browser
        browser.view(1280, HEIGHT, prefers_color_scheme="light")
        browser.mouse("mouseMoved", 1, 1)
        browser.goto(self.server.page(name))
        x, y = self.center("#continue")
        browser.mouse("mouseMoved", x, y)
        time.sleep(delay_s)
        self.click(x, y)
        posts = self.posted(2 if goes_through else 0.3)
        if bool(posts) != goes_through:
            return [f"a click {delay_s} s after the pointer came: posted {posts}"]
        if posts and posts[0] != ("/decision", "flow=AbC-123_flow&action=continue"):
            return [f"posted {posts}"]
        return []

    def keyboard(self):
        browser = self.browser
        browser.goto(self.server.page("continue-registered") + "#continue")
        browser.key("Enter", 13)
        if self.posted(0.3):
            return ["Enter pressed a button that only a fragment pointed at"]
        browser.key("Tab", 9)
        if browser.evaluate("document.activeElement.value") != "cancel":
            return ["Tab does not lead to Cancel from there"]
        ring = browser.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        browser.key("Enter", 13)
        posts = self.posted(2)
        wrong = [] if posts == [("/decision", "flow=AbC-123_flow&action=cancel")] else [f"posted {posts}"]
        return wrong + ([] if ring == "3px" else [f"the focus ring is {ring}"])

    def form_post(self):
        self.browser.goto(self.server.page("form_post-loopback"))
        posts = self.posted(5)
        sent = "code=SplxlOBeZQQYbYS6WxSbIA&state=%3Cscript%3E"
        if len(posts) == 1 and posts[0][0] == "/callback" and posts[0][1].startswith(sent):
            return []
        return [f"posted {posts}"]

    def forced_colours(self):
        self.browser.view(360, HEIGHT, forced_colors="active")
        self.browser.goto(self.server.page("continue-approved-1"))
        border = self.browser.evaluate("getComputedStyle(document.querySelector('.solid')).borderTopWidth")
        self.shoot("continue-approved-1-360-forced")
        self.browser.view(360, HEIGHT, prefers_color_scheme="light")
        return [] if border == "2px" else [f"the solid button's border is {border} in forced colours"]

    def reading_order(self):
        """What a screen reader meets: heading, who vouches, where to, what, how long, Continue, Cancel."""
        self.browser.goto(self.server.page("continue-approved-1"))
        self.browser.send("Accessibility.enable")
        nodes = self.browser.send("Accessibility.getFullAXTree")["nodes"]
        self.browser.send("Accessibility.disable")
        names = [n.get("name", {}).get("value", "") for n in nodes if not n["ignored"]]
        wrong, at = [], -1
        for want in ("Continue to Grafana as alice@example.com, from laptop", "Approved", "Sends you to", "It will see",
                     "How long", "Continue", "Cancel"):
            after = [i for i, name in enumerate(names) if i > at and name.strip() == want]
            if after:
                at = after[0]
            else:
                wrong.append(f"\"{want}\" does not follow in the accessibility tree")
        return wrong

    def run(self, names):
        for name in names:
            self.report(name, self.looks, name)
        self.report("double click: at once", self.guard, "continue-registered", 0, False)
        self.report("double click: after 200 ms", self.guard, "continue-registered", 0.2, False)
        self.report("double click: a click after 700 ms counts", self.guard, "continue-registered", 0.7, True)
        self.report("no wait where an administrator vouches", self.guard, "continue-approved-1", 0, True)
        self.report("keyboard", self.keyboard)
        self.report("form_post posts itself", self.form_post)
        self.report("forced colours", self.forced_colours)
        self.report("reading order", self.reading_order)
        print(f"1..{self.count}")


def main(rendered, shots, program):
    rendered, shots = pathlib.Path(rendered), pathlib.Path(shots)
    shots.mkdir(parents=True, exist_ok=True)
    server = Server(rendered)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        callback = f"--host-resolver-rules=MAP localhost:{CALLBACK_PORT} 127.0.0.1:{server.server_port}"
        browser = Browser(program, profile, [callback])
        try:
            suite = Suite(browser, server, shots)
            suite.run(sorted(f.stem for f in rendered.glob("*.html")))
        finally:
            browser.close()
    print(f"{suite.count - suite.failed} passed, {suite.failed} failed, 0 skipped")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
