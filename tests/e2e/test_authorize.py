"""/authorize by hand: where answers and errors may go, and in which order requests are judged (OpenID Connect Core 3.1.2, RFC 6749 4.1,
RFC 9207, RFC 9700). Numbers are rows of the list of security classes."""

import re
import time

import wire
from support import challenge_of, decode_jwt, equal, shared_dev, shared_tailnet, verify

FRAME = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}


def page_error(page):
    """Status and #error of a page that sends nobody anywhere."""
    assert page.answer.location is None and not page.answer.all("refresh"), page
    assert "http-equiv" not in page.answer.text.lower(), "a page that goes on by itself"
    return page.status, page.error


def test_authorize_silent_sign_in():
    for server in (shared_dev(), shared_tailnet()):
        app, browser = server.add(), server.browser()
        attempt = app.request()
        answer = browser.fetch("GET", attempt.url, "cross-site")
        equal(answer.status, 302, "a redirect after a GET")
        equal(answer.header("cache-control"), "no-store", "cache-control")
        equal(answer.header("referrer-policy"), "no-referrer", "referrer-policy")
        code = re.search("code=([^&]+)", answer.location).group(1)
        tokens = attempt.redeem(code).json
        verify(server, tokens["id_token"], app.id, attempt.params["nonce"])


def test_authorize_by_post_is_stored_and_303():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    attempt = app.request()
    for headers in ({}, {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Accept": "*/*"}):
        answer = server.post("/authorize", attempt.params, headers, browser.source)
        equal(answer.status, 303, answer.brief())
        assert answer.location.startswith("/authorize?flow="), answer.location
        attempt.check(browser.open(server.issuer + answer.location, headers={"Content-Type": "application/x-www-form-urlencoded"}))
    page = browser.go("POST", server.issuer + "/authorize", body={"client_id": "nobody"})
    equal(page_error(page), (400, "unknown_client"), "an unknown client by POST")


def test_authorize_unproven_goes_nowhere():
    """Security 3: until client and redirect URI are proven there is a page, whatever else the request says."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    evil = "https://evil.example/cb"
    for more in ({}, {"prompt": "none"}, {"response_mode": "form_post"}, {"response_type": "token"}, {"scope": "a\tb"}, {"max_age": "0"},
                 {"code_challenge": "short"}, {"request": "x"}, {"request_uri": evil}):
        equal(page_error(app.request(client_id="nobody", redirect_uri=evil, **more).open(browser)), (400, "unknown_client"), str(more))
        equal(page_error(app.request(client_id=None, **more).open(browser)), (400, "unknown_client"), str(more))
        for uri in (evil, app.redirect_uri + "/", "", None if more.get("request_uri") else evil + "?"):
            if uri:
                equal(page_error(app.request(redirect_uri=uri, **more).open(browser)), (400, "invalid_redirect_uri"), f"{uri} {more}")


def mutations(uri):
    """Spellings that some matcher somewhere took for the registered one."""
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    inserts = ["@", "/", "//", "\\", "%", "%2f", "%5c", "%00", "?", "#", "&", ";", ":", ":443", ".", "..", "/..;/", "/../", "/./",
               "%2e%2e/", "*",
               "\t", "\n", "\r\n", " ",
               "%20", "%0d%0a", "\x00", "ﬀ", "．", "。", "／", "evil.example", "@evil.example", "evil.example@",
               ".evil.example", "%40evil.example", "localhost", "127.0.0.1", "[::1]"]
    found = {scheme.upper() + "://" + rest, f"{scheme}:/{rest}", f"{scheme}:{rest}", f"//{rest}", rest, f"{scheme}:\\\\{rest}",
             f"http://{rest}",
             f"{scheme}://{host.upper()}/{path}", f"{scheme}://{host}", f"{scheme}://{host}/", f"javascript:alert(1)//{rest}", uri * 2,
             f"{uri},{uri}",
             f"data:text/html,{uri}", f"{scheme}://{host}/{path.upper()}", f"{scheme}://{host}/x/{path}", f"{uri}?code=x", f"{uri}#code=x"}
    for at in range(len(uri) + 1):
        found.update(uri[:at] + insert + uri[at:] for insert in inserts)
        found.add(uri[:at] + uri[at + 1:])
    return sorted(found - {uri})


def test_authorize_redirect_uri_mutations():
    """Security 1: nothing but the registered spelling is ever sent anywhere."""
    server = shared_dev()
    app, source = server.add(), server.newcomer()
    tried = mutations(app.redirect_uri)
    assert len(tried) >= 800, len(tried)
    with server.connect(source) as c:
        for uri in tried:
            c.send(wire.write("GET", app.request(redirect_uri=uri, pkce=False, state=None).target, server.host))
            answer = c.read()
            equal((answer.status, answer.location), (400, None), f"{uri!r}: {answer.brief()}")


def test_authorize_loopback_port_is_free():
    """RFC 8252 7.3; every other part is not."""
    server = shared_dev()
    for name in ("127.0.0.1", "[::1]", "localhost"):
        app, browser = server.add(redirect_uri=f"http://{name}/cb", auth_method="none", page="never"), server.browser()
        for port in ("", ":1", ":8080", ":65535"):
            attempt = app.request(redirect_uri=f"http://{name}{port}/cb")
            answer = attempt.redeem(attempt.silent(browser))
            equal(answer.status, 200, answer.brief())
        for uri in (f"http://{name}:/cb", f"http://{name}:65536/cb", f"http://{name}:80x/cb", f"https://{name}:8080/cb",
                    f"http://{name}:8080/cb/", f"http://{name}.evil.example:8080/cb", f"http://x@{name}:8080/cb",
                    "http://127.0.0.2:8080/cb"):
            if uri != app.redirect_uri:
                equal(app.request(redirect_uri=uri).open(browser).error, "invalid_redirect_uri", uri)


def test_authorize_redirect_uri_may_be_left_out_where_one_is_registered():
    server = shared_dev()
    one, two, browser = server.add(), server.add(), server.browser()
    two.edit("--redirect-uri", "https://app.example/other")
    landing = one.request(redirect_uri=None).open(browser)
    assert landing.url.startswith(one.redirect_uri + "?"), landing
    equal(page_error(two.request(redirect_uri=None).open(browser)), (400, "invalid_redirect_uri"), "two are registered")


ERRORS = [
    ({"response_type": None}, "invalid_request"), ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"), ({"response_type": "none"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"), ({"response_mode": "web_message"}, "invalid_request"),
    ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    ({"request_uri": "https://app.example/r"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"), ({"prompt": "none login"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"), ({"max_age": "1e3"}, "invalid_request"),
    ({"max_age": "99999999999999999999"}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"), ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": "x"}, "invalid_request"), ({"code_challenge": None}, "invalid_request"), ({"scope": "openid,email"}, None),
    ({"scope": "email,profile"}, "invalid_scope"), ({"scope": 'a"b'}, "invalid_scope"),
    ({"resource": "https://mcp.example/"}, "invalid_target"),
]


def test_authorize_errors_go_back_by_redirect():
    """With state, iss and no code, by query and by form_post; error_description without what must be escaped (RFC 6749 4.1.2.1)."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for mode in (None, "form_post"):
        for params, error in ERRORS:
            attempt = app.request(**{"response_mode": mode, **params})
            landing = attempt.open(browser)
            if error is None:
                continue
            attempt.check(landing, error)
            if "response_mode" not in params:
                equal(landing.method, "POST" if mode else "GET", "how it was sent")
                equal(mode and wire.urllib.parse.urlsplit(landing.url).query or "", "", "nothing in the query")
            assert re.fullmatch(r"[ !#-\[\]-~]*", landing.get("error_description") or ""), landing


def test_authorize_description_never_reflects_input():
    """Security 15."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    mark = "MARKmarkMARK"
    for name in ("response_type", "response_mode", "prompt", "max_age", "code_challenge_method", "scope", "resource", "code_challenge"):
        landing = app.request(**{name: mark + ("\t" if name == "scope" else "")}).open(browser)
        assert mark not in (landing.get("error_description") or ""), f"{name}: {landing}"


def test_authorize_order_of_judgements():
    """Client, redirect URI, person, session for prompt=none, the rest: the earliest thing that is wrong is what is said."""
    server = shared_tailnet()
    app = server.add()
    wrong = {"response_type": "token", "scope": "a\tb"}
    machine = server.browser(source="127.0.0.4")
    equal(page_error(app.request(client_id="nobody", **wrong).open(machine)), (400, "unknown_client"), "client before person")
    equal(page_error(app.request(redirect_uri="https://evil.example/", **wrong).open(machine)), (400, "invalid_redirect_uri"),
          "redirect before person")
    equal(page_error(app.request(**wrong).open(machine)), (403, "node_tagged"), "person before the rest")
    attempt = app.request(prompt="none", **wrong)
    attempt.check(attempt.open(machine), "login_required")
    attempt.check(attempt.open(server.browser()), "login_required")
    browser = server.browser()
    app.sign_in(browser)
    attempt.check(attempt.open(browser), "unsupported_response_type")


def test_authorize_state_of_4096_bytes_is_byte_exact():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for state in ("a" * 4096, '{"url":"https://x.example/?a=b&c=d","x":[1,2]}', "x" * 299 + "=", "+/=&?#%:;,'\"\\<>", "€" * 1365 + "x",
                  "a b  c+d", "%41%zz", "eyJhbGciOiJkaXIifQ..a.b.c", "\u00a0\u2028", "-", "0"):
        # three bytes of it are nine in a Location, which has its own limit
        for mode in ("form_post",) if len(wire.quote(state)) > 8000 else ("query", "form_post"):
            attempt = app.request(state=state, response_mode=mode)
            attempt.check(attempt.open(browser))
    attempt = app.request(state="a" * 4097)
    landing = attempt.open(browser)
    equal((landing.error, landing.get("state")), ("invalid_request", None), "a state of 4097 bytes")


def test_authorize_location_limit():
    """A Location has 8 KiB: past it a page says so before a code exists, and form_post works."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    state = "€" * 1365  # 4095 bytes, 12285 in a Location
    equal(page_error(app.request(state=state).open(browser)), (400, "invalid_request"), "by query")
    attempt = app.request(state=state, response_mode="form_post")
    equal(attempt.redeem(attempt.silent(browser)).status, 200, "by form_post")
    fits = app.request(state="€" * 860)
    landing = fits.check(fits.open(browser))
    assert len(landing.url) <= 8192, len(landing.url)


def test_authorize_url_limit_is_414():
    server = shared_dev()
    app, source = server.add(), server.newcomer()
    base = app.request(state=None).target + "&x="
    for length, status in ((16384, 302), (16385, 414), (40000, 414)):
        target = base + "a" * (length - len(base))
        answer = server.get(target, source=source)
        equal(answer.status, status, f"a URL of {length} bytes")
        equal(bool(answer.location), status == 302, "Location")
    answer = server.get("/" + "a" * 70000)
    assert answer.status in (414, 431), answer.brief()


def test_authorize_unknown_parameters_and_scopes_are_ignored():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    attempt = app.request(scope="openid offline_access email write:everything https://x.example/scope", failureRedirect="/",
                          failureFlash="true",
                          access_type="offline", display="page", ui_locales="se", claims_locales="se", acr_values="1 2",
                          login_hint="somebody@else.example", audience="x", code="injected", error="injected", iss="injected")
    landing = attempt.check(attempt.open(browser))
    answer = attempt.redeem(landing.code)
    equal(answer.json["scope"], "openid email", "scope")
    for order in (lambda p: list(reversed(p)), sorted):
        again = app.request()
        again.check(browser.open(server.issuer + "/authorize?" + wire.encode(order(list(again.params.items())))))


def test_authorize_duplicates_are_refused():
    """Security 2: a repeated parameter is an error, in query and body mixed too; resource may repeat."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    attempt = app.request()
    for name, value in attempt.params.items():
        landing = browser.open(attempt.url + "&" + wire.encode({name: value}))
        if name == "client_id":
            equal(page_error(landing), (400, "unknown_client"), name)
        else:
            equal((landing.error, landing.code), ("invalid_request", None), name)
    landing = browser.open(attempt.url + "&redirect_uri=https://evil.example/cb")
    assert landing.error == "invalid_request" and landing.url.startswith(app.redirect_uri + "?"), landing
    rest = {n: v for n, v in attempt.params.items() if n != "scope"}
    answer = server.post("/authorize?scope=openid", {**rest, "scope": "email"}, (), browser.source)
    landing = browser.open(server.issuer + answer.location)
    equal((landing.error, landing.code), ("invalid_request", None), "scope in query and body")
    again = app.request()
    landing = browser.open(again.url + "&" + wire.encode([("resource", "https://a.example/"), ("resource", "https://b.example/")]))
    equal(landing.error, "invalid_target", "two resources are not a duplicate")


def test_authorize_pkce_cannot_be_left_out():
    """Security 7. Confidential clients that ask for openid may go without; public ones never, nor where require_pkce says so."""
    server = shared_dev()
    browser = server.browser()
    public, confidential = server.add(auth_method="none"), server.add()
    for app, scope, error in ((confidential, "openid", None), (confidential, "email", "invalid_request"),
                              (public, "openid", "invalid_request"),
                              (server.add(require_pkce="yes"), "openid", "invalid_request"),
                              (server.add(require_pkce="no"), "email", None)):
        attempt = app.request(pkce=False, scope=scope)
        landing = attempt.check(attempt.open(browser), error)
        if error is None:
            answer = attempt.redeem(landing.code, code_verifier="a" * 43)
            equal((answer.status, answer.json["error"]), (400, "invalid_grant"), "a verifier without a challenge")
            equal(attempt.redeem(landing.code).status, 200, "without")
    for verifier in (None, "", "b" * 43, challenge_of("x")):
        attempt = confidential.request()
        code = attempt.silent(browser)
        answer = attempt.redeem(code, code_verifier=verifier)
        equal((answer.status, answer.json["error"]), (400, "invalid_grant"), f"verifier {verifier}")
        equal(attempt.redeem(code).status, 200, "the right one, afterwards")


def test_authorize_iss_on_success_and_error():
    """Security 20, RFC 9207: check() compares it; here that it is there by both modes and on Cancel."""
    server = shared_tailnet()
    app, browser = server.add(page="always"), server.browser()
    for mode in ("query", "form_post"):
        for button, error in (("continue", None), ("cancel", "access_denied")):
            attempt = app.request(response_mode=mode)
            landing = attempt.check(browser.press(attempt.open(browser), button), error)
            equal(landing.get("iss"), server.issuer, "iss")


def test_authorize_frames_and_prefetches_get_no_code():
    """A session or a code arises only in a document that the person sees."""
    server = shared_tailnet()
    app = server.add()
    signed_in, fresh = server.browser(), server.browser()
    app.sign_in(signed_in)
    kinds = [FRAME, {"Sec-Fetch-Dest": "frame"}, {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Dest": "image"},
             {"Sec-Fetch-Dest": "object"}, {"Sec-Fetch-Dest": "embed"}, {"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"},
             {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}]
    for browser in (signed_in, fresh):
        for kind in kinds:
            for site in ("cross-site", "same-site", "same-origin", "none"):
                attempt = app.request()
                cookies = dict(browser.jar)
                equal(page_error(attempt.open(browser, site=site, headers=kind)), (403, "cross_site"), f"{kind} {site}")
                silent = app.request(prompt="none")
                silent.check(silent.open(browser, site=site, headers=kind), "login_required")
                equal(browser.jar, cookies, "cookies")
    framed = server.add(frames=True)
    landing = framed.request(prompt="none").open(signed_in, headers=FRAME)
    assert landing.code, f"prompt=none in a frame of a client marked for it: {landing}"
    equal(framed.request(prompt="none").open(fresh, headers=FRAME).error, "login_required", "without a session")
    equal(framed.request(prompt="none").open(signed_in, headers={**FRAME, "Sec-Purpose": "prefetch"}).error, "login_required", "a prefetch")
    equal(framed.request().open(signed_in, headers=FRAME).error, "cross_site", "without prompt=none")


def test_authorize_prompt_none():
    server = shared_dev()
    app, asked, browser = server.add(), server.add(page="first"), server.browser()
    attempt = app.request(prompt="none")
    attempt.check(attempt.open(browser), "login_required")
    equal(browser.jar, {}, "prompt=none makes no session")
    first = decode_jwt(app.sign_in(browser)["id_token"])[1]
    time.sleep(1.1)
    again = app.request(prompt="none", id_token_hint="x.y.z")
    claims = decode_jwt(again.redeem(again.silent(browser)).json["id_token"])[1]
    equal((claims["sub"], claims["auth_time"]), (first["sub"], first["auth_time"]), "sub and auth_time")
    attempt = asked.request(prompt="none")
    attempt.check(attempt.open(browser), "consent_required")
    attempt = app.request(prompt="none", max_age="0")
    attempt.check(attempt.open(browser), "login_required")


def test_authorize_max_age_and_auth_time():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    claims = [decode_jwt(app.sign_in(browser, max_age=age)["id_token"])[1] for age in ("15000", "10000")]
    equal(claims[0]["auth_time"], claims[1]["auth_time"], "auth_time within max_age")
    time.sleep(2.1)
    attempt = app.request(max_age="1")
    page = attempt.open(browser)
    assert "older than" in page.text, page.text
    old = dict(browser.jar)
    landing = attempt.check(browser.press(page, "continue"))
    later = decode_jwt(attempt.redeem(landing.code).json["id_token"])[1]
    assert later["auth_time"] > claims[0]["auth_time"], (later, claims)
    assert browser.jar != old, "a new cookie value with auth_time (security 19)"


def test_authorize_prompt_login_shows_a_page():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    first = decode_jwt(app.sign_in(browser)["id_token"])[1]
    time.sleep(1.1)
    for prompt, moves in (("login", True), ("select_account", True), ("consent", False), ("login consent", True)):
        before = dict(browser.jar)
        attempt = app.request(prompt=prompt)
        page = attempt.open(browser)
        equal((page.status, page.has("continue"), page.has("cancel")), (200, True, True), prompt)
        landing = attempt.check(browser.press(page, "continue"))
        claims = decode_jwt(attempt.redeem(landing.code).json["id_token"])[1]
        equal(claims["auth_time"] > first["auth_time"], moves, f"auth_time moves at {prompt}")
        equal(browser.jar != before, moves, f"a new cookie at {prompt}")
        equal(claims["sub"], first["sub"], "sub")
        first = claims
        time.sleep(1.1)


def test_authorize_parameters_of_answers_are_few():
    """check() refuses what is not code, state, iss or an error's; a client's own query is kept before them."""
    server = shared_dev()
    app, browser = server.add(redirect_uri="https://app.example/cb?a=1&code=mine"), server.browser()
    answer = browser.fetch("GET", app.request().url)
    assert answer.location.startswith("https://app.example/cb?a=1&code=mine&code="), answer.location
