"""Clients that others wrote, each really signing in over TLS: Python's Authlib, and Apache's mod_auth_openidc. Those of Node are in
test_clients_node.py."""

import os
import shutil
import subprocess

from support import Skip, authority, directory, equal, free_port, shared_tailnet, spawn, wait_until, write_file

import browser as browsers
import wire

METHODS = {"basic": "client_secret_basic", "post": "client_secret_post", "none": "none"}


# ---- Authlib ----


def authlib_signs_in(method, alg, mode, scope="openid profile email groups"):
    try:
        from authlib.integrations.requests_client import OAuth2Session
        from authlib.jose import JsonWebKey, JsonWebToken
        from authlib.oidc.core import CodeIDToken
    except ImportError as e:
        raise Skip(f"Debian's python3-authlib and python3-requests are needed: {e}") from e
    server = shared_tailnet()
    app, browser = server.add(auth_method=METHODS[method], id_token_alg=alg), server.browser()
    nonce, verifier = os.urandom(16).hex(), os.urandom(32).hex()
    with OAuth2Session(app.id, app.secret, token_endpoint_auth_method=METHODS[method], scope=scope, redirect_uri=app.redirect_uri,
                       code_challenge_method="S256") as session:
        session.verify, session.trust_env = authority().certificate, False
        # the person's device is the browser's, and the application may run anywhere
        found = session.get(server.issuer + "/.well-known/openid-configuration", withhold_token=True).json()
        url, state = session.create_authorization_url(found["authorization_endpoint"], nonce=nonce, code_verifier=verifier,
                                                      response_mode=mode)
        landing = browser.open(url)
        equal(landing.method, "POST" if mode == "form_post" else "GET", "how the answer came")
        answer = f"{app.redirect_uri}?{wire.encode(landing.params)}"
        token = session.fetch_token(found["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier)
        keys = JsonWebKey.import_key_set(session.get(found["jwks_uri"], withhold_token=True).json())
        claims = JsonWebToken([alg]).decode(token["id_token"], keys, CodeIDToken, claims_options={"iss": {"value": found["issuer"]}},
                                            claims_params={"nonce": nonce, "client_id": app.id, "access_token": token["access_token"]})
        claims.validate(leeway=0)
        equal(claims.header["alg"], alg, "alg")
        info = session.get(found["userinfo_endpoint"]).json()
        equal((info["sub"], info["email"]), (claims["sub"], claims["email"]), "userinfo")
        assert token["expires_in"] > 0 and token["token_type"] == "Bearer", token


def test_client_authlib_basic_rs256():
    authlib_signs_in("basic", "RS256", "query")


def test_client_authlib_post_es256_form_post():
    authlib_signs_in("post", "ES256", "form_post")


def test_client_authlib_none_ps256():
    authlib_signs_in("none", "PS256", "query", "openid email")


# ---- Apache mod_auth_openidc ----

MODULES = "/usr/lib/apache2/modules"
SITES = (("basic", "RS256", "query"), ("post", "ES256", "form_post"), ("none", "PS256", "query"))

MAIN = """ServerRoot {dir}
DefaultRuntimeDir {dir}
PidFile {dir}/pid
ErrorLog {dir}/error.log
LogLevel warn auth_openidc:debug
Mutex file:{dir} default
ServerName localhost
{modules}
DocumentRoot {dir}/htdocs
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
StartServers 1
"""

SITE = """Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
  OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
  OIDCCABundlePath {ca}
  OIDCClientID {id}
  {secret}
  OIDCProviderTokenEndpointAuth {method}
  OIDCIDTokenSignedResponseAlg {alg}
  OIDCResponseMode {mode}
  OIDCPKCEMethod S256
  OIDCScope "openid profile email groups"
  OIDCRedirectURI http://localhost:{port}/protected/cb
  OIDCCryptoPassphrase {passphrase}
  OIDCCacheType file
  OIDCCacheDir {dir}/cache
  OIDCRemoteUserClaim preferred_username
  <Location /protected/>
    AuthType openid-connect
    Require valid-user
    Header set X-Sub "%{{OIDC_CLAIM_sub}}e"
    Header set X-Email "%{{OIDC_CLAIM_email}}e"
    Header set X-Groups "%{{OIDC_CLAIM_groups}}e"
    Header set X-Issuer "%{{OIDC_CLAIM_iss}}e"
    Header set X-Nonce "%{{OIDC_CLAIM_nonce}}e"
    Header set X-User "expr=%{{REMOTE_USER}}"
  </Location>
</VirtualHost>
"""


class Site:
    """A virtual host, as the browser sees it."""

    def __init__(self, app, port):
        self.app, self.port, self.origin = app, port, f"http://localhost:{port}"

    def http(self, method, target, headers=(), body=None, source=None):
        with wire.Connection(self.port, source) as c:
            c.send(wire.write(method, target, f"localhost:{self.port}", headers, body))
            return c.read()


def apache_program():
    program = shutil.which("apache2", path="/usr/sbin:/usr/bin") or ""
    if not program or not os.path.exists(f"{MODULES}/mod_auth_openidc.so"):
        raise Skip("Debian's apache2 and libapache2-mod-auth-openidc are needed")
    return program


class Apache:
    """An ordinary process with a configuration of its own; never as root."""

    def __init__(self, server):
        self.dir, self.sites = directory("apache"), []
        for name in ("htdocs", "htdocs/protected", "cache"):
            os.mkdir(os.path.join(self.dir, name))
        write_file(os.path.join(self.dir, "htdocs", "protected", "index.txt"), "inside\n")
        ca = shutil.copy(authority().certificate, os.path.join(self.dir, "ca.pem"))
        modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "headers"]
        config = MAIN.format(dir=self.dir, modules="\n".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in modules))
        for method, alg, mode in SITES:
            port = free_port()
            app = server.add(redirect_uri=f"http://localhost:{port}/protected/cb", auth_method=METHODS[method], id_token_alg=alg,
                             page="never")
            config += SITE.format(port=port, issuer=server.issuer, ca=ca, id=app.id, method=METHODS[method], alg=alg, mode=mode,
                                  secret=f"OIDCClientSecret {app.secret}" if app.secret else "", passphrase=os.urandom(16).hex(),
                                  dir=self.dir)
            self.sites.append(Site(app, port))
        self.config = write_file(os.path.join(self.dir, "apache.conf"), config)
        self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if self.user:
            subprocess.run(["chown", "-R", "nobody:nogroup", self.dir], check=True, timeout=10)

    def __enter__(self):
        self.process = spawn([apache_program(), "-DFOREGROUND", "-f", self.config], env={"PATH": "/usr/bin:/bin", "NO_PROXY": "localhost"},
                             cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **self.user)
        wait_until("Apache listens", self.listens, 20)
        return self

    def listens(self):
        assert self.process.poll() is None, f"Apache ended: {self.process.stderr.read().decode()[:500]}"
        try:
            wire.Connection(self.sites[-1].port).close()
        except ConnectionRefusedError:
            return False
        return True

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()

    def complaints(self):
        with open(os.path.join(self.dir, "error.log"), encoding="utf-8", errors="replace") as f:
            return [line.strip()[-200:] for line in f if ":error]" in line or ":warn]" in line][-5:]


def test_client_mod_auth_openidc():
    """basic, post and none; RS256, ES256 and PS256; query and form_post."""
    apache_program()
    server = shared_tailnet()
    with Apache(server) as apache:
        for site, (method, alg, mode) in zip(apache.sites, SITES):
            browser = browsers.Browser(server, site, source=server.newcomer())
            page = browser.open(site.origin + "/protected/index.txt", site="none")
            assert isinstance(page, browsers.Page), page
            equal((page.status, page.answer.body), (200, b"inside\n"), f"{method} {alg} {mode}: {page} {apache.complaints()}")
            h = page.answer.header
            assert h("x-sub").isdigit() and h("x-email").startswith("person") and h("x-nonce"), page.answer.headers
            equal((h("x-issuer"), h("x-groups"), h("x-user")), (server.issuer, "people", h("x-email").partition("@")[0]), "claims")
            again = browser.open(site.origin + "/protected/index.txt", site="none")
            equal(again.status, 200, "with its own session")


def test_client_mod_auth_openidc_person_cancels():
    """That ends on its page, not in a loop. (2.4.12 takes `iss` beside an error for something else, so its words are not compared.)"""
    apache_program()
    server = shared_tailnet()
    with Apache(server) as apache:
        site = apache.sites[0]
        site.app.edit("--page", "always")
        browser = browsers.Browser(server, site, source=server.newcomer())
        page = browser.open(site.origin + "/protected/index.txt", site="none")
        page = browser.press(page, "cancel")
        assert "Error" in page.answer.text and page.url.startswith(site.origin), page.answer.text
