#!/usr/bin/python3
"""A small application that signs people in with OpenID Connect (python3-authlib), as any other would.

    demo.py --port PORT --issuer URL --client FILE    serve it; FILE is what `avouch client add --json` printed
    demo.py --sign-in URL                             be the browser: follow URL to the claims and print them
    demo.py --ping URL                                does it answer?
"""

import argparse
import html
import http.server
import json
import secrets
import sys
import urllib.parse

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oidc.core import CodeIDToken

SECONDS = 10
ALGORITHMS = ["RS256", "ES256", "PS256"]

PAGE = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width"><title>Demo</title>
<body style="font:1rem/1.5 system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem">{}"""


class Application:
    """What an OpenID Connect client knows: its registration and the provider's metadata."""

    def __init__(self, issuer, client, port):
        self.client_id = client["client_id"]
        self.secret = client["client_secret"]
        self.callback = f"http://localhost:{port}/callback"
        self.metadata = self.get(issuer + "/.well-known/openid-configuration")
        if self.metadata["issuer"] != issuer:
            raise ValueError("the provider's issuer is not the configured one")
        self.pending = {}  # state: (nonce, code_verifier)

    @staticmethod
    def get(url):
        answer = requests.get(url, timeout=SECONDS)
        answer.raise_for_status()
        return answer.json()

    def session(self):
        return OAuth2Session(self.client_id, self.secret, redirect_uri=self.callback, scope="openid profile email",
                             code_challenge_method="S256")

    def login_url(self):
        nonce, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
        url, state = self.session().create_authorization_url(self.metadata["authorization_endpoint"], nonce=nonce,
                                                             code_verifier=verifier)
        self.pending[state] = nonce, verifier
        return url

    def finish(self, query):
        """The callback's query to verified claims."""
        if "error" in query:
            raise ValueError(f"{query['error']}: {query.get('error_description', '')}")
        nonce, verifier = self.pending.pop(query.get("state"), (None, None))
        if nonce is None:
            raise ValueError("nobody asked for this sign-in")
        if query.get("iss") != self.metadata["issuer"]:
            raise ValueError("the answer is another provider's")
        with self.session() as session:
            token = session.fetch_token(self.metadata["token_endpoint"], code=query["code"], code_verifier=verifier,
                                        timeout=SECONDS)
            userinfo = session.get(self.metadata["userinfo_endpoint"], timeout=SECONDS).json()
        keys = JsonWebKey.import_key_set(self.get(self.metadata["jwks_uri"]))
        claims = JsonWebToken(ALGORITHMS).decode(
            token["id_token"], keys, claims_cls=CodeIDToken,
            claims_options={"iss": {"essential": True, "value": self.metadata["issuer"]},
                            "aud": {"essential": True, "value": self.client_id}},
            claims_params={"nonce": nonce, "client_id": self.client_id, "access_token": token["access_token"]})
        claims.validate()
        if userinfo["sub"] != claims["sub"]:
            raise ValueError("userinfo is about somebody else")
        return dict(claims)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/":
            self.answer(200, PAGE.format('<h1>Demo</h1><p><a href="/login">Sign in</a>'))
        elif url.path == "/login":
            self.answer(302, "", ("Location", self.server.application.login_url()))
        elif url.path == "/callback":
            self.callback(dict(urllib.parse.parse_qsl(url.query)))
        else:
            self.answer(404, PAGE.format("<h1>Nothing here</h1>"))

    def callback(self, query):
        try:
            claims = self.server.application.finish(query)
        except Exception as e:  # whatever it is, the person at the browser is told
            self.answer(400, PAGE.format(f"<h1>That did not work</h1><p>{html.escape(str(e))}<p><a href='/login'>Again</a>"))
            return
        text = json.dumps(claims, indent=2)
        if "application/json" in self.headers.get("Accept", ""):
            self.answer(200, text, ("Content-Type", "application/json"))
            return
        self.answer(200, PAGE.format(f"<h1>Hello {html.escape(claims.get('name', claims['sub']))}</h1>"
                                     f"<p>Signature, issuer, audience and nonce are right:<pre>{html.escape(text)}</pre>"
                                     "<p><a href='/login'>Sign in again</a>"))

    def answer(self, status, text, *headers):
        body = text.encode()
        self.send_response(status)
        for name, value in headers or (("Content-Type", "text/html; charset=utf-8"),):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass  # a code is in the callback's URL


def serve(port, issuer, client_file):
    with open(client_file, encoding="utf-8") as f:
        client = json.load(f)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.application = Application(issuer, client, port)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


def sign_in(url):
    with requests.Session() as browser:
        answer = browser.get(url, headers={"Accept": "text/html, application/json"}, timeout=SECONDS)
    hops = [urllib.parse.urlsplit(r.url) for r in (*answer.history, answer)]
    for hop in hops:
        print(f"    {hop.netloc}{hop.path}")
    if answer.status_code != 200:
        print(answer.text)
        return 1
    print("verified claims of the ID token:")
    print(json.dumps(answer.json(), indent=4))
    return 0


def ping(url):
    try:
        return 0 if requests.get(url, timeout=1).status_code == 200 else 1
    except requests.RequestException:
        return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int)
    parser.add_argument("--issuer")
    parser.add_argument("--client")
    parser.add_argument("--sign-in", dest="sign_in")
    parser.add_argument("--ping")
    args = parser.parse_args()
    if args.ping:
        return ping(args.ping)
    if args.sign_in:
        return sign_in(args.sign_in)
    return serve(args.port, args.issuer, args.client)


if __name__ == "__main__":
    # plain HTTP is fine on loopback alone, and only there this application runs
    sys.exit(main())
