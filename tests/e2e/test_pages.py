"""What people see and press: the Continue page and its answer, errors for people, cookies, the development page. Numbers are rows of the
list of security classes."""

import re

import wire
from browser import Landing
from support import decode_jwt, equal, shared_dev, shared_tailnet

PAGE = {"Accept": "text/html"}
OWN = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}


def press_raw(browser, page, button="continue", **headers):
    """The form's POST with other headers than our own page sends; None leaves one out."""
    action, fields = page.form_data(button)
    server = browser.world[0]
    sent = {"Origin": server.issuer, "Cookie": browser.cookies_for(page.url) or None, **OWN, **headers}
    return server.post(action, fields, {n.replace("_", "-"): v for n, v in sent.items()}, browser.source)


def test_page_continue_and_cancel():
    server = shared_tailnet()
    app, browser = server.add("Grafana <b>&", page="always"), server.browser()
    for button, error in (("continue", None), ("cancel", "access_denied")):
        attempt = app.request()
        page = attempt.open(browser)
        equal((page.status, page.answer.header("cache-control")), (200, "no-store"), "the page")
        assert "Grafana <b>&" in page.h1 and "app.example" in page.text, page.text
        equal(page.url.split("=")[0], server.issuer + "/authorize?flow", "the page has an address of its own")
        attempt.check(browser.press(page, button), error)


def test_page_answer_is_303():
    server = shared_dev()
    app, browser = server.add(page="always"), server.browser()
    answer = press_raw(browser, app.request().open(browser))
    equal(answer.status, 303, "after a POST, never 302 or 307")
    equal((answer.header("referrer-policy"), answer.header("cache-control")), ("no-referrer", "no-store"), "headers")


def test_page_policy():
    """Nothing inline, nothing from elsewhere, no frames; form-action names where Continue leads."""
    server = shared_dev()
    browser = server.browser()
    for uri, leads_to in (("https://app.example:8443/cb?x=1", "https://app.example:8443"), ("app.immich:///oauth-callback", "app.immich:"),
                          ("http://127.0.0.1/cb", "http://127.0.0.1")):
        app = server.add(redirect_uri=uri, page="always")
        page = app.request().open(browser)
        equal(page.policy("form-action"), ["'self'", leads_to], uri)
        for directive, wanted in (("default-src", ["'none'"]), ("frame-ancestors", ["'none'"]), ("base-uri", ["'none'"]),
                                  ("style-src", ["'self'"]),
                                  ("script-src", [])):
            equal(page.policy(directive), wanted, directive)
        equal(page.answer.header("referrer-policy"), "same-origin", "our own POST must carry an origin")
        landing = browser.press(page, "continue")
        assert landing.code and landing.url.startswith(uri), landing
    error = app.request(client_id="nobody").open(browser)
    equal(error.policy("form-action"), ["'self'"], "an error page")


def test_page_reload_back_and_second_press():
    """The handle survives; a second press, the back button and a reload get the first answer."""
    server = shared_dev()
    app, browser = server.add(page="always"), server.browser()
    for button, error in (("continue", None), ("cancel", "access_denied")):
        attempt = app.request()
        page = attempt.open(browser)
        again = browser.open(page.url)
        equal(again.form_data("continue"), page.form_data("continue"), "the page, reloaded")
        first = attempt.check(browser.press(page, button), error)
        for other in ("continue", "cancel"):
            second = attempt.check(browser.press(again, other), error)
            equal(second.code, first.code, f"{other} after {button}")
        equal(attempt.check(browser.open(page.url), error).code, first.code, "its address again")
        if error is None:
            equal(attempt.redeem(first.code).status, 200, "the code")


def test_page_two_tabs_in_a_fresh_browser():
    """Both pages are drawn before there is any session; the second press must not meet a cookie that the first has changed."""
    server = shared_dev()
    app, other, browser = server.add(page="always"), server.add(page="always"), server.browser()
    attempts = [app.request(), other.request(), app.request(prompt="login")]
    pages = [attempt.open(browser) for attempt in attempts]
    for attempt, page in zip(attempts, pages):
        landing = browser.press(page, "continue")
        if not isinstance(landing, Landing):
            raise AssertionError(f"asked again: {landing}")
        equal(attempt.redeem(attempt.check(landing).code).status, 200, "the code")


def test_page_press_must_come_from_our_page():
    """Security 22. `same-site` is another host of the tailnet, `null` is no origin."""
    server = shared_tailnet()
    app, browser = server.add(page="always"), server.browser()
    attempt = app.request()
    page = attempt.open(browser)
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": server.issuer + "/"},
                    {"Origin": "https://localhost"},
                    {"Origin": server.issuer.upper()}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
                    {"Sec_Fetch_Site": "none"},
                    {"Sec_Fetch_Site": ""}, {"Origin": "http" + server.issuer[5:]}, {"Sec_Fetch_Dest": "iframe"},
                    {"Sec_Fetch_Dest": "empty"},
                    {"Sec_Purpose": "prefetch"}):
        answer = press_raw(browser, page, **headers)
        equal((answer.status, answer.location), (403, None), f"{headers}: {answer.brief()}")
        assert 'id="error">cross_site<' in answer.text, headers
    for headers in ({"Sec_Fetch_Site": None, "Sec_Fetch_Dest": None, "Sec_Fetch_Mode": None}, {"Origin": None}):
        answer = press_raw(browser, page, **headers)
        equal(answer.status, 303, f"a browser that does not send it: {headers}")
    equal(server.get(page.form_data("continue")[0] + "?" + wire.encode(page.form_data("continue")[1])).status, 405, "by GET")


def test_page_belongs_to_a_browser_and_a_person():
    """Security 19: a handle that somebody else holds makes no code; whoever comes with it is shown the page as themselves."""
    server = shared_tailnet()
    app = server.add(page="always")
    attacker, victim = server.browser(), server.browser()
    page = app.request().open(attacker)
    app.sign_in(victim)
    answer = press_raw(victim, page)
    equal(answer.status, 303, answer.brief())
    assert answer.location.startswith("/authorize?flow="), answer.location
    shown = victim.open(server.issuer + answer.location)
    equal(shown.has("continue"), True, "the page, for the victim to decide")
    assert "person" in shown.text and shown.text != page.text, shown.text
    answer = press_raw(attacker, page)
    assert answer.location.startswith("/authorize?flow="), f"the page had become another's: {answer.brief()}"
    stranger = server.browser()
    answer = press_raw(stranger, page)
    equal((answer.status, 'id="error">no_cookies<' in answer.text), (400, True), "without our cookie")
    equal(press_raw(victim, page, Cookie="__Host-avouch=AAAA").status, 400, "with a cookie that means nothing")
    moved = server.browser()
    page = app.request().open(moved)
    moved.source = server.newcomer()
    again = moved.press(page, "continue")
    equal(again.has("continue"), True, "the browser is at another person's device now")


def test_page_another_person_than_last_time():
    server = shared_tailnet()
    app, browser = server.add(), server.browser()
    first = decode_jwt(app.sign_in(browser)["id_token"])[1]
    old = dict(browser.jar)
    browser.source = server.newcomer()
    attempt = app.request(prompt="none")
    attempt.check(attempt.open(browser), "login_required")
    page = app.request().open(browser)
    assert "Last time this browser was" in page.text and first["email"] in page.text, page.text
    landing = browser.press(page, "continue")
    assert landing.code, landing
    assert browser.jar != old, "a new session has a new cookie"
    later = decode_jwt(app.sign_in(browser)["id_token"])[1]
    assert later["sub"] != first["sub"], later


def test_page_errors_of_decision():
    server = shared_dev()
    app, browser = server.add(page="always"), server.browser()
    page = app.request().open(browser)
    flow = dict(page.form_data("continue")[1])["flow"]
    for form, status, error in (({"action": "continue"}, 400, "page_expired"), ({"action": "continue", "flow": "x"}, 400, "page_expired"),
                                ({"action": "continue", "flow": flow[::-1]}, 400, "page_expired"), ({}, 400, "page_expired"),
                                ([("action", "continue"), ("action", "cancel"), ("flow", flow)], 400, "invalid_request"),
                                ([("action", "continue"), ("flow", flow), ("flow", flow)], 400, "invalid_request")):
        page = browser.go("POST", server.issuer + "/decision", "same-origin", {"Origin": server.issuer}, form)
        equal((page.status, page.error), (status, error), str(form))
    page = browser.go("POST", server.issuer + "/decision?action=continue&flow=" + flow, "same-origin", {"Origin": server.issuer}, {})
    equal((page.status, page.error), (400, "invalid_request"), "in the URL")
    again = browser.go("POST", server.issuer + "/decision", "same-origin", {"Origin": server.issuer}, {"action": "dance", "flow": flow})
    equal(again.has("continue"), True, "an unknown button: the page again")
    for handle in ("x", flow[:-2], "A" * len(flow), flow + "A", ""):
        page = browser.open(server.issuer + "/authorize?flow=" + handle)
        assert page.status == 400 and page.error in ("page_expired", "unknown_client", "invalid_request"), f"{handle}: {page}"


def test_page_consent_is_remembered_and_voided():
    """--page first asks once for a client, redirect URI and scopes; a change of the client asks again."""
    server = shared_dev()
    app, browser = server.add(page="first"), server.browser()
    narrow = app.request(scope="openid")
    narrow.check(browser.press(narrow.open(browser), "continue"))
    narrow = app.request(scope="openid")
    narrow.check(narrow.open(browser))
    page = app.request(scope="openid email").open(browser)
    equal(page.has("continue"), True, "more scopes")
    browser.press(page, "continue")
    for scope in ("openid email", "openid", "email openid"):
        assert app.request(scope=scope).open(browser).code, scope
    app.edit("--redirect-uri", "https://app.example/other")
    equal(app.request(scope="openid").open(browser).has("continue"), True, "after a change of redirect URIs")


def test_page_public_loopback_client_asks_each_time():
    """Any program may wait there: the page every time, with a warning and no accented button."""
    server = shared_dev()
    browser = server.browser()
    for uri in ("http://127.0.0.1/cb", "http://localhost:8250/oidc/callback", "app.immich:///oauth-callback",
                "kitchenowl:/signin/redirect"):
        app = server.add(auth_method="none", redirect_uri=uri)
        for _ in range(2):
            attempt = app.request()
            page = attempt.open(browser)
            assert page.has("continue") and "could wait there" in page.text, page.text
            answer = attempt.redeem(attempt.check(browser.press(page, "continue")).code)
            equal(answer.status, 200, answer.brief())
        attempt = app.request(prompt="none")
        assert attempt.open(browser).error in ("interaction_required", "consent_required"), uri


def test_page_escapes_what_others_named():
    """Security 18: a client's name, its address, state and description are text."""
    server = shared_dev()
    browser = server.browser()
    names = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a' onmouseover='alert(1)", "{{flow}}",
             "</title><svg/onload=alert(1)>"]
    for name in names:
        app = server.add(name, page="always", redirect_uri="https://app.example/cb?a='b&c=%3Cscript%3E")
        page = app.request(state="\"><script>alert(2)</script>", nonce="<x>").open(browser)
        for kind in ("<script>alert", "<img src=x", "<svg/onload", "onmouseover='alert(1)'>"):
            assert kind not in page.answer.text, f"{kind} of {name} came through"
        assert name in page.h1, page.h1
    form = app.request(state="\"'><script>alert(2)</script>&amp;", response_mode="form_post")
    page = browser.fetch("POST", server.issuer + "/decision", "same-origin", {"Origin": server.issuer},
                         form.open(browser).form_data("continue")[1])
    assert "<script>alert(2)" not in page.text and page.text.count("<script") == 1, page.text
    page = server.get("/authorize?" + wire.encode({"client_id": "<script>alert(3)</script>"}), PAGE)
    assert "<script>alert(3)" not in page.text, page.text
    page = server.get("/authorize?" + wire.encode({"client_id": app.id,
                                                   "redirect_uri": "javascript:alert(4)//\"><script>alert(4)</script>"}), PAGE)
    assert "<script>alert(4)" not in page.text and 'href="javascript' not in page.text.lower(), page.text


def test_page_form_post():
    """One script, a file of ours; everything in the body, nothing in the query."""
    server = shared_tailnet()
    app, browser = server.add(), server.browser()
    attempt = app.request(response_mode="form_post")
    answer = browser.fetch("GET", attempt.url)
    policy = answer.header("content-security-policy")
    assert "script-src 'self'" in policy and "form-action 'self' https://app.example" in policy, policy
    script = re.search(r'<script src="(/static/[^"]+)"></script>', answer.text).group(1)
    file = server.get(script)
    equal((file.status, file.header("content-type").split(";")[0]), (200, "text/javascript"), script)
    assert "immutable" in file.header("cache-control"), file.headers
    landing = attempt.check(attempt.open(browser))
    equal((landing.method, landing.url), ("POST", app.redirect_uri), "how it is sent")
    kept = app.request(response_mode="form_post", prompt="none", scope="a\tb")
    equal(kept.check(kept.open(browser), "invalid_scope").method, "POST", "an error")


def test_page_cookie_attributes():
    for server, name, secure in ((shared_tailnet(), "__Host-avouch", True), (shared_dev(), "avouch", False)):
        for app in (server.add(), server.add(page="always")):
            browser = server.browser()
            app.sign_in(browser)
            assert browser.set_cookies, "no cookie at all"
            for line in browser.set_cookies:
                pair, *attributes = line.split("; ")
                equal(pair.split("=")[0], name, "name")
                assert re.fullmatch(r"[A-Za-z0-9_-]+", pair.split("=")[1]), pair
                wanted = {"Path=/", "HttpOnly", "SameSite=Lax"} | ({"Secure"} if secure else set())
                equal({a for a in attributes if not a.startswith("Max-Age=")}, wanted, line)
                assert any(a.startswith("Max-Age=") for a in attributes), line


def test_page_cookie_stays_at_a_silent_sign_in():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    app.sign_in(browser)
    count = len(browser.set_cookies)
    app.sign_in(browser)
    app.sign_in(browser, prompt="none")
    equal(len(browser.set_cookies), count, "cookies at a silent sign-in")


def test_page_session_of_a_fixed_cookie_is_new():
    """Security 19: a cookie that somebody planted does not become the session's."""
    server = shared_dev()
    app, attacker, victim = server.add(), server.browser(), server.browser()
    app.sign_in(attacker)
    (key, planted), = attacker.jar.items()
    for value in (planted, planted[:22]):
        victim.jar = {key: value}
        attempt = app.request()
        landing = attempt.open(victim)
        if not isinstance(landing, Landing):
            landing = victim.press(landing, "continue")
        attempt.check(landing)
        assert victim.jar[key] != value, "the planted cookie is the session's"
        attacker.jar = {key: value}
        source = attacker.source
        attacker.source = victim.source
        equal(app.request(prompt="none").open(attacker).error, "login_required", "whoever planted it")
        attacker.source = source


def test_page_not_open_to_you_and_back():
    """The tailnet's grants name other applications; [Back] takes access_denied along, and no link does."""
    server = shared_tailnet()
    app = server.add("Closed")
    source = server.newcomer()
    node = server.api.tailnet.state["sources"][source]
    server.api.change({"nodes": {node: {"grants": [{"clients": ["other"]}]}}})
    browser = server.browser(source=source)
    attempt = app.request()
    page = attempt.open(browser)
    equal((page.status, page.error, page.answer.location), (403, "access_denied", None), "the page")
    equal(page.has("return"), True, "[Back]")
    attempt.check(browser.press(page, "return"), "access_denied")
    silent = app.request(prompt="none")
    silent.check(silent.open(browser), "login_required")
    server.api.change({"nodes": {node: {"grants": [{"clients": ["other", app.id]}]}}})
    attempt.check(attempt.open(browser))


def test_page_back_of_an_answer_that_is_too_long():
    """Neither a server error nor a button that leads back to itself."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    long = "€" * 1365
    for params in ({}, {"response_type": "token"}, {"prompt": "none"}, {"scope": "a\tb"}, {"prompt": "none login"}):
        page = app.request(state=long, **params).open(browser)
        equal((page.status, page.answer.location), (400, None), f"{params}: {page}")
        equal(page.has("return"), False, f"[Back] for {params}")


def test_page_answers_at_the_edge_of_the_location_limit():
    """A state with which the code just fits must not make Cancel, whose answer is longer, a server error."""
    server = shared_dev()
    app, browser = server.add(page="always"), server.browser()
    fits = 0
    for length in range(7980, 8060, 6):
        attempt = app.request(state="%" * (length // 3))
        page = attempt.open(browser)
        if page.status != 200:
            continue
        fits += 1
        landing = browser.press(page, "cancel")
        assert isinstance(landing, Landing) or landing.status == 400, f"{length}: {landing!r}"
        attempt.check(browser.press(attempt.open(browser), "continue"))
    assert fits, "none fits"


def test_page_dev_becomes_another():
    server = shared_dev()
    app, browser = server.add(), server.browser(source="127.0.0.1")
    page = browser.open(server.issuer + "/dev?back=%2F")
    assert "Who do you want to be?" in page.text and "bob@example.com" in page.text, page.text
    for back, leads_to in (("/", "/"), ("/authorize?x=1", "/authorize?x=1"), ("//evil.example", "/"), ("/\\evil.example", "/"),
                           ("https://evil.example/", "/"), ("", "/"), ("/\t/evil.example", "/"), ("/\r\nX: y", "/")):
        answer = server.post("/dev", {"person": "1", "back": back}, {"Origin": server.issuer, **OWN})
        equal((answer.status, answer.location), (303, leads_to), back)
    browser.keep_cookies(server.issuer, answer)
    equal(decode_jwt(app.sign_in(browser)["id_token"])[1]["email"], "bob@example.com", "who signed in")
    for person in ("60", "-1", "x", "", "1.0", "18446744073709551617"):
        answer = server.post("/dev", {"person": person}, {"Origin": server.issuer, **OWN})
        equal(answer.status, 400, person)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        equal(server.post("/dev", {"person": "1"}, headers).status, 403, str(headers))


def test_page_errors_are_pages_for_people_and_json_for_clients():
    server = shared_dev()
    for path, headers, kind in (("/nothing", PAGE, "text/html; charset=utf-8"), ("/nothing", {}, "application/json"),
                                ("/nothing", {"Accept": "application/json"}, "application/json"),
                                ("/authorize", {}, "text/html; charset=utf-8"),
                                ("/authorize", {"Accept": "*/*"}, "text/html; charset=utf-8"), ("/token", PAGE, "application/json")):
        answer = server.get(path, headers)
        equal((answer.header("content-type"), answer.header("cache-control")), (kind, "no-store"), f"{path} {headers}")
        assert kind == "application/json" or "default-src 'none'" in answer.header("content-security-policy"), path


def test_page_home():
    server = shared_tailnet()
    page = server.browser(source="127.0.0.3").open(server.issuer + "/")
    assert "bob@example.com" in page.h1 and "bob-phone" in page.text, page.text
    page = server.browser(source="127.0.0.4").open(server.issuer + "/")
    assert "ci" in page.h1 and "tag:server" in page.text, page.text


def test_page_static_files():
    server = shared_dev()
    page = server.get("/nothing", PAGE)
    for path in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)):
        file = server.get(path)
        equal(file.status, 200, path)
        assert "immutable" in file.header("cache-control") and re.search(r"-[0-9a-f]{8,}\.", path), path
        equal(server.get(path + "x").status, 404, "no prefix match")
        equal(server.http("HEAD", path).header("content-length"), file.header("content-length"), "HEAD")
    for path in ("/static/", "/static/../avouch.yaml", "/static/%2e%2e/x", "/static", "/static/style.css"):
        equal(server.get(path).status, 404, path)


def test_page_expires_with_the_request():
    """A handle from another server, or one that never was, is an old page and not an error of ours."""
    server, other = shared_dev(), shared_tailnet()
    page = other.add(page="always").request().open(other.browser())
    shown = server.browser().open(server.issuer + "/authorize?flow=" + dict(page.form_data("cancel")[1])["flow"])
    equal((shown.status, shown.error), (400, "page_expired"), "a foreign handle")
