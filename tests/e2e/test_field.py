"""What broke other providers in the field, one row of that list a test, with the row's own input."""

import re
import threading
import time

import browser as browsers
import wire
from support import Dev, basic, challenge_of, decode_jwt, equal, shared_dev, userinfo


def test_field_02():
    """A charset, odd capitals and quotation marks in the form's type change nothing."""
    server, form_type = shared_dev(), "application/x-www-form-urlencoded"
    app, browser = server.add(), server.browser()
    for kind in (f"{form_type};charset=UTF-8", f"{form_type}; charset=utf-8", 'Application/X-WWW-Form-Urlencoded ; Charset="UTF-8"',
                 f'{form_type};charset="utf-8";x=y'):
        attempt = app.request(scope="openid email")
        body = wire.encode(attempt.token_form(attempt.silent(browser))).encode()
        answer = server.post("/token", body, {"Content-Type": kind, **basic(app.id, app.secret)})
        equal(answer.status, 200, f"{kind}: {answer.brief()}")
        equal(answer.json["scope"], "openid email", kind)
        page = browser.go("POST", server.issuer + "/authorize", headers={"Content-Type": kind},
                          body=wire.encode(app.request(state=kind).params).encode())
        equal(page.get("state"), kind, "state of a posted authorization request")


OPTIONAL = ("response_mode scope state nonce code_challenge code_challenge_method prompt max_age id_token_hint request request_uri "
            "registration login_hint display ui_locales claims_locales acr_values claims resource").split()


def test_field_04():
    """Optional parameters that are present and empty are as if they were not there, at three endpoints."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    assert len(OPTIONAL) == 19
    for names in [[name] for name in OPTIONAL] + [OPTIONAL]:
        attempt = app.request(pkce=False, **{"scope": None, "state": None, "nonce": None, **{name: "" for name in names}})
        landing = attempt.open(browser)
        assert landing.code and landing.get("state") is None, f"empty {names}: {landing!r}"
        answer = attempt.redeem(landing.code, **{name: "" for name in OPTIONAL}, audience="", client_secret="", client_assertion="",
                                client_assertion_type="")
        equal(answer.status, 200, f"token, {names}: {answer.brief()}")
        tokens = answer.json
        assert "nonce" not in decode_jwt(tokens["id_token"])[1], "an empty nonce became a claim"
        answer = server.post("/userinfo", {"access_token": "", "scope": ""}, {"Authorization": f"Bearer {tokens['access_token']}"})
        equal(answer.status, 200, f"userinfo: {answer.brief()}")


def test_field_07():
    """The registered spelling of a redirect URI works at both endpoints, another one gets no redirect."""
    server = shared_dev()
    browser = server.browser()
    spellings = [f"https://app.example/cb?x={x}" for x in ("a+b", "a%20b", "a%2Bb")]
    for registered in spellings:
        app = server.add(redirect_uri=registered)
        attempt = app.request()
        landing = attempt.check(attempt.open(browser))
        assert landing.url.startswith(registered + "&"), landing.url
        for other in spellings + [registered.replace("a", "%61")]:
            if other != registered:
                page = app.request(redirect_uri=other).open(browser)
                equal((page.status, page.error), (400, "invalid_redirect_uri"), f"{other} for {registered}")
                answer = attempt.redeem(landing.code, redirect_uri=other)
                equal((answer.status, answer.json["error"]), (400, "invalid_grant"), f"at token {other} for {registered}")
        equal(attempt.redeem(landing.code).status, 200, f"at token {registered}")


def test_field_08():
    """The registered query is kept and one separator added, on errors too."""
    server = shared_dev()
    for registered, joined in (("https://app.example/cb?close", "https://app.example/cb?close&"),
                               ("https://app.example/cb?", "https://app.example/cb?"),
                               ("https://app.example/cb?next=/app?x", "https://app.example/cb?next=/app?x&")):
        app, browser = server.add(redirect_uri=registered), server.browser()
        refused = app.request(prompt="none").open(browser)
        assert refused.url.startswith(joined + "error=login_required"), refused.url
        landing = app.request().open(browser)
        assert landing.url.startswith(joined + "code="), landing.url


def test_field_11():
    """A doubled blank is forgiven; no other white space separates scopes or gets into a token."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    tokens = app.sign_in(browser, scope=" openid  email ")
    equal(tokens["scope"], "openid email", "scope")
    for space in ("\n", "\t", "\r\n", "\u00a0", "\u2003", "\x0b"):
        attempt = app.request(scope=f"openid{space}email")
        attempt.check(attempt.open(browser), "invalid_scope")


CLAIMS = ["{", "[]", "null", "1", '"x"', "{}", '{"userinfo":null}', '{"userinfo":[]}', '{"id_token":{"email":null}}',
          '{"userinfo":{"name":{"essential":true}},"id_token":{"auth_time":{"essential":true}}}', "[" * 400, '{"a":' * 400,
          '{"userinfo":{"name":{"value":1e999}}}', '{"userinfo":{"\\u0000":null}}']


def test_field_12():
    """A claims parameter of any kind is a code or invalid_request, never a server error."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    assert len(CLAIMS) == 14
    for claims in CLAIMS:
        landing = app.request(claims=claims).open(browser)
        assert landing.code or landing.error == "invalid_request", f"{claims[:40]}: {landing!r}"


def test_field_13():
    """A letter cut in two by a chunk survives: there is no registration yet, so in a posted state, and at the token endpoint."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    attempt = app.request(state="MARK")
    body = wire.encode(attempt.params).encode().replace(b"MARK", "€-ß-€".encode())
    for at in (body.index(b"\xe2") + 1, body.index(b"\xe2") + 2, body.index(b"\xc3") + 1):
        pieces = [body[:at], body[at:at + 1], body[at + 1:]]
        chunked = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        head = wire.write("POST", "/authorize", server.host, {"Content-Type": "application/x-www-form-urlencoded",
                                                              "Transfer-Encoding": "chunked"})
        with server.connect(browser.source) as c:
            for piece in (head, chunked[:len(chunked) // 2], chunked[len(chunked) // 2:]):
                c.send(piece)
                time.sleep(0.02)
            answer = c.read()
        equal(answer.status, 303, answer.brief())
        landing = browser.open(server.issuer + answer.location)
        equal(landing.get("state"), "€-ß-€", "state")


def test_field_15():
    """HEAD has status, type and length of GET, and no body."""
    server = shared_dev()
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"):
        get = server.get(path)
        with server.connect() as c:
            c.send(wire.write("HEAD", path, server.host))
            head = c.read(head_only=True)
            c.send(wire.write("GET", path, server.host))
            equal(c.read().body, get.body, "what comes after HEAD on the same connection")
        for name in ("content-type", "content-length", "etag", "cache-control", "access-control-allow-origin"):
            equal(head.header(name), get.header(name), f"{path} {name}")
        equal((head.status, get.status), (200, 200), path)


def test_field_16():
    """Errors of the token endpoint are 4xx and JSON with an `error`."""
    server = shared_dev()
    app = server.add()
    good, form = basic(app.id, app.secret), {"grant_type": "authorization_code", "code": "x"}
    broken = [
        server.post("/token", {}, good), server.post("/token", form), server.post("/token", form, basic(app.id, "wrong")),
        server.post("/token", form, {"Authorization": "Basic %%%"}), server.post("/token", form, good),
        server.post("/token", {"grant_type": "password"}, good), server.post("/token", {"grant_type": "authorization_code"}, good),
        server.post("/token", b'{"grant_type":"authorization_code"}', {"Content-Type": "application/json", **good}),
        server.post("/token?grant_type=authorization_code", b"", good), server.post("/token", [("code", "x"), ("code", "y")], good),
        server.post("/token", b"code=%zz", {"Content-Type": "application/x-www-form-urlencoded", **good}),
        server.get("/token", good), server.http("PUT", "/token", good, form),
    ]
    for number, answer in enumerate(broken):
        assert 400 <= answer.status < 500, f"request {number}: {answer.brief()}"
        assert isinstance(answer.json.get("error"), str), f"request {number}: {answer.brief()}"
        assert re.fullmatch(r'[ !#-\[\]-~]*', answer.json.get("error_description", "")), answer.json


def test_field_18():
    """No state was sent, or an empty one: none comes back, whatever the answer is."""
    server = shared_dev()
    app = server.add(page="always")
    for state in (None, ""):
        browser = server.browser()
        for params, error in (({"prompt": "none"}, "login_required"), ({"scope": "a\tb"}, "invalid_scope")):
            landing = app.request(state=state, **params).open(browser)
            equal((landing.error, landing.get("state")), (error, None), "an error")
        for button, error in (("cancel", "access_denied"), ("continue", None)):
            landing = browser.press(app.request(state=state).open(browser), button)
            equal((landing.error, landing.get("state")), (error, None), button)


def test_field_21():
    """A browser client reads errors too, and its preflights allow what it sends."""
    server = shared_dev()
    origin = {"Origin": "https://spa.example"}
    for path, answers in (("/token", [server.post("/token", {}, origin), server.post("/token", {"grant_type": "x"}, origin),
                                      server.get("/token", origin), server.post("/token", b"{}", origin)]),
                          ("/userinfo", [server.get("/userinfo", origin), server.post("/userinfo", b"{}", origin),
                                         server.get("/userinfo", {"Authorization": "Bearer x", **origin})])):
        for answer in answers:
            assert 400 <= answer.status < 500, answer.brief()
            equal(answer.header("access-control-allow-origin"), "*", f"{path} {answer.brief()}")
        preflight = server.http("OPTIONS", path, {**origin, "Access-Control-Request-Method": "POST",
                                                  "Access-Control-Request-Headers": "authorization,content-type"})
        assert preflight.status in (200, 204), preflight.brief()
        equal(preflight.header("access-control-allow-origin"), "*", "preflight")
        allowed = preflight.header("access-control-allow-headers").lower().replace(" ", "").split(",")
        assert {"authorization", "content-type"} <= set(allowed), allowed
        assert "POST" in preflight.header("access-control-allow-methods"), preflight.headers


def test_field_22():
    """Verifiers have 43 to 128 characters; a padded challenge is an error at once."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for length, status in ((1, 400), (42, 400), (43, 200), (128, 200), (129, 400)):
        verifier = ("aZ09-._~" * 17)[:length]
        attempt = app.request(pkce=False, code_challenge=challenge_of(verifier), code_challenge_method="S256")
        answer = attempt.redeem(attempt.silent(browser), code_verifier=verifier)
        equal(answer.status, status, f"a verifier of {length} characters: {answer.brief()}")
    attempt = app.request(code_challenge=challenge_of("a" * 43) + "=")
    attempt.check(attempt.open(browser), "invalid_request")


def test_field_27():
    """Two pages of one client in one browser, finished in the other order: each answer is its own."""
    server = shared_dev()
    app, browser = server.add(page="always"), server.browser()
    attempts = [app.request(), app.request()]
    pages = [attempt.open(browser) for attempt in attempts]
    for attempt, page in reversed(list(zip(attempts, pages))):
        landing = attempt.check(browser.press(page, "continue"))
        tokens = attempt.redeem(landing.code)
        equal(tokens.status, 200, tokens.brief())
        equal(decode_jwt(tokens.json["id_token"])[1]["nonce"], attempt.params["nonce"], "nonce")


def test_field_30():
    """A double click: two posts of one page at the same moment. One working code; the other is the same one or a page that explains."""
    server = shared_dev()
    app, browser = server.add(page="always"), server.browser()
    for _ in range(5):
        attempt = app.request()
        page = attempt.open(browser)
        action, fields = page.form_data("continue")
        headers = {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document",
                   "Cookie": browser.cookies_for(page.url)}
        answers, start = [None, None], threading.Barrier(2)

        def post(i, headers=headers, action=action, fields=fields, answers=answers, start=start):
            with server.connect(browser.source) as c:
                start.wait(5)
                c.send(wire.write("POST", action, server.host, headers, fields))
                answers[i] = c.read()

        threads = [threading.Thread(target=post, args=(i,)) for i in range(2)]
        [t.start() for t in threads]
        [t.join(20) for t in threads]
        for answer in answers:
            assert answer.status < 500, answer.brief()
            browser.keep_cookies(page.url, answer)
        codes = {browsers.Landing("GET", a.location).code for a in answers if a.location}
        equal(len(codes), 1, f"codes of {[a.brief() for a in answers]}")
        equal([attempt.redeem(code).status for code in codes], [200], "redeeming it")


def test_field_32():
    """A cookie that means nothing is as a fresh browser, and is replaced."""
    server = shared_dev()
    silent, asked = server.add(), server.add(page="always")
    browser = server.browser()
    silent.sign_in(browser)
    (key, good), = browser.jar.items()
    broken = [good[::-1], good[:-1], good[:22], good[:10], "a" * 3000, f'"{good}"', '"', "\\", "%00%ff", "=", good + good,
              "Zm9vYmFyYmF6cXV4Zm9vYg", "A" * 75, "A" * 22]
    for value in broken:
        for app in (silent, asked):
            browser.jar = {key: value}
            attempt = app.request()
            landing = attempt.open(browser)
            if app is asked:
                equal(landing.status, 200, f"cookie {value[:30]}")
                landing = browser.press(landing, "continue")
            attempt.check(landing)
            assert browser.jar[key] != value, f"{value[:30]} was not replaced"
        equal(silent.request(prompt="none").open(browser).error, None, "prompt=none after that")


def test_field_36():
    """max_age=0 asks once each time, and auth_time is now."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for _ in range(2):
        attempt = app.request(max_age="0")
        page = attempt.open(browser)
        equal((page.status, page.has("continue")), (200, True), "the page")
        landing = attempt.check(browser.press(page, "continue"))
        claims = decode_jwt(attempt.redeem(landing.code).json["id_token"])[1]
        assert abs(claims["auth_time"] - time.time()) <= 3, claims
        time.sleep(1.1)


def test_field_42():
    """Odd logins become user names that applications take, all different."""
    logins = ["tim.o'neill+lab@example.com", "a.-b@example.com", "x__y@example.com", "_z_@example.com", "ann#1@example.com",
              "Tim.O-Neill-Lab@example.com"]
    names = set()
    with Dev(logins, "field42") as server:
        app = server.add()
        for number in range(len(logins)):
            tokens = app.sign_in(server.browser(source=f"127.0.0.{number + 1}"))
            name = decode_jwt(tokens["id_token"])[1]["preferred_username"]
            assert re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*", name), f"{logins[number]} is {name}"
            equal(userinfo(server, tokens["access_token"]).json["preferred_username"], name, logins[number])
            names.add(name)
    equal(len(names), len(logins), f"different names in {names}")


def test_field_43():
    """An address has one spelling in every place and at every sign-in, its domain in lower case."""
    with Dev(["Ann.Example@Mail.Example.COM"], "field43") as server:
        app = server.add()
        for _ in range(2):
            tokens = app.sign_in(server.browser(source="127.0.0.1"))
            for claims in (decode_jwt(tokens["id_token"])[1], userinfo(server, tokens["access_token"]).json):
                equal((claims["email"], claims["preferred_username"]), ("Ann.Example@mail.example.com", "ann.example"), "claims")
        equal([p["email"] for p in server.cli("person", "list", "--json")], ["Ann.Example@mail.example.com"], "person list")


def test_field_47():
    """14 KB of other applications' cookies, some malformed, ours in the middle: our session is found."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    app.sign_in(browser)
    ours = browser.cookies_for(server.issuer)
    others = [f"app{i}={'x' * 320}" for i in range(20)]
    odd = ["novalue", "=noname", "a b=c d", 'q="unclosed', "avouchx=1", "xavouch=2", "ünï=cödé", "e=é"]
    cookies = "; ".join(others + odd + [ours] + odd + others)
    assert 12000 < len(cookies.encode()) < 16000, len(cookies)
    landing = app.request(prompt="none").open(browser, headers={"Cookie": cookies})
    assert landing.code, landing


def test_field_49():
    """A connection that was silent for 12 s answers the next request."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    with server.connect() as c:
        c.send(wire.write("GET", "/.well-known/openid-configuration", server.host))
        equal(c.read().status, 200, "discovery")
        time.sleep(12)
        attempt = app.request()
        form = attempt.token_form(attempt.silent(browser))
        c.send(wire.write("POST", "/token", server.host, basic(app.id, app.secret), form))
        equal(c.read().status, 200, "token on the same connection")


test_field_49.slow = True


def test_field_56():
    """Resources that are none are invalid_target, by redirect with state and as 400."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for resource in ("https://mcp.example/mcp#x", "https://mcp.example/mcp#", "/mcp"):
        attempt = app.request(resource=resource)
        attempt.check(attempt.open(browser), "invalid_target")
        attempt = app.request()
        code = attempt.silent(browser)
        answer = attempt.redeem(code, resource=resource)
        equal((answer.status, answer.json["error"]), (400, "invalid_target"), resource)
        equal(attempt.redeem(code).status, 200, "the code was not consumed by that")
