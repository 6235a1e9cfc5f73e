"""/token and /userinfo by hand: RFC 6749 4.1.3 and 5, OpenID Connect Core 3.1.3 and 5.3, RFC 6750, RFC 9700. Numbers are rows of the list
of security classes."""

import concurrent.futures
import hashlib
import base64
import re
import threading
import urllib.parse

import wire
from support import FORM, basic, challenge_of, decode_jwt, equal, shared_dev, shared_tailnet, userinfo, verify

REFUSED = (400, "invalid_grant")


def outcome(answer):
    """Status and error, and that a token answer's headers are right whatever it is."""
    equal((answer.header("content-type"), answer.header("cache-control")), ("application/json", "no-store"), "headers of /token")
    body = answer.json
    if answer.status != 200:
        assert not set(body) - {"error", "error_description", "error_uri"}, body
        assert re.fullmatch(r"[ !#-\[\]-~]*", body.get("error_description", "")), body
    return answer.status, body.get("error")


def test_token_answer():
    server = shared_tailnet()
    app, browser = server.add(), server.browser()
    attempt = app.request()
    answer = attempt.redeem(attempt.silent(browser))
    equal(outcome(answer), (200, None), answer.brief())
    equal(answer.header("pragma"), "no-cache", "pragma")
    tokens = answer.json
    equal((tokens["token_type"], tokens["expires_in"], tokens["scope"]), ("Bearer", 600, "openid profile email groups"), "members")
    equal(set(tokens), {"access_token", "token_type", "expires_in", "scope", "id_token"}, "members")
    claims = verify(server, tokens["id_token"], app.id, attempt.params["nonce"])
    half = base64.urlsafe_b64encode(hashlib.sha256(tokens["access_token"].encode()).digest()[:16]).rstrip(b"=").decode()
    equal(claims["at_hash"], half, "at_hash")
    equal((claims["exp"] - claims["iat"], claims["email_verified"], claims["groups"]), (3600, True, ["people"]), "claims")
    assert isinstance(claims["aud"], str) and re.fullmatch(r"[A-Za-z0-9-]+", claims["sub"]), claims
    assert "sid" not in claims, "sid is for clients with a logout address"
    info = userinfo(server, tokens["access_token"])
    equal(info.json, {n: claims[n] for n in ("sub", "name", "preferred_username", "email", "email_verified", "groups")}, "userinfo")


def test_token_scopes_decide_claims():
    server = shared_tailnet()
    app, browser = server.add(), server.browser()
    everywhere = {"iss", "sub", "aud", "exp", "iat", "acr", "at_hash", "nonce", "auth_time"}
    for scope, names in (("openid", set()), ("openid profile", {"name", "preferred_username"}),
                         ("openid email", {"email", "email_verified"}),
                         ("openid groups", {"groups"}), (None, {"name", "preferred_username", "email", "email_verified"})):
        attempt = app.request(scope=scope)
        tokens = attempt.redeem(attempt.silent(browser)).json
        equal(set(verify(server, tokens["id_token"], app.id, attempt.params["nonce"])) - everywhere, names, f"ID token for {scope}")
        equal(set(userinfo(server, tokens["access_token"]).json) - {"sub"}, names, f"userinfo for {scope}")
    attempt = app.request(scope="email", nonce=None)
    tokens = attempt.redeem(attempt.silent(browser)).json
    assert "id_token" not in tokens, "an ID token without openid"
    answer = userinfo(server, tokens["access_token"])
    equal((answer.status, answer.json["error"]), (403, "insufficient_scope"), "userinfo without openid")
    assert 'error="insufficient_scope"' in answer.header("www-authenticate"), answer.headers


def test_token_claims_stand_where_the_client_wants_them():
    server = shared_dev()
    browser = server.browser()
    for where, in_token, in_info in (("both", True, True), ("id_token", True, False), ("userinfo", False, True)):
        tokens = server.add(claims=where).sign_in(browser)
        equal("email" in decode_jwt(tokens["id_token"])[1], in_token, f"ID token, claims {where}")
        equal("email" in userinfo(server, tokens["access_token"]).json, in_info, f"userinfo, claims {where}")


def test_token_algorithms():
    server = shared_dev()
    browser = server.browser()
    kids = set()
    for alg in ("RS256", "ES256", "PS256"):
        app = server.add(id_token_alg=alg)
        attempt = app.request()
        token = attempt.redeem(attempt.silent(browser)).json["id_token"]
        verify(server, token, app.id, attempt.params["nonce"], alg)
        kids.add(decode_jwt(token)[0]["kid"])
    equal(len(kids), 3, "a key for each")


def test_token_client_authentication_ways():
    """basic and post both work for every confidential client, raw and percent-encoded; none with PKCE."""
    server = shared_dev()
    browser = server.browser()
    for method in ("client_secret_basic", "client_secret_post"):
        app = server.add(auth_method=method)
        encoded = {"Authorization": basic("".join(f"%{ord(c):02X}" for c in app.id),
                                          "".join(f"%{ord(c):02x}" for c in app.secret))["Authorization"]}
        for headers, form in ((basic(app.id, app.secret), {}), (encoded, {}), ({}, {"client_id": app.id, "client_secret": app.secret}),
                              (basic(app.id, app.secret), {"client_id": app.id}),
                              ({"Authorization": basic(app.id, app.secret)["Authorization"].replace("Basic", "bAsIc")}, {})):
            attempt = app.request()
            equal(outcome(attempt.redeem(attempt.silent(browser), headers, **form)), (200, None), f"{method} {headers} {list(form)}")
    public = server.add(auth_method="none")
    assert public.secret is None, public.record
    for headers, form in (({}, {"client_id": public.id}), (basic(public.id, ""), {"client_id": None}),
                          ({}, {"client_id": public.id, "client_secret": ""})):
        attempt = public.request()
        equal(outcome(attempt.redeem(attempt.silent(browser), headers, **form)), (200, None), f"none {headers} {form}")


def test_token_failed_authentication_consumes_nothing():
    """Security 9. Go's library tries Basic, then the body: the first must not burn the code."""
    server = shared_dev()
    browser = server.browser()
    app, other = server.add(), server.add()
    attempt = app.request()
    code = attempt.silent(browser)
    for headers, form, wanted in (
            (basic(app.id, "wrong"), {}, (401, "invalid_client")), (basic(app.id, ""), {}, (401, "invalid_client")),
            (basic("nobody", app.secret), {}, (401, "invalid_client")), ({}, {}, (401, "invalid_client")),
            ({}, {"client_id": app.id}, (401, "invalid_client")),
            ({}, {"client_id": app.id, "client_secret": "wrong"}, (401, "invalid_client")),
            ({"Authorization": "Bearer x"}, {}, (401, "invalid_client")), ({"Authorization": "Basic !"}, {}, (401, "invalid_client")),
            (basic(app.id, app.secret), {"client_secret": app.secret}, (400, "invalid_request")),
            (basic(app.id, app.secret), {"client_id": other.id}, (400, "invalid_request")),
            ({}, {"client_assertion": "x.y.z", "client_id": app.id}, (401, "invalid_client")),
            (basic(other.id, other.secret), {}, REFUSED)):
        answer = attempt.redeem(code, headers, **form)
        equal(outcome(answer), wanted, f"{headers} {list(form)}")
        equal(bool(answer.header("www-authenticate")), answer.status == 401, "WWW-Authenticate (RFC 6749 5.2)")
    equal(outcome(attempt.redeem(code)), (200, None), "afterwards")


def test_token_as_go_asks_for_it():
    """x/oauth2 with a public client: Basic with an empty secret, then, should that fail, the same code in the body."""
    server = shared_tailnet()
    app, browser = server.add(auth_method="none"), server.browser()
    attempt = app.request()
    code = attempt.silent(browser)
    form = attempt.token_form(code)
    first = server.post("/token", {n: v for n, v in form.items() if n != "client_id"}, basic(urllib.parse.quote(app.id), ""))
    if first.status != 200:
        equal(outcome(first), (401, "invalid_client"), "the first try")
        equal(outcome(server.post("/token", form)), (200, None), "the second")
    secret = server.add()
    attempt = secret.request()
    code = attempt.silent(browser)
    equal(outcome(attempt.redeem(code, basic(secret.id, ""))), (401, "invalid_client"), "a confidential one without its secret")
    equal(outcome(attempt.redeem(code, {}, client_id=secret.id, client_secret=secret.secret)), (200, None), "and then in the body")


def test_token_code_is_bound():
    """Security 4: client, redirect URI and verifier must be those of the request, and trying with others takes nothing away."""
    server = shared_dev()
    browser = server.browser()
    apps = [server.add(), server.add(), server.add(auth_method="none"), server.add(auth_method="none")]
    for app in apps:
        attempt = app.request()
        code = attempt.silent(browser)
        for other in apps:
            if other is not app:
                headers = basic(other.id, other.secret) if other.secret else {}
                changes = {"client_id": other.id} if not other.secret else {"client_id": None}
                equal(outcome(attempt.redeem(code, headers, **changes)), REFUSED, f"{other.id} with {app.id}'s code")
        for changes in ({"redirect_uri": app.redirect_uri + "/"}, {"redirect_uri": None}, {"redirect_uri": ""}, {"code_verifier": None},
                        {"code_verifier": "c" * 43}, {"code_verifier": challenge_of(attempt.verifier)}):
            equal(outcome(attempt.redeem(code, **changes)), REFUSED, str(changes))
        for wrong in (code[:-1], code + "A", code[::-1], code.swapcase(), "A" * len(code), "x", code[:20]):
            equal(outcome(attempt.redeem(wrong)), REFUSED, "a code that is none")
        equal(outcome(attempt.redeem(code)), (200, None), "afterwards")


def test_token_redirect_uri_may_be_left_out_if_it_was():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for form, wanted in (({}, (200, None)), ({"redirect_uri": app.redirect_uri}, (200, None)),
                         ({"redirect_uri": app.redirect_uri + "x"}, REFUSED)):
        attempt = app.request(redirect_uri=None)
        code = attempt.open(browser).code
        equal(outcome(attempt.redeem(code, **form)), wanted, str(form))


def test_token_replay_revokes_only_for_the_right_client():
    """RFC 6749 4.1.2. Security 5: who knows client and verifier ends what the code got; a stranger with an old code does not."""
    server = shared_dev()
    app, other, browser = server.add(), server.add(), server.browser()
    attempt = app.request()
    code = attempt.silent(browser)
    token = attempt.redeem(code).json["access_token"]
    for headers, form in ((basic(other.id, other.secret), {}), (basic(app.id, "wrong"), {}), (None, {"code_verifier": "d" * 43}),
                          (None, {"code_verifier": None}), (None, {"redirect_uri": "https://evil.example/"})):
        answer = attempt.redeem(code, headers, **form)
        assert answer.status in (400, 401), answer.brief()
        equal(userinfo(server, token).status, 200, f"the token after a replay with {form or headers}")
    equal(outcome(attempt.redeem(code)), REFUSED, "the right replay")
    equal(userinfo(server, token).status, 401, "the token after it")
    later = app.sign_in(browser)
    equal(userinfo(server, later["access_token"]).status, 200, "another sign-in of the same person")


def test_token_one_winner_of_64():
    """Security 5: parallel redemptions of one code. One gets tokens, nobody gets a 5xx, and the replays revoke what was got."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for _ in range(3):
        attempt = app.request()
        request = wire.write("POST", "/token", server.host, basic(app.id, app.secret), attempt.token_form(attempt.silent(browser)))
        start = threading.Barrier(64)

        def redeem(_, request=request, start=start):
            with server.connect() as c:
                start.wait(10)
                c.send(request)
                return c.read()

        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(redeem, range(64)))
        results = [outcome(answer) for answer in answers]
        equal(results.count((200, None)), 1, f"winners among {set(results)}")
        equal(results.count(REFUSED), 63, f"losers among {set(results)}")
        winner = next(a for a in answers if a.status == 200)
        equal(userinfo(server, winner.json["access_token"]).status, 401, "what the winner got, after 63 replays")


def test_token_parallel_codes_all_win():
    """64 people's codes at one moment: nobody's is lost to another's."""
    server = shared_dev()
    app, browser = server.add(id_token_alg="ES256"), server.browser()
    attempts = [app.request() for _ in range(64)]
    codes = [attempt.silent(browser) for attempt in attempts]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda pair: pair[0].redeem(pair[1]), zip(attempts, codes)))
    equal({answer.status for answer in answers}, {200}, "answers")
    equal(len({answer.json["access_token"] for answer in answers}), 64, "different tokens")


def test_token_code_expires():
    server = shared_dev()
    app, browser = server.add(lifetime="code=1s"), server.browser()
    attempt = app.request()
    code = attempt.silent(browser)
    threading.Event().wait(2.1)
    equal(outcome(attempt.redeem(code)), REFUSED, "after its second")
    equal(outcome(app.request().redeem(code)), REFUSED, "again")


def test_token_lifetimes_of_a_client():
    server = shared_dev()
    app, browser = server.add(lifetime=["access=2s", "id=5m"]), server.browser()
    tokens = app.sign_in(browser)
    claims = decode_jwt(tokens["id_token"])[1]
    equal((tokens["expires_in"], claims["exp"] - claims["iat"]), (2, 300), "lifetimes")
    equal(userinfo(server, tokens["access_token"]).status, 200, "at once")
    threading.Event().wait(3.1)
    answer = userinfo(server, tokens["access_token"])
    equal((answer.status, answer.json["error"]), (401, "invalid_token"), "when it is over")


def test_token_parameters_in_the_url_are_refused():
    """Security 27: credentials belong in the body."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    attempt = app.request()
    form = attempt.token_form(attempt.silent(browser))
    for name in form:
        rest = {n: v for n, v in form.items() if n != name}
        answer = server.post("/token?" + wire.encode({name: form[name]}), rest, basic(app.id, app.secret))
        equal(outcome(answer), (400, "invalid_request"), f"{name} in the URL")
    answer = server.post("/token?" + wire.encode({"client_id": app.id, "client_secret": app.secret}), form)
    equal(outcome(answer), (400, "invalid_request"), "the secret in the URL")
    equal(outcome(server.post("/token?unknown=1", form, basic(app.id, app.secret))), (200, None), "what we do not know")


def test_token_what_is_not_needed_is_ignored():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    attempt = app.request()
    answer = attempt.redeem(attempt.silent(browser), scope="openid", nonce="x", response_type="code", state="y", audience="z",
                            prompt="none")
    equal(outcome(answer), (200, None), answer.brief())


# ---- userinfo ----


def test_userinfo_three_ways():
    server = shared_tailnet()
    app, browser = server.add(), server.browser()
    token = app.sign_in(browser)["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    answers = [server.get("/userinfo", bearer), server.post("/userinfo", b"", bearer), server.post("/userinfo", {}, bearer),
               server.post("/userinfo", {"access_token": token}), server.get("/userinfo", {"Authorization": f"bearer  {token} "}),
               server.http("HEAD", "/userinfo", bearer)]
    for answer in answers:
        equal((answer.status, answer.header("content-type"), answer.header("cache-control")), (200, "application/json", "no-store"),
              answer.brief())
        equal(answer.header("www-authenticate"), None, "a challenge beside 200")
    equal({answer.body for answer in answers[:5]}, {answers[0].body}, "the same answer")


def test_userinfo_challenges():
    """RFC 6750 3: no error where no token was sent; one way a request; never in the URL."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    tokens = app.sign_in(browser)
    token, bearer = tokens["access_token"], {"Authorization": f"Bearer {tokens['access_token']}"}
    for answer, status, error in (
            (server.get("/userinfo"), 401, None), (server.post("/userinfo", {}), 401, None),
            (server.get("/userinfo", basic("a", "b")), 401, None),
            (userinfo(server, "x"), 401, "invalid_token"), (userinfo(server, token[:-1]), 401, "invalid_token"),
            (userinfo(server, token + "A"), 401, "invalid_token"), (userinfo(server, tokens["id_token"]), 401, "invalid_token"),
            (server.post("/userinfo", {"access_token": token}, bearer), 400, "invalid_request"),
            (server.get("/userinfo?access_token=" + token), 400, "invalid_request"),
            (server.get("/userinfo?access_token=x", bearer), 400, "invalid_request"),
            (server.post("/userinfo", [("access_token", token)] * 2), 400, "invalid_request"),
            (userinfo(server, "a" * 5000), 401, "invalid_token")):
        equal(answer.status, status, answer.brief())
        challenge = answer.header("www-authenticate")
        assert challenge.startswith("Bearer"), challenge
        equal(re.findall(r'error="([^"]*)"', challenge), [error] if error else [], f"in {challenge}")
    with server.connect() as c:
        c.send(wire.write("GET", "/userinfo", server.host, {"Authorization": [f"Bearer {token}"] * 2}))
        equal(c.read().status, 400, "two Authorization headers")


def test_userinfo_takes_access_tokens_only():
    """Security 10 and 6: a code, an ID token or a page's handle is no access token."""
    server = shared_dev()
    app, browser = server.add(page="always"), server.browser()
    attempt = app.request()
    page = attempt.open(browser)
    handle = dict(page.form_data("continue")[1])["flow"]
    landing = browser.press(page, "continue")
    for text in (handle, landing.code, next(iter(browser.jar.values())), app.secret):
        equal(userinfo(server, text).status, 401, "as an access token")
        equal(outcome(app.request().redeem(text)), REFUSED, "as a code")
    tokens = attempt.redeem(landing.code).json
    equal(outcome(app.request().redeem(tokens["access_token"])), REFUSED, "an access token as a code")
    equal(browser.go("GET", server.issuer + "/authorize?flow=" + tokens["access_token"]).error, "page_expired",
          "an access token as a handle")


def test_token_wrong_media_types():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    attempt = app.request()
    body = wire.encode(attempt.token_form(attempt.silent(browser))).encode()
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded2", "", None):
        answer = server.post("/token", body, {"Content-Type": kind, **basic(app.id, app.secret)})
        equal((answer.status, answer.json["error"]), (415, "unsupported_media_type"), f"{kind}: {answer.brief()}")
    equal(outcome(server.post("/token", body, {**FORM, **basic(app.id, app.secret)})), (200, None), "the right one")
