"""Discovery, JWKS, and what every answer has: RFC 8414, OpenID Connect Discovery 1.0, RFC 7517."""

import re

import wire
from support import Dev, basic, equal, shared_dev, shared_tailnet, userinfo, wait_until

DISCOVERY, METADATA, JWKS = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"
PAGE = {"Accept": "text/html"}


def test_discovery_is_one_document_at_both_paths():
    for server in (shared_dev(), shared_tailnet()):
        one, other = server.get(DISCOVERY), server.get(METADATA)
        equal((one.status, one.header("content-type")), (200, "application/json"), "discovery")
        equal(other.body, one.body, "the other path")
        equal(one.json["issuer"], server.issuer, "issuer")
        for name, value in one.json.items():
            if name.endswith(("_endpoint", "_uri")):
                assert value.startswith(server.issuer + "/"), f"{name}: {value}"


def test_discovery_advertises_what_is_true():
    server = shared_dev()
    document = server.get(DISCOVERY).json
    equal(document["response_types_supported"], ["code"], "response_types_supported")
    equal(document["code_challenge_methods_supported"], ["S256"], "code_challenge_methods_supported")
    equal(document["subject_types_supported"], ["public"], "subject_types_supported")
    equal(set(document["id_token_signing_alg_values_supported"]), {"RS256", "ES256", "PS256"}, "algorithms")
    assert document["authorization_response_iss_parameter_supported"] is True
    for name, supported in (("request_parameter_supported", False), ("request_uri_parameter_supported", False),
                            ("claims_parameter_supported", False)):
        equal(document[name], supported, name)
    for name in ("registration_endpoint", "revocation_endpoint", "introspection_endpoint", "end_session_endpoint",
                 "pushed_authorization_request_endpoint", "device_authorization_endpoint", "check_session_iframe"):
        if name in document:
            assert server.get(document[name][len(server.issuer):], PAGE).status != 404, f"{name} is advertised and not there"


def test_discovery_path_inserted_forms_are_404():
    server = shared_dev()
    for path in (DISCOVERY + "/tenant", METADATA + "/tenant", METADATA + "/", DISCOVERY + "/", DISCOVERY + "//",
                 "/.well-known/oauth-protected-resource", "/.well-known/webfinger", "/.well-known/", "/.well-known/x", "/.well-known/jwks"):
        for accept in ({}, PAGE):
            answer = server.get(path, accept)
            equal((answer.status, answer.json["error"]), (404, "not_found"), path)
    equal(server.get("/tenant" + DISCOVERY).json["error"], "not_found", "an issuer has no path")


def test_discovery_paths_are_compared_raw():
    server = shared_dev()
    for path in ("/.well-known/%6fpenid-configuration", "/x/..//.well-known/jwks.json", "//token", "/token/", "/token/x", "/./token",
                 "/authorize/", "/%61uthorize", "/AUTHORIZE", "/authorize;x=y", "/x/../authorize"):
        answer = server.get(path, PAGE)
        equal(answer.status, 404, path)
        equal(answer.location, None, path)


def test_discovery_etag_and_caching():
    with Dev(name="etag") as server:  # nobody else's clients make keys meanwhile
        wait_until("both keys are there", lambda: len(server.get(JWKS).json["keys"]) == 2)
        for path in (DISCOVERY, METADATA, JWKS):
            first = server.get(path)
            etag = first.header("etag")
            assert re.fullmatch(r'"[!#-~]+"', etag), etag
            equal(first.header("cache-control"), "public, max-age=3600", "cache-control")
            for sent in (etag, "W/" + etag, f'"x", {etag}', "*"):
                again = server.get(path, {"If-None-Match": sent})
                equal((again.status, again.body, again.header("etag")), (304, b"", etag), sent)
                equal(again.header("cache-control"), first.header("cache-control"), "cache-control of 304")
            equal(server.get(path, {"If-None-Match": '"x"'}).status, 200, "another etag")


def test_discovery_keys_have_what_verifiers_need():
    server = shared_dev()
    server.add(id_token_alg="PS256").sign_in(server.browser())
    keys = server.get(JWKS).json["keys"]
    kids = [key["kid"] for key in keys]
    equal(len(kids), len(set(kids)), "different kids")
    for key in keys:
        assert not set(key) & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}, f"private members in {set(key)}"
        equal(key["use"], "sig", "use")
        assert (key["kty"], key["alg"]) in (("RSA", "RS256"), ("RSA", "PS256"), ("EC", "ES256")), key
    assert {"RS256", "ES256", "PS256"} <= {key["alg"] for key in keys}, "a key for every algorithm in use"


def test_cors_only_where_browser_clients_have_business():
    server = shared_dev()
    origin = {"Origin": "https://spa.example"}
    for path in (DISCOVERY, METADATA, JWKS):
        equal(server.get(path, origin).header("access-control-allow-origin"), "*", path)
        equal(server.http("OPTIONS", path, {**origin, "Access-Control-Request-Method": "GET"}).status, 204, f"preflight of {path}")
    app = server.add()
    for method, path in (("GET", app.request().target), ("GET", "/authorize"), ("GET", "/"), ("GET", "/dev"), ("POST", "/decision"),
                         ("OPTIONS", "/authorize"), ("OPTIONS", "/decision"), ("OPTIONS", "/"), ("GET", "/nothing"), ("GET", "/healthz")):
        answer = server.http(method, path, {**origin, "Access-Control-Request-Method": "POST", **PAGE}, {} if method == "POST" else None)
        equal([n for n, _ in answer.headers if n.startswith("access-control")], [], f"CORS headers of {method} {path}")
    for answer in (server.get(DISCOVERY, origin), server.post("/token", {}, origin)):
        equal(answer.header("access-control-allow-credentials"), None, "credentials")


def test_methods_that_are_not_for_a_path():
    server = shared_dev()
    for method, path, allow in (("POST", DISCOVERY, "GET, HEAD"), ("PUT", "/token", "POST"), ("GET", "/token", "POST"),
                                ("DELETE", "/authorize", "GET, POST"), ("HEAD", "/authorize", "GET, POST"), ("GET", "/decision", "POST"),
                                ("PATCH", "/userinfo", "GET, HEAD, POST"),
                                ("POST", "/", "GET, HEAD"), ("TRACE", "/authorize", "GET, POST")):
        answer = server.http(method, path)
        equal((answer.status, answer.header("allow")), (405, allow), f"{method} {path}")


def test_classes_have_their_routes_and_no_others():
    server = shared_tailnet()

    def is_healthy():
        with wire.Connection(server.other_port["ops"]) as c:
            c.send(wire.write("GET", "/healthz", server.host))
            return c.read().status == 200

    wait_until("the first signing keys are made", is_healthy)
    for listener, there, absent in (("ops", ["/healthz"], [DISCOVERY, "/authorize", "/token", "/userinfo", "/dev", "/"]),
                                    ("public", [DISCOVERY, METADATA, JWKS], ["/authorize", "/", "/dev", "/healthz", "/decision"])):
        for path in there + absent:
            tls = server.tls if listener == "public" else None
            with wire.Connection(server.other_port[listener], tls=tls) as c:
                c.send(wire.write("GET", path, server.host))
                equal(c.read().status, 200 if path in there else 404, f"{path} at {listener}")
    for path in ("/healthz", "/dev", "/metrics"):
        equal(server.get(path).status, 404, f"{path} at tailnet")


def test_public_listener_serves_only_clients_marked_for_it():
    server = shared_tailnet()
    browser = server.browser()
    for reach, status in ((None, 401), ("public", 200)):
        app = server.add(**({"reach": reach} if reach else {}))
        attempt = app.request()
        form = attempt.token_form(attempt.silent(browser), client_id=app.id, client_secret=app.secret)
        with wire.Connection(server.other_port["public"], tls=server.tls) as c:
            c.send(wire.write("POST", "/token", server.host, (), form))
            answer = c.read()
            equal(answer.status, status, f"reach {reach}: {answer.brief()}")
            if status == 401:
                equal(attempt.redeem(form["code"]).status, 200, "that refusal consumed nothing")
                continue
            c.send(wire.write("GET", "/userinfo", server.host, {"Authorization": f"Bearer {answer.json['access_token']}"}))
            equal(c.read().status, 200, "userinfo at public")


def test_public_listener_tells_people_what_is_missing():
    """Whoever gets there with a browser has the tailnet turned off: a page that says so, whatever else the request claims."""
    server = shared_tailnet()
    forged = {**PAGE, "X-Forwarded-For": "100.64.0.2", "Tailscale-User-Login": "alice@example.com", "Forwarded": "for=100.64.0.2"}
    for path in ("/authorize?client_id=x", "/"):
        for headers in (PAGE, forged):
            with wire.Connection(server.other_port["public"], tls=server.tls) as c:
                c.send(wire.write("GET", path, server.host, headers))
                answer = c.read()
            equal(answer.status, 403, answer.brief())
            assert 'id="error">not_on_tailnet<' in answer.text and "Is Tailscale on?" in answer.text, answer.text
            equal(answer.header("set-cookie"), None, "a cookie")


def test_hsts_over_https_only():
    for server, wanted in ((shared_tailnet(), True), (shared_dev(), False)):
        for answer in (server.get(DISCOVERY), server.get("/authorize", PAGE), server.post("/token", {}), server.get("/nothing"),
                       server.get("/userinfo")):
            value = answer.header("strict-transport-security")
            assert bool(value) == wanted, f"{server.issuer}: {value}"
            assert not wanted or int(re.search(r"max-age=(\d+)", value).group(1)) >= 31536000, value


def test_every_answer_says_nosniff_and_nothing_of_the_server():
    server = shared_dev()
    for answer in (server.get(DISCOVERY), server.get("/authorize"), server.post("/token", {}), server.get("/nothing"),
                   server.get("/userinfo")):
        equal(answer.header("x-content-type-options"), "nosniff", "x-content-type-options")
        equal((answer.header("server"), answer.header("x-powered-by")), (None, None), "what it runs on")


def test_wrong_host_is_421():
    """DNS rebinding: a name that is not the issuer's is not answered, whatever is asked."""
    for server in (shared_dev(), shared_tailnet()):
        port = server.port
        for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "localhost", f"localhost:{port + 1}",
                     f"localhost.:{port}", f"xlocalhost:{port}", f"localhost:0{port}"):
            for path in (DISCOVERY, "/authorize", "/", "/nothing"):
                with server.connect() as c:
                    c.send(wire.write("GET", path, host))
                    answer = c.read()
                assert answer.status == 421 or (answer.status == 400 and ":0" in host), f"{host}{path}: {answer.brief()}"
                equal(answer.location, None, host)
        equal(server.get(DISCOVERY, {"Host": f"LOCALHOST:{port}"}).status, 200, "case does not matter")
        for line in (b"", b"Host: %s\r\nHost: %s\r\n" % ((server.host.encode(),) * 2), b"Host: a b\r\n", b"Host: \r\n"):
            with server.connect() as c:
                c.send(b"GET / HTTP/1.1\r\n" + line + b"\r\n")
                equal(c.read().status, 400, repr(line))


def test_forwarded_headers_are_nobody():
    """Security 24: who is at the other end is what the socket says."""
    server = shared_dev()
    app = server.add()
    headers = {"X-Forwarded-For": "127.0.0.2", "Forwarded": "for=127.0.0.2", "X-Real-IP": "127.0.0.2",
               "Tailscale-User-Login": "bob@example.com",
               "Tailscale-User-Name": "Bob", "Remote-User": "bob@example.com", "X-Forwarded-Host": "evil.example",
               "X-Forwarded-Proto": "https",
               "X-Original-URL": "/dev"}
    attempt = app.request()
    landing = attempt.check(attempt.open(server.browser(source="127.0.0.1"), headers=headers))
    tokens = attempt.redeem(landing.code, {**headers, **basic(app.id, app.secret)}).json
    equal(userinfo(server, tokens["access_token"]).json["email"], "alice@example.com", "who signed in")
