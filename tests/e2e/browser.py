"""A tiny browser: cookies by host (ports share them, as in real ones), redirects, forms, the Fetch metadata that Chromium sends, and its
habit of applying form-action to the redirect that a form's answer is."""

import html.parser
import urllib.parse

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
REDIRECTS_MAX = 10


def origin_of(url):
    u = urllib.parse.urlsplit(url)
    return f"{u.scheme}://{u.netloc}" if u.netloc else f"{u.scheme}:"


class Landing:
    """Where the browser left the hosts that it can reach: the application's callback."""

    def __init__(self, method, url, form=None):
        self.method, self.url, self.form = method, url, form
        query = urllib.parse.urlsplit(url).query
        self.params = form if form is not None else urllib.parse.parse_qsl(query, keep_blank_values=True)

    def get(self, name):
        values = [v for n, v in self.params if n == name]
        assert len(values) < 2, f"{name} is there {len(values)} times in {self.url}"
        return values[0] if values else None

    def __repr__(self):
        return f"{self.method} {self.url} {self.form or ''}"

    code = property(lambda self: self.get("code"))
    error = property(lambda self: self.get("error"))


class Reader(html.parser.HTMLParser):
    """Forms with their fields and buttons, ids, the text, and the scripts."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.ids, self.words, self.scripts, self.h1 = [], {}, [], [], ""
        self.button = None
        self.open_ids, self.in_h1 = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "method": a.get("method", "get"), "fields": [], "buttons": {}})
        elif tag == "input":
            self.forms[-1]["fields"].append((a["name"], a.get("value", "")))
        elif tag == "button":
            self.button = (a.get("name"), a.get("value"))
        elif tag == "script":
            self.scripts.append(a.get("src"))
        elif tag == "h1":
            self.in_h1 = True
        if "id" in a:
            assert a["id"] not in self.ids, f"two elements have the id {a['id']}"
            self.ids[a["id"]] = ""
            self.open_ids.append((tag, a["id"]))
            if self.button is not None:
                self.forms[-1]["buttons"][a["id"]] = self.button

    def handle_endtag(self, tag):
        if self.open_ids and self.open_ids[-1][0] == tag:
            self.open_ids.pop()
        if tag == "button":
            self.button = None
        if tag == "h1":
            self.in_h1 = False

    def handle_data(self, data):
        self.words.append(data)
        if self.in_h1:
            self.h1 += data
        for _, i in self.open_ids:
            self.ids[i] += data


class Page:
    def __init__(self, url, answer):
        self.url, self.answer, self.status = url, answer, answer.status
        is_html = (answer.header("content-type") or "").startswith("text/html")
        self.read = Reader(answer.text if is_html else "")
        self.error = self.read.ids.get("error")
        self.h1 = " ".join(self.read.h1.split())
        self.text = " ".join(" ".join(self.read.words).split())

    def has(self, button):
        return any(button in form["buttons"] for form in self.read.forms)

    def policy(self, directive):
        for part in (self.answer.header("content-security-policy") or "").split(";"):
            name, *values = part.split()
            if name == directive:
                return values
        return []

    def form_data(self, button):
        """Action and fields of the form that holds this button, as pressing it sends them."""
        for form in self.read.forms:
            if button in form["buttons"]:
                pressed = form["buttons"][button]
                return form["action"], form["fields"] + ([pressed] if pressed[0] else [])
        raise AssertionError(f"no button {button} on {self!r}")

    def __repr__(self):
        return f"page {self.status} {self.error or self.h1!r} {self.answer.body[:80]!r}"


class Browser:
    """world: objects with host ("name:port"), origin and http(method, target, headers, body, source); the first is the provider."""

    def __init__(self, *world, source=None):
        self.world, self.source = list(world), source
        self.jar = {}  # (host without port, name): value
        self.set_cookies = []  # Set-Cookie lines as they came

    def cookies_for(self, url):
        host = urllib.parse.urlsplit(url).hostname
        return "; ".join(f"{name}={value}" for (h, name), value in self.jar.items() if h == host)

    def keep_cookies(self, url, answer):
        host = urllib.parse.urlsplit(url).hostname
        for line in answer.all("set-cookie"):
            self.set_cookies.append(line)
            pair, *attributes = [part.strip() for part in line.split(";")]
            name, _, value = pair.partition("=")
            if "max-age=0" in (a.lower() for a in attributes) or not value:
                self.jar.pop((host, name), None)
            else:
                self.jar[(host, name)] = value

    def place(self, url):
        return next((w for w in self.world if w.origin == origin_of(url)), None)

    def fetch(self, method, url, site="none", headers=(), body=None):
        """One request and no more."""
        u = urllib.parse.urlsplit(url)
        sent = {"User-Agent": AGENT, "Accept": ACCEPT, "Accept-Language": "en", "Upgrade-Insecure-Requests": "1", "Sec-Fetch-Site": site,
                "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1", "Sec-Fetch-Dest": "document", **dict(headers)}
        if cookies := self.cookies_for(url):
            sent.setdefault("Cookie", cookies)
        target = (u.path or "/") + (f"?{u.query}" if "?" in url.partition("#")[0] else "")
        answer = self.place(url).http(method, target, sent, body, self.source)
        self.keep_cookies(url, answer)
        return answer

    def go(self, method, url, site="cross-site", headers=(), body=None, form_to=None):
        """Like a click: follows redirects until a page is shown, or an application's callback is reached."""
        for _ in range(REDIRECTS_MAX):
            if form_to is not None:
                assert any(origin_of(url) == o or o == "'self'" and self.place(url) is self.world[0] for o in form_to), \
                    f"form-action {form_to} stops the way to {origin_of(url)}"
            if self.place(url) is None:
                return Landing(method, url, body if method == "POST" else None)
            answer = self.fetch(method, url, site, headers, body)
            if answer.status not in (301, 302, 303, 307, 308):
                return self.show(Page(url, answer))
            if answer.status in (301, 302, 303):
                method, body, headers = "GET", None, ()
            url = urllib.parse.urljoin(url, answer.location)
        raise AssertionError(f"more than {REDIRECTS_MAX} redirects, now at {url}")

    def show(self, page):
        """form_post pages send themselves, by their one script."""
        if page.status == 200 and any("form_post" in (s or "") for s in page.read.scripts):
            return self.press(page, "continue")
        return page

    def open(self, url, **how):
        return self.go("GET", url, **how)

    def press(self, page, button):
        action, fields = page.form_data(button)
        url = urllib.parse.urljoin(page.url, action)
        same = origin_of(url) == origin_of(page.url)
        headers = {"Origin": origin_of(page.url), "Referer": page.url if same else origin_of(page.url) + "/"}
        return self.go("POST", url, "same-origin" if same else "cross-site", headers, fields, page.policy("form-action") or None)
