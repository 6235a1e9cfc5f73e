"""openid-client 6 and 5, and oauth4webapi, in Node, each really signing in over TLS: three ways of authentication, three algorithms, both
response modes. They check state, nonce, iss (RFC 9207), at_hash, signatures and userinfo's sub themselves."""

import json
import os
import subprocess

from npm import prepared
from support import HERE, authority, equal, shared_tailnet, spawn, verify

METHODS = {"basic": "client_secret_basic", "post": "client_secret_post", "none": "none"}
ANSWER_S = 30


def sign_in(library, method, alg, mode, scope="openid profile email groups"):
    node, modules = prepared()
    server = shared_tailnet()
    app, browser = server.add(auth_method=METHODS[method], id_token_alg=alg), server.browser()
    case = {"issuer": server.issuer, "id": app.id, "secret": app.secret, "redirect_uri": app.redirect_uri, "method": method, "alg": alg,
            "mode": mode, "scope": scope}
    environment = {"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": authority().certificate, "E2E_MODULES": modules}
    with spawn([node, os.path.join(HERE, "clients", library + ".mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
               stderr=subprocess.PIPE, text=True, env=environment) as client:
        try:
            client.stdin.write(json.dumps(case) + "\n")
            client.stdin.flush()
            url = said(client, client.stdout.readline(), "url")
            landing = browser.open(url)
            equal(landing.method, "POST" if mode == "form_post" else "GET", f"how the answer came: {landing}")
            out, err = client.communicate(json.dumps({"url": landing.url, "form": landing.form}) + "\n", ANSWER_S)
        finally:
            client.kill()
    result = said(client, out, "done", err)
    claims = verify(server, result["id_token"], app.id, result["claims"]["nonce"], alg)
    equal(claims, result["claims"], "claims")
    equal((result["userinfo"]["sub"], result["userinfo"]["email"]), (claims["sub"], claims["email"]), "userinfo")


def said(client, line, member, err=""):
    answer = json.loads(line) if line.strip() else {}
    assert member in answer, f"{answer.get('error') or (err or client.stderr.read())[-400:]}"
    return answer[member]


def test_client_openid_client_6_basic_rs256():
    sign_in("openid_client_6", "basic", "RS256", "query")


def test_client_openid_client_6_post_es256_form_post():
    sign_in("openid_client_6", "post", "ES256", "form_post")


def test_client_openid_client_6_none_ps256():
    sign_in("openid_client_6", "none", "PS256", "query", "openid email")


def test_client_openid_client_5_basic_rs256():
    sign_in("openid_client_5", "basic", "RS256", "query")


def test_client_openid_client_5_post_es256_form_post():
    sign_in("openid_client_5", "post", "ES256", "form_post")


def test_client_openid_client_5_none_ps256():
    sign_in("openid_client_5", "none", "PS256", "query", "openid email")


def test_client_oauth4webapi_basic_rs256_form_post():
    sign_in("oauth4webapi", "basic", "RS256", "form_post")


def test_client_oauth4webapi_post_es256():
    sign_in("oauth4webapi", "post", "ES256", "query")


def test_client_oauth4webapi_none_ps256():
    sign_in("oauth4webapi", "none", "PS256", "query", "openid email")
