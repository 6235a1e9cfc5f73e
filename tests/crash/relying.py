"""The client side: HTTP/1.1 on a socket of our own, so that what was answered, lost or refused is told apart, and the three requests
of a sign-in."""
import base64
import hashlib
import json
import os
import secrets
import select
import socket
import ssl
import time
import urllib.parse

HEAD_MAX = 65536


class Refused(Exception):
    """Nobody listens there: nothing was sent."""


class Lost(Exception):
    """Sent, perhaps carried out, and never answered."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def error(self):
        """The machine-readable code of a refusal: of JSON, or of a page's element #error."""
        if self.body[:1] == b"{":
            return self.json().get("error", "")
        _, _, rest = self.body.partition(b'id="error"')
        return rest.partition(b">")[2].partition(b"<")[0].decode(errors="replace").strip()

    def __repr__(self):
        return f"{self.status} {self.error or self.body[:80]!r}"


class Connection:
    """One keep-alive connection. source: the loopback address that says who we are."""

    def __init__(self, address, source=None, tls=None, name="localhost", timeout=30):
        self.address, self.source, self.tls, self.name, self.timeout = address, source, tls, name, timeout
        self.sock, self.rest = None, b""

    def open(self):
        if self.sock is not None:
            return
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.source:
                # two connections of one source may share a port: the kernel looks at the whole pair
                sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
                sock.bind((self.source, 0))
            sock.connect(self.address)
        except ConnectionRefusedError:
            sock.close()
            raise Refused() from None
        except OSError as e:
            sock.close()
            raise Lost(f"connecting: {e}") from None
        try:
            self.sock = self.tls.wrap_socket(sock, server_hostname=self.name) if self.tls else sock
        except (OSError, ssl.SSLError) as e:
            sock.close()
            raise Lost(f"TLS: {e}") from None
        self.rest = b""

    def close(self):
        if self.sock is not None:
            self.sock.close()
        self.sock, self.rest = None, b""

    def has_ended(self):
        """The server closed a connection that was kept alive: nothing was sent on it yet, so a new one is no second try."""
        if self.sock is None:
            return False
        return bool(select.select([self.sock], [], [], 0)[0])

    def send(self, request):
        if self.has_ended():
            self.close()
        self.open()
        try:
            self.sock.sendall(request)
        except OSError as e:
            self.close()
            raise Lost(f"sending: {e}") from None

    def receive(self):
        try:
            return self.read_answer()
        except (OSError, ssl.SSLError) as e:
            self.close()
            raise Lost(f"receiving: {e}") from None
        except Lost:
            self.close()
            raise

    def more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise Lost("the connection ended before the answer")
        self.rest += piece

    def read_answer(self):
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        length = int(headers.get("content-length", ["0"])[0])
        while len(self.rest) < length:
            self.more()
        body, self.rest = self.rest[:length], self.rest[length:]
        if headers.get("connection", [""])[0].lower() == "close":
            self.close()
        return Answer(int(lines[0].split()[1]), headers, body)

    def ask(self, request):
        self.send(request)
        return self.receive()


def get(host, target, *headers):
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


def post(host, target, form, *headers):
    body = urllib.parse.urlencode(form)
    return "\r\n".join([f"POST {target} HTTP/1.1", f"Host: {host}", "Content-Type: application/x-www-form-urlencoded",
                        f"Content-Length: {len(body)}", *headers, "", body]).encode()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Attempt:
    """A sign-in's secrets."""

    def __init__(self, redirect_uri):
        self.redirect_uri = redirect_uri
        self.verifier = secrets.token_urlsafe(32)
        self.state = secrets.token_urlsafe(8)
        self.challenge = base64url(hashlib.sha256(self.verifier.encode()).digest())


def authorize_request(host, client_id, attempt, cookie=None, **more):
    query = urllib.parse.urlencode({
        "client_id": client_id, "redirect_uri": attempt.redirect_uri, "response_type": "code", "scope": "openid profile email",
        "state": attempt.state, "code_challenge": attempt.challenge, "code_challenge_method": "S256", **more})
    return get(host, "/authorize?" + query, "Accept: text/html", *([f"Cookie: {cookie}"] if cookie else []))


def code_of(answer, attempt):
    """The code of the redirect back; None: there is none."""
    if answer.status not in (302, 303) or not answer.headers.get("location"):
        return None
    location = answer.headers["location"][0]
    if not location.startswith(attempt.redirect_uri):
        return None
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
    return query.get("code") if query.get("state") == attempt.state else None


def flow_of(answer):
    """The flow of a page that is due; None: it goes elsewhere."""
    location = urllib.parse.urlsplit(answer.headers.get("location", [""])[0])
    return dict(urllib.parse.parse_qsl(location.query)).get("flow") if location.path == "/authorize" else None


def error_of(answer):
    """What a refusal says, wherever it went."""
    location = answer.headers.get("location", [""])[0]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
    return query.get("error") or answer.error


def cookie_of(answer, before=None):
    for line in answer.headers.get("set-cookie", []):
        return line.partition(";")[0]
    return before


def token_request(host, client_id, secret, code, attempt):
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return post(host, "/token", {"grant_type": "authorization_code", "code": code, "redirect_uri": attempt.redirect_uri,
                                 "code_verifier": attempt.verifier}, f"Authorization: Basic {basic}")


def userinfo_request(host, token):
    return get(host, "/userinfo", f"Authorization: Bearer {token}")


def wait_until(what, holds, seconds, every=0.02):
    """Of anything that comes to be: the value of `holds`, once it is true."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for: {what}")
        time.sleep(every)


def free_port():
    """Below the range that the kernel gives to clients, which connect while nobody listens."""
    for _ in range(200):
        port = 20000 + int.from_bytes(os.urandom(2), "big") % 10000
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port on loopback")
