"""A person's browser on one machine and an application on another (python3-authlib), meeting at the provider."""
import contextlib
import fcntl
import html
import http.client
import re
import secrets
import socket
import ssl
import struct
import termios
import time
import urllib.parse

import requests
import urllib3.util.connection
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oidc.core import CodeIDToken

import namespaces
from provider import REDIRECT_URI
from waiting import wait_for

SECONDS = 30
DOCUMENT = {"Accept": "text/html", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
names = {}  # what the resolver of the bed says; set by Place
places = []  # where we are; the last one counts
real_getaddrinfo, real_create_connection = socket.getaddrinfo, urllib3.util.connection.create_connection


def getaddrinfo(host, *rest, **more):
    return real_getaddrinfo(names.get(host, host), *rest, **more)


def create_connection(address, *rest, **more):
    """A machine without an interface has no way to the tailnet but through its tailscaled."""
    node = places[-1].node if places else None
    if node is not None and node.userspace:
        return node.dial(names.get(address[0], address[0]), address[1])
    return real_create_connection(address, *rest, **more)


socket.getaddrinfo = getaddrinfo
urllib3.util.connection.create_connection = create_connection


class Place:
    """Somewhere to connect from, and the provider's address as seen from there. node None: the hub, which is not on the tailnet."""

    def __init__(self, provider, node, v6=False, address=None):
        self.node, self.host = node, provider.host
        self.address = address or (provider.node.v6 if v6 else provider.node.v4)
        self.inside = None

    def __enter__(self):
        names[self.host] = self.address
        places.append(self)
        self.inside = namespaces.inside(self.node.name) if self.node is not None else contextlib.nullcontext()
        self.inside.__enter__()

    def __exit__(self, *exception):
        self.inside.__exit__(*exception)
        places.pop()
        names.pop(self.host, None)


def error_of(text):
    """The machine-readable code of an error page."""
    found = re.search(r'id="error">([^<]*)<', text)
    return html.unescape(found.group(1)) if found else None


def page_request(provider, url, *headers):
    """The bytes of a browser's request; headers: whole lines."""
    lines = [f"GET {url[len(provider.issuer):]} HTTP/1.1", f"Host: {provider.host}", "Accept: text/html", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def tls_over(provider, raw):
    return ssl.create_default_context(cafile=provider.bed.ca.file).wrap_socket(raw, server_hostname=provider.host)


def answer_over(connection, request):
    """One request over an open socket: (status, headers, text)."""
    connection.sendall(request)
    return read_answer(connection)


def read_answer(connection):
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.headers, answer.read().decode()


class Held:
    """A request that has arrived and waits to be read, because avouch stands still: the world may change before it is judged."""

    def __init__(self, provider, node, request):
        self.provider = provider
        self.connection = tls_over(provider, node.connect(provider.node.v4, 443))
        self.connection.settimeout(20)
        provider.freeze()
        self.connection.sendall(request)
        wait_for(self.has_arrived, 5, "a request to arrive")
        time.sleep(0.1)  # in userspace mode it is handed over once more, on loopback

    def has_arrived(self):
        return struct.unpack("i", fcntl.ioctl(self.connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0] == 0

    def go_on(self):
        self.provider.thaw()

    def answer(self):
        return read_answer(self.connection)

    def close(self):
        self.go_on()
        self.connection.close()


class Browser:
    def __init__(self, provider, node, v6=False):
        self.provider, self.place = provider, Place(provider, node, v6)
        self.session = requests.Session()
        self.session.verify = provider.bed.ca.file
        self.session.headers = dict(DOCUMENT)

    def get(self, url, seconds=SECONDS):
        with self.place:
            return self.session.get(url, allow_redirects=False, timeout=seconds)

    def post(self, url, form, seconds=SECONDS):
        with self.place:
            return self.session.post(url, form, allow_redirects=False, timeout=seconds,
                                     headers={"Origin": self.provider.issuer, "Sec-Fetch-Site": "same-origin"})

    def open(self, url):
        """The page, where one is due, or the way back to the application."""
        answer = self.get(url)
        own = urllib.parse.urljoin(url, answer.headers.get("Location", REDIRECT_URI))
        return self.get(own) if own.startswith(self.provider.issuer) else answer

    def follow(self, url):
        """Presses Continue where that is asked: the last answer."""
        answer = self.open(url)
        if answer.status_code == 200:
            flow = re.search(r'name="flow" value="([^"]*)"', answer.text)
            answer = self.post(self.provider.issuer + "/decision", {"action": "continue", "flow": html.unescape(flow.group(1))})
        return answer


class Application:
    """address: where it meets the provider, if that is not on the tailnet."""

    def __init__(self, provider, node, v6=False, scope="openid profile email groups", address=None):
        self.provider, self.place = provider, Place(provider, node, v6, address)
        self.client = provider.client
        self.ca = provider.bed.ca.file
        self.oauth = OAuth2Session(self.client["client_id"], self.client["client_secret"], redirect_uri=REDIRECT_URI, scope=scope,
                                   code_challenge_method="S256")
        self.oauth.verify = self.ca
        self.nonce, self.verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)

    def at(self, path):
        return self.provider.issuer + path

    def url(self, **more):
        return self.oauth.create_authorization_url(self.at("/authorize"), nonce=self.nonce, code_verifier=self.verifier, **more)[0]

    def prepare_redeem(self, location):
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, "code_verifier": self.verifier}
        return requests.Request("POST", self.at("/token"), data=form,
                                auth=(self.client["client_id"], self.client["client_secret"])).prepare()

    def redeem_raw(self, location):
        """The answer of the token endpoint as it is."""
        with self.place, requests.Session() as session:
            return session.send(self.prepare_redeem(location), timeout=SECONDS, verify=self.ca)

    def redeem_request(self, location):
        """The same as bytes."""
        r = self.prepare_redeem(location)
        head = "".join(f"{name}: {value}\r\n" for name, value in r.headers.items())
        return f"POST {r.path_url} HTTP/1.1\r\nHost: {self.provider.host}\r\n{head}Connection: close\r\n\r\n{r.body}".encode()

    def redeem(self, location):
        """Verified claims of the ID token."""
        with self.place:
            token = self.oauth.fetch_token(self.at("/token"), authorization_response=location, code_verifier=self.verifier,
                                           timeout=SECONDS)
            keys = JsonWebKey.import_key_set(requests.get(self.at("/.well-known/jwks.json"), timeout=SECONDS, verify=self.ca).json())
            userinfo = self.oauth.get(self.at("/userinfo"), timeout=SECONDS).json()
        claims = JsonWebToken(["RS256", "ES256"]).decode(
            token["id_token"], keys, claims_cls=CodeIDToken,
            claims_options={"iss": {"essential": True, "value": self.provider.issuer}, "aud": {"essential": True, "value": self.client["client_id"]}},
            claims_params={"nonce": self.nonce, "client_id": self.client["client_id"], "access_token": token["access_token"]})
        claims.validate()
        if userinfo["sub"] != claims["sub"]:
            raise AssertionError("userinfo is about somebody else")
        return dict(claims)


def way_back(answer):
    """Where the browser is sent, with the code."""
    location = answer.headers.get("Location", "")
    if not location.startswith(REDIRECT_URI) or "code=" not in location:
        raise AssertionError(f"no code: {answer.status_code} {location} {error_of(answer.text)}")
    return location


def sign_in(provider, person, application, v6=False, browser=None):
    """All of it; the claims."""
    app = Application(provider, application, v6)
    return app.redeem(way_back((browser or Browser(provider, person, v6)).follow(app.url())))


def take_codes(provider, person, application, n):
    """n sign-ins that stop short of the token endpoint: [(application, address with the code)]"""
    browser, taken = Browser(provider, person), []
    for _ in range(n):
        app = Application(provider, application)
        taken.append((app, way_back(browser.follow(app.url()))))
    return taken


def redeem_until_refused(codes, began):
    """One code after the other: what the refusal was, and when since `began`."""
    redeemed = 0
    for app, location in codes:
        answer = app.redeem_raw(location)
        if answer.status_code != 200:
            return answer, time.monotonic() - began, redeemed
        redeemed += 1
        time.sleep(0.05)
    raise AssertionError(f"{redeemed} codes were redeemed, none was refused")
