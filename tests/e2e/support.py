"""What the end-to-end tests stand on: the real binary on a port of the kernel's choice with a state directory of its own, clients added
through its command line, sign-ins as an application makes them. Everything is bounded in time and ends with the run."""

import atexit
import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

import browser as browsers  # noqa: E402
import wire  # noqa: E402
from localapi import LocalAPI  # noqa: E402

BINARY = os.path.abspath(os.environ.get("AVOUCH_BIN", os.path.join(ROOT, "build", "src", "app", "avouch")))
START_S, STOP_S = 20, 15
START_TRIES, LEAVE_TRIES = 5, 20
PEOPLE = 60  # made-up ones of a shared server: what a person may have is capped, so each test is somebody else

WORK = tempfile.mkdtemp(prefix="avouch-e2e-")
os.chmod(WORK, 0o755)  # an application under another uid reads its files there

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Skip(Exception):
    """This test cannot run here; its text says why."""


children = set()  # processes that must not outlive the run


def spawn(words, **how):
    """A child that ends with the run, whatever happens."""
    child = subprocess.Popen(words, **how)  # whoever asked for it ends it
    children.add(child)
    return child


def wait_until(what, holds, seconds=60):
    """The first true value of holds(); what: said when the time is up."""
    end = time.monotonic() + seconds
    while not (value := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s until {what}")
        time.sleep(0.01)
    return value


def equal(got, wanted, what=""):
    assert got == wanted, f"{what}: {got!r}, not {wanted!r}"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def directory(name):
    return tempfile.mkdtemp(prefix=name + "-", dir=WORK)


def write_file(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, mode)) as f:
        f.write(text)
    return path


# ---- certificates ----


class Authority:
    """A certification authority of this run; P-256 throughout."""

    def __init__(self):
        self.dir, self.guard = directory("ca"), threading.Lock()
        self.certificate = os.path.join(self.dir, "ca.pem")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                     "/CN=avouch test CA", "-keyout", self.at("ca.key"), "-out", self.certificate)

    def at(self, name):
        return os.path.join(self.dir, name)

    @staticmethod
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=30)

    def issue(self, name, hosts=("DNS:localhost", "IP:127.0.0.1"), days=2):
        """Paths of certificate and key; days -1: it has expired."""
        key, request, certificate = self.at(name + ".key"), self.at(name + ".csr"), self.at(name + ".pem")
        with self.guard:
            self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                         "-keyout", key, "-out", request)
            extensions = write_file(self.at(name + ".ext"), f"subjectAltName={','.join(hosts)}\n")
            self.openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.at("ca.key"), "-CAcreateserial",
                         "-days", str(days), "-extfile", extensions, "-out", certificate)
        return certificate, key


class Once:
    """Made by whoever needs it first."""

    def __init__(self, make):
        self.make, self.guard, self.value = make, threading.Lock(), None

    def __call__(self):
        with self.guard:
            if self.value is None:
                self.value = self.make()
            return self.value


authority = Once(Authority)


# ---- servers ----


class Server:
    """avouch serve. Its log is a file; `unclean` says what it left behind that must not be."""

    running = set()

    def __init__(self, name):
        self.dir = directory(name)
        self.state, self.log_file = os.path.join(self.dir, "state"), os.path.join(self.dir, "log")
        self.process = self.port = self.tls = None
        self.turn, self.guard = 0, threading.Lock()
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith("AVOUCH_")}, "XDG_STATE_HOME": self.dir}
        # the server is not dumpable, which leak detection cannot work with
        self.environment.setdefault("ASAN_OPTIONS", "detect_leaks=0")

    host = property(lambda self: f"localhost:{self.port}")
    origin = issuer = property(lambda self: f"{'https' if self.tls else 'http'}://{self.host}")

    def arguments(self):
        raise NotImplementedError

    def start(self):
        for _ in range(START_TRIES):
            self.port = free_port()
            if self.run():
                return self
        raise AssertionError(f"no start: {self.log()[-500:]}")

    def run(self):
        """False: the port was taken meanwhile."""
        with open(self.log_file, "ab") as log:
            begun = log.tell()
            self.process = spawn([BINARY, "serve", *self.arguments()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env=self.environment, cwd=self.dir)
        Server.running.add(self)
        wait_until("the server listens", lambda: self.process.poll() is not None or '"msg":"listening"' in self.log(begun), START_S)
        if self.process.poll() is None:
            return True
        Server.running.discard(self)
        assert "another program listens there" in self.log(begun), f"it ended at once: {self.log(begun)}"
        return False

    def log(self, begin=0):
        with open(self.log_file, "rb") as f:
            f.seek(begin)
            return f.read().decode("utf-8", "replace")

    def signal(self, which):
        self.process.send_signal(which)

    def stop(self):
        """What was wrong about its end, or None."""
        if self.process is None or self not in Server.running:
            return None
        Server.running.discard(self)
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"{self.dir}: no end {STOP_S} s after SIGTERM"
        return self.unclean() or (f"{self.dir}: exit status {status}: {self.log()[-300:]}" if status != 0 else None)

    def unclean(self):
        found = re.search(r".*(ERROR: \w+Sanitizer|runtime error:|Assertion .* failed).*(\n.*){0,12}", self.log())
        return found and found.group(0)

    def kill(self):
        Server.running.discard(self)
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, _):
        wrong = self.stop()
        if wrong is not None and error is not None:
            error.add_note(wrong)
        assert kind is not None or wrong is None, wrong

    def cli(self, *args, stdin="", status=0):
        done = subprocess.run([BINARY, *args, "--state", self.state], input=stdin, capture_output=True, text=True, timeout=30,
                              env=self.environment, check=False)
        equal(done.returncode, status, f"avouch {' '.join(args)}: {done.stderr}")
        return json.loads(done.stdout) if "--json" in args and done.stdout else done.stdout

    # requests

    def connect(self, source=None, timeout=wire.TIMEOUT_S):
        return wire.Connection(self.port, source, self.tls, timeout=timeout)

    def http(self, method, target, headers=(), body=None, source=None):
        with self.connect(source) as c:
            c.send(wire.write(method, target, self.host, headers, body))
            return c.read(head_only=method == "HEAD")

    def get(self, target, headers=(), source=None):
        return self.http("GET", target, headers, None, source)

    def post(self, target, body, headers=(), source=None):
        return self.http("POST", target, headers, body, source)

    # people

    def newcomer(self):
        """The source address of the next person."""
        with self.guard:
            self.turn += 1
            return self.address(self.turn)

    def address(self, number):
        """127.0.0.3 and so on: 1 and 2 are the ones that tests name."""
        return f"127.0.0.{3 + number % (PEOPLE - 2)}"

    def browser(self, *others, source=None):
        return browsers.Browser(self, *others, source=source or self.newcomer())

    def add(self, name=None, redirect_uri="https://app.example/cb", **options):
        return App(self, name, redirect_uri, options)


class Dev(Server):
    """With --dev: the person at 127.0.0.N is the Nth of `people`."""

    def __init__(self, people=None, name="dev", settings=()):
        super().__init__(name)
        self.people = people or ["alice@example.com", "bob@example.com"] + [f"person{i}@example.com" for i in range(3, PEOPLE + 1)]
        self.settings = list(settings)

    def arguments(self):
        people = [word for login in self.people for word in ("--dev-user", login)]
        return ["--dev", "--listen", f"127.0.0.1:{self.port}", "--state", self.state, *people, *self.settings]


class Tailnet(Server):
    """Class `tailnet` in userspace mode, over TLS; the stand-in says who a loopback address is: 127.0.0.1 and .2 are alice's laptop, .3
    bob's phone, .4 a machine; 127.0.1.N has a person and a node of its own."""

    def __init__(self, name="tailnet", people=40, settings="", change=None):
        super().__init__(name)
        self.tls = ssl.create_default_context(cafile=authority().certificate)
        self.certificate, self.key = os.path.join(self.dir, "tls.pem"), os.path.join(self.dir, "tls.key")
        self.use_certificate(*authority().issue(os.path.basename(self.dir)))
        self.settings, self.count = settings, people
        self.api = LocalAPI(os.path.join(self.dir, "tailscaled.sock"), self.tailnet(people))
        self.api.change(change or {})
        self.other_port = {}

    @staticmethod
    def tailnet(people):
        """Beside the stand-in's default."""
        numbers = range(1, people + 1)
        return {
            "miss_ms": 20,
            "people": {f"p{n}": {"id": 100 + n, "login": f"person{n}@example.com", "display_name": f"Person {n}"} for n in numbers},
            "nodes": {f"n{n}": {"id": f"nP{n}CNTRL", "person": f"p{n}", "addresses": [f"100.64.1.{n}"],
                                "grants": [{"groups": ["people"]}]} for n in numbers},
            "sources": {"127.0.0.1": "alice-laptop", **{f"127.0.1.{n}": f"n{n}" for n in numbers}},
        }

    def use_certificate(self, certificate, key):
        shutil.copy(certificate, self.certificate)
        shutil.copy(key, self.key)

    def address(self, number):
        return f"127.0.1.{1 + number % self.count}"

    def arguments(self):
        self.other_port = {"ops": free_port(), "public": free_port()}
        listen = [f'"tailnet:127.0.0.1:{self.port}"'] + [f'"{c}:127.0.0.1:{p}"' for c, p in self.other_port.items()]
        config = write_file(os.path.join(self.dir, "avouch.yaml"), f"""issuer: {self.issuer}
listen: [{', '.join(listen)}]
tls: {{certificate: {self.certificate}, key: {self.key}}}
state: {self.state}
contact: ask Bob
tailscale: {{mode: userspace, socket: {self.api.path}}}
{self.settings}""")
        return ["--config", config]

    def start(self):
        if self.api.server is None:
            self.api.__enter__()
        super().start()
        # until tailscaled has told who we are nobody can be told from ourselves
        wait_until("tailscaled has been asked", lambda: any("status" in e["path"] and e["status"] == 200 for e in self.api.log))
        wait_until("people are known", lambda: self.get("/", {"Accept": "text/html"}).status == 200)
        return self

    def stop(self):
        wrong = super().stop()
        if self.api.server is not None:
            self.api.__exit__()
            self.api.server = None
        return wrong


shared_dev = Once(lambda: Dev().start())
shared_tailnet = Once(lambda: Tailnet().start())


def stop_all():
    """What was wrong about the ends of the servers that still ran."""
    return [wrong for server in list(Server.running) if (wrong := server.stop())]


def leave():
    """At once: nothing stays behind."""
    for child in children:
        if child.poll() is None:
            child.kill()
    for _ in range(LEAVE_TRIES):  # other threads may still write
        if os.path.isdir(WORK):
            shutil.rmtree(WORK, ignore_errors=True)


atexit.register(leave)


# ---- applications ----


def challenge_of(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def basic(client_id, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def decode_jwt(token):
    """Header and payload, unverified."""
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]]


class App:
    """A client of a server: what an application knows. name None: one that nobody else has."""

    def __init__(self, server, name, redirect_uri, options):
        name = name or f"App {secrets.token_hex(4)}"
        self.server, self.redirect_uri = server, redirect_uri
        words = ["--name", name, "--redirect-uri", redirect_uri]
        for option, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                words += ["--" + option.replace("_", "-")] + ([] if one is True else [str(one)])
        self.record = server.cli("client", "add", *words, "--json")
        self.id, self.secret = self.record["client_id"], self.record.get("client_secret")

    def edit(self, *words):
        return self.server.cli("client", "edit", self.id, *words, "--json")

    def request(self, **params):
        """Parameters of an authorization request; None leaves one out. pkce=False: no challenge."""
        verifier = secrets.token_urlsafe(32) if params.pop("pkce", True) else None
        attempt = {"client_id": self.id, "response_type": "code", "redirect_uri": self.redirect_uri,
                   "scope": "openid profile email groups", "state": secrets.token_urlsafe(12), "nonce": secrets.token_urlsafe(12)}
        if verifier:
            attempt.update(code_challenge=challenge_of(verifier), code_challenge_method="S256")
        attempt.update(params)
        return Attempt(self, {n: v for n, v in attempt.items() if v is not None}, verifier)

    def sign_in(self, browser, **params):
        """To the tokens, through the page if there is one."""
        attempt = self.request(**params)
        landing = attempt.open(browser)
        if isinstance(landing, browsers.Page):
            landing = browser.press(landing, "continue")
        attempt.check(landing)
        return attempt.redeem(landing.code).json


class Attempt:
    """One authorization request and what it must come back with."""

    def __init__(self, app, params, verifier):
        self.app, self.params, self.verifier = app, params, verifier

    @property
    def target(self):
        return "/authorize?" + wire.encode(self.params)

    @property
    def url(self):
        return self.app.server.issuer + self.target

    def open(self, browser, **how):
        return browser.open(self.url, **how)

    def check(self, landing, error=None):
        """It is an answer to this request, good or with that error."""
        assert isinstance(landing, browsers.Landing), f"no answer but {landing!r}"
        assert landing.url.startswith(self.params["redirect_uri"]), f"sent to {landing.url}"
        equal(landing.error, error, f"error of {landing!r}")
        equal(landing.get("state"), self.params.get("state"), "state")
        equal(landing.get("iss"), self.app.server.issuer, "iss")
        known = {"error", "error_description", "state", "iss"} if error else {"code", "state", "iss"}
        registered = {n for n, _ in wire.urllib.parse.parse_qsl(wire.urllib.parse.urlsplit(self.params["redirect_uri"]).query, True)}
        extra = {n for n, _ in landing.params} - known - registered
        assert not extra, f"unexpected parameters {extra}"
        assert error or landing.code, f"no code in {landing!r}"
        return landing

    def silent(self, browser):
        """The code, where no page is due."""
        return self.check(self.open(browser)).code

    def token_form(self, code, **changes):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.params.get("redirect_uri"),
                "code_verifier": self.verifier}
        if self.app.secret is None:
            form["client_id"] = self.app.id
        return {**form, **changes}

    def redeem(self, code, headers=None, **changes):
        if headers is None:
            headers = basic(self.app.id, self.app.secret) if self.app.secret else {}
        return self.app.server.post("/token", self.token_form(code, **changes), headers)


def userinfo(server, access_token):
    return server.get("/userinfo", {"Authorization": f"Bearer {access_token}"})


def verify(server, id_token, audience, nonce=None, alg="RS256"):
    """Signature by the published keys, header and claims as OpenID Connect Core 3.1.3.7 asks; the claims."""
    from authlib.jose import JsonWebKey, JsonWebToken  # Debian's python3-authlib

    header, _ = decode_jwt(id_token)
    equal(header, {"alg": alg, "kid": header.get("kid"), "typ": "JWT"}, "JOSE header")
    keys = JsonWebKey.import_key_set(server.get("/.well-known/jwks.json").json)
    claims = dict(JsonWebToken([alg]).decode(id_token, keys))
    now = time.time()
    equal(claims["iss"], server.issuer, "iss")
    equal(claims["aud"], audience, "aud")
    equal(claims.get("nonce"), nonce, "nonce")
    assert claims["iat"] <= now and claims["iat"] > now - 300, f"iat {claims['iat']} at {now}"
    assert claims["exp"] > now, f"exp {claims['exp']} at {now}"
    return claims
