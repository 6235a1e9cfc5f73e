"""Who is at the other end: every kind of node, and tailscaled when it hangs, talks nonsense or starts anew. The LocalAPI is a
stand-in."""

import os
import re
import subprocess
import time
import urllib.parse

import wire
from support import BINARY, Tailnet, decode_jwt, equal, shared_tailnet, spawn, userinfo, wait_until, write_file

FAULTS = ("error", "garbage", "noise", "drop", "close", "hang")


def set_node(server, source, **change):
    """Changes the node behind that source address; its name."""
    node = server.api.tailnet.state["sources"][source]
    server.api.change({"nodes": {node: change}})
    return node


def test_tailnet_kinds_of_nodes():
    server = shared_tailnet()
    app = server.add()
    sharer = {"people": {"far": {"id": 900, "login": "far@elsewhere.example", "display_name": "Far"}}}
    server.api.change(sharer)
    for change, status, error, words in (
            ({"expired": True, "key_expiry": "2026-01-02T03:04:05Z"}, 403, "node_expired", "has to sign in to the tailnet again"),
            ({"tags": ["tag:box"], "person": None}, 403, "node_tagged", "is a machine, not a person"),
            ({"sharee": True, "sharer": 7, "person": "far"}, 403, "node_shared_in", "belongs to another tailnet"),
            ({"unsigned": True}, 403, "node_unapproved", "not approved yet"),
            ({"unauthorized": True}, 403, "node_unapproved", "not approved yet")):
        source = server.newcomer()
        set_node(server, source, **change)
        browser = server.browser(source=source)
        page = app.request().open(browser)
        equal((page.status, page.error, page.answer.location), (status, error, None), str(change))
        assert words in page.h1, page.h1
        equal(browser.jar, {}, "cookies for nobody")
        silent = app.request(prompt="none")
        silent.check(silent.open(browser), "login_required")


def test_tailnet_unknown_and_own_addresses():
    server = shared_tailnet()
    app = server.add()
    server.api.change({"sources": {"127.0.0.77": "idp"}})
    for source, error in (("127.0.0.99", "not_on_tailnet"), ("127.0.0.77", "node_is_ours")):
        page = app.request().open(server.browser(source=source))
        equal((page.status, page.error), (403, error), source)
    assert "127.0.0.99" in app.request().open(server.browser(source="127.0.0.99")).text


def test_tailnet_shared_in_where_allowed():
    with Tailnet("shared-in", settings="shared_in: allow\n", change={"nodes": {"n1": {"sharee": True, "sharer": 7}}}) as server:
        app = server.add()
        assert app.sign_in(server.browser(source="127.0.1.1"))["id_token"]


def test_tailnet_node_that_routes_for_others_is_asked():
    server = shared_tailnet()
    app, source = server.add(), server.newcomer()
    set_node(server, source, routes=["10.0.0.0/24"])
    browser = server.browser(source=source)
    for _ in range(2):
        page = app.request().open(browser)
        assert page.has("continue") and "carries traffic of other devices" in page.text, page.text
        browser.press(page, "continue")


def test_tailnet_person_gone_before_the_code_is_redeemed():
    """Security H: existence and policy are looked at again at every issue."""
    server = shared_tailnet()
    app = server.add()
    for change in ({"expired": True}, {"person": "alice"}, {"id": "nOtherCNTRL"}, {"grants": [{"clients": ["other"]}]},
                   {"tags": ["tag:x"], "person": None}, {"addresses": ["100.64.9.9"]}):
        source = server.newcomer()
        attempt = app.request()
        code = attempt.silent(server.browser(source=source))
        node = server.api.tailnet.state["sources"][source]
        before = dict(server.api.tailnet.state["nodes"][node])
        set_node(server, source, **change)
        answer = attempt.redeem(code)
        equal((answer.status, answer.json["error"]), (400, "invalid_grant"), f"{change}: {answer.brief()}")
        server.api.change({"nodes": {node: {n: before.get(n) for n in set(before) | set(change)}}})
        equal(attempt.redeem(code).status, 200, f"the code, once {change} was a mistake")


def test_tailnet_another_node_of_the_person_vouches_for_them():
    """The grant's own node is gone; the person was seen on another one, which is there."""
    server = Tailnet("two-nodes", people=2)
    server.api.change({"nodes": {"n2": {"person": "p1"}}})
    with server:
        app = server.add()
        app.sign_in(server.browser(source="127.0.1.2"))
        attempt = app.request()
        code = attempt.silent(server.browser(source="127.0.1.1"))
        server.api.change({"nodes": {"n1": None}, "sources": {"127.0.1.1": None}})
        equal(attempt.redeem(code).status, 200, "with the other node")
        attempt = app.request()
        code = attempt.silent(server.browser(source="127.0.1.2"))
        server.api.change({"nodes": {"n2": None}, "sources": {"127.0.1.2": None}})
        equal(attempt.redeem(code).json["error"], "invalid_grant", "with none")


def start_under(server, setting):
    """Started again with that line instead of its issuer; its last words if it ends at once."""
    if server in server.running:
        equal(server.stop(), None, "its end")
        server.api.__enter__()
    config = server.arguments()[1]
    with open(config, encoding="utf-8") as f:
        text = f.read()
    write_file(config, text.replace(f"issuer: {server.issuer}\n", setting))
    with open(server.log_file, "ab") as log:
        mark = log.tell()
        server.process = spawn([BINARY, "serve", "--config", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                               env=server.environment)
    server.running.add(server)
    wait_until("it serves or ends", lambda: server.process.poll() is not None or '"serving"' in server.log(mark))
    if server.process.poll() is None:
        return None
    server.running.discard(server)
    return server.log(mark)


def issuer_at(server, host):
    with server.connect() as c:
        c.send(wire.write("GET", "/.well-known/openid-configuration", host))
        answer = c.read()
    return answer.json["issuer"] if answer.status == 200 else answer.status


def test_tailnet_issuer_is_remembered():
    """The node's own name, unless one is set; another one is an error that says so, and never a silent change."""
    with Tailnet("remembered", people=2) as server:
        app = server.add()
        token = app.sign_in(server.browser(source="127.0.1.1"))["access_token"]
        wrong = start_under(server, "issuer: https://idp.example.com\n")
        assert f"belongs to the issuer {server.issuer}, not to https://idp.example.com" in wrong and "avouch issuer rename" in wrong, wrong
        wrong = start_under(server, "")
        assert "not to https://idp.tail1234.ts.net" in wrong, wrong
        server.cli("issuer", "rename", "https://idp.tail1234.ts.net")
        equal(start_under(server, ""), None, "under the new name")
        equal(issuer_at(server, "idp.tail1234.ts.net"), "https://idp.tail1234.ts.net", "discovery")
        equal(issuer_at(server, server.host), 421, "the old name")
        with server.connect() as c:
            c.send(wire.write("GET", "/userinfo", "idp.tail1234.ts.net", {"Authorization": f"Bearer {token}"}))
            equal(c.read().status, 401, "what was signed in under the old name")
        server.api.change({"nodes": {"idp": {"fqdn": "idp-1.tail1234.ts.net"}}})
        time.sleep(6)  # it is asked every five seconds
        equal(issuer_at(server, "idp.tail1234.ts.net"), "https://idp.tail1234.ts.net", "the node got another name meanwhile")
        wrong = start_under(server, "")
        assert "belongs to the issuer https://idp.tail1234.ts.net, not to https://idp-1.tail1234.ts.net" in wrong, wrong
        assert any(e["event"] == "issuer_renamed" for e in server.cli("audit", "show", "--json")), "an audit record"


test_tailnet_issuer_is_remembered.slow = True


def test_tailnet_known_id_with_another_login_waits_for_an_operator():
    """Security T."""
    with Tailnet("renamed", people=2) as server:
        app = server.add()
        before = decode_jwt(app.sign_in(server.browser(source="127.0.1.1"))["id_token"])[1]
        server.api.change({"people": {"p1": {"login": "somebody@else.example"}}})
        page = app.request().open(server.browser(source="127.0.1.1"))
        equal((page.status, page.error), (403, "person_held"), "the page")
        server.cli("person", "confirm", before["sub"])
        after = decode_jwt(app.sign_in(server.browser(source="127.0.1.1"))["id_token"])[1]
        equal((after["sub"], after["preferred_username"]), (before["sub"], before["preferred_username"]), "sub and name stay")


def test_tailnet_hosted_control_plane():
    """Its ids are for ever: another login under one is the same person, and so is everybody when our own node is made anew. Both are only
    written down."""
    with Tailnet("hosted", people=2, change={"control_url": "https://controlplane.tailscale.com"}) as server:
        app = server.add()
        before = decode_jwt(app.sign_in(server.browser(source="127.0.1.1"))["id_token"])[1]
        server.api.change({"people": {"p1": {"login": "married@else.example"}}})
        after = decode_jwt(app.sign_in(server.browser(source="127.0.1.1"))["id_token"])[1]
        equal((after["sub"], after["preferred_username"]), (before["sub"], before["preferred_username"]), "sub and name stay")
        server.api.change({"nodes": {"idp": {"id": "nOtherCNTRL"}}})
        wait_until("it is noticed", lambda: server.cli("tailnet", "show", "--json")["accepted"]["stable_id"] == "nOtherCNTRL")
        app.sign_in(server.browser(source="127.0.1.1"))
        records = server.cli("audit", "show", "--json")
        assert any("under a new login" in e.get("detail", "") for e in records), records
        equal([e["stable_id"] for e in records if e["event"] == "tailnet_accepted"], ["nOtherCNTRL"], "audit records of the other node")


def test_tailnet_localapi_faults():
    """Trouble with tailscaled is never `nobody`: 503 with Retry-After, nothing is consumed, and it is over when it is over."""
    with Tailnet("faults") as server:
        app = server.add()
        browser = server.browser(source="127.0.1.1")
        token = app.sign_in(browser)["access_token"]
        for kind in FAULTS:
            attempt = app.request()
            code = attempt.silent(browser)
            server.api.fault({"kind": kind, "path": "whois"})
            begun = time.monotonic()
            page = app.request().open(server.browser(source="127.0.1.1"))
            equal((page.status, page.error, page.answer.header("retry-after")), (503, "temporarily_unavailable", "5"), f"{kind}: {page}")
            assert "Nothing is lost" in page.text and "Bob" in page.text, page.text
            silent = app.request(prompt="none")
            silent.check(silent.open(browser), "temporarily_unavailable")
            answer = attempt.redeem(code)
            equal((answer.status, answer.json["error"]), (503, "temporarily_unavailable"), f"{kind}: {answer.brief()}")
            assert int(answer.header("retry-after")) > 0, answer.headers
            assert time.monotonic() - begun < 30, f"{kind} took {time.monotonic() - begun:.1f} s"
            equal(userinfo(server, token).status, 200, "what needs no whois goes on")
            equal(server.get("/.well-known/jwks.json").status, 200, "documents go on")
            server.api.clear_faults()
            equal(attempt.redeem(code).status, 200, f"the same code after {kind}")
            app.sign_in(browser)


test_tailnet_localapi_faults.slow = True


def test_tailnet_trouble_while_continue_is_pressed():
    """[Try again] leads back to the page, and the press counts then."""
    with Tailnet("press") as server:
        app, browser = server.add(page="always"), server.browser(source="127.0.1.1")
        attempt = app.request()
        page = attempt.open(browser)
        server.api.fault({"kind": "error", "path": "whois"})
        broken = browser.press(page, "continue")
        equal((broken.status, broken.error), (503, "temporarily_unavailable"), "the page")
        server.api.clear_faults()
        again = re.search(r'href="([^"]*)">Try again', broken.answer.text).group(1)
        page = browser.open(urllib.parse.urljoin(broken.url, again))
        attempt.check(browser.press(page, "continue"))


def test_tailnet_whois_that_is_no_person():
    """Answers of the right form with the wrong things in them."""
    with Tailnet("odd") as server:
        app = server.add()
        for change in ({"id": ""}, {"id": "a b"}, {"extra": {"StableID": 5}}, {"extra": {"User": -1}},
                       {"extra": {"Addresses": []}}, {"extra": {"Addresses": "x"}}, {"extra": {"Addresses": ["8.8.8.8/32"]}}):
            source = server.newcomer()
            set_node(server, source, **change)
            page = app.request().open(server.browser(source=source))
            assert not getattr(page, "code", None), f"a code for {change}: {page!r}"
            assert page.status in (200, 403, 503), f"{change}: {page!r}"  # 200: the page that asks


def test_tailnet_localapi_restarts():
    with Tailnet("restart") as server:
        app, browser = server.add(), server.browser(source="127.0.1.1")
        app.sign_in(browser)
        server.api.restart()
        seen = set()

        def signs_in():
            landing = app.request().open(browser)
            seen.add(getattr(landing, "status", 302))
            return getattr(landing, "code", None)

        wait_until("people sign in again", signs_in)
        assert seen <= {302, 503, 403}, seen
        assert userinfo(server, app.sign_in(browser)["access_token"]).status == 200


def test_tailnet_socket_away():
    """No tailscaled at all: at start it is waited for, later it is 503."""
    with Tailnet("away") as server:
        app, browser = server.add(), server.browser(source="127.0.1.1")
        app.sign_in(browser)
        os.rename(server.api.path, server.api.path + ".away")
        server.api.drop_connections()
        page = app.request().open(browser)
        equal((page.status, page.error), (503, "temporarily_unavailable"), "without a socket")
        os.rename(server.api.path + ".away", server.api.path)
        app.sign_in(browser)


def test_tailnet_service():
    """Where we are a Tailscale Service, its grants count and not those to the node; and its name has to be said."""
    server = Tailnet("service", people=2)
    server.environment["AVOUCH_TAILSCALE_SERVICE"] = "svc:idp"
    server.api.change({"nodes": {"n1": {"grants": [{"groups": ["of-the-node"]}], "service_grants": {"svc:idp": [{"groups": ["of-the-service"]}]}}}})
    with server:
        claims = [decode_jwt(server.add().sign_in(server.browser(source=f"127.0.1.{n}"))["id_token"])[1] for n in (1, 2)]
        equal([c.get("groups", []) for c in claims], [["of-the-service"], []], "groups")
    config = write_file(os.path.join(server.dir, "nameless.yaml"), f"state: {server.state}-2\ntailscale: {{service: svc:idp}}\n")
    done = subprocess.run([BINARY, "serve", "--config", config], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and "say it as issuer" in done.stderr, done.stderr


def asked_about_peers(server):
    """How often; about itself it asks now and then."""
    return len([e for e in server.api.log if "whois?addr=127." in e["path"]])


def test_tailnet_no_whois_where_no_identity_is_needed():
    """Security J and P: routes without identity ask nothing, and one question a request."""
    with Tailnet("asks") as server:
        app, browser = server.add(), server.browser(source="127.0.1.1")
        token = app.sign_in(browser)["access_token"]
        server.api.log.clear()
        server.get("/.well-known/openid-configuration")
        userinfo(server, token)
        server.post("/token", {"grant_type": "x"})
        server.get("/nothing")
        equal(asked_about_peers(server), 0, "questions")
        app.request().open(browser)
        equal(asked_about_peers(server), 1, "questions of one authorization request")


def test_tailnet_extra_claims_of_grants():
    """tsidp's extraClaims, and groups and roles by scope."""
    server = shared_tailnet()
    app, source = server.add(), server.newcomer()
    set_node(server, source, grants=[{"groups": ["b", "a"], "roles": ["editor"]}, {"groups": ["a", "c"]},
                                     {"extraClaims": {"policy": "readwrite", "sub": "evil", "email": "evil@example.com"},
                                      "includeInUserInfo": True}])
    tokens = app.sign_in(server.browser(source=source), scope="openid groups roles")
    claims, info = decode_jwt(tokens["id_token"])[1], userinfo(server, tokens["access_token"]).json
    for place in (claims, info):
        equal((sorted(place["groups"]), place["roles"], place["policy"]), (["a", "b", "c"], ["editor"], "readwrite"), "claims")
        assert place["sub"].isdigit() and "email" not in place, place
