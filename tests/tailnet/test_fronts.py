"""What may stand before avouch, and what of its word is believed: `tailscale serve` and Funnel, a proxy, the open network."""
import contextlib
import os
import socket

from people import (SECONDS, Application, Browser, Place, answer_over, error_of, page_request, read_answer, sign_in, take_codes, tls_over,
                    way_back)
from provider import Provider, SERVICE_UID
from test_node import listening
from test_refused import url_of
from waiting import wait_for

# names that nobody folds into others, and what tailscaled sets itself
FORGED = ("X-Forwarded-For: {bob}", "X_Forwarded_For: {bob}", "Tailscale-User-Login: bob@example.com", "Tailscale_User_Login: bob@example.com",
          "Forwarded: for={bob}", "X-Real-Ip: {bob}", "Tailscale-Funnel-Request: ?1", "X-Forwarded-Host: evil.example")


def forged(way):
    return [line.format(bob=way.bed["bob"].v4) for line in FORGED]


def who_am_i(way, connection, *headers):
    """The login that the first page names, or the error."""
    _, _, text = answer_over(connection, page_request(way.provider, way.provider.issuer + "/", *headers))
    return error_of(text) or next((n for n in ("alice@example.com", "bob@example.com") if n in text), None)


# ---- tailscale serve ----


@contextlib.contextmanager
def behind_serve(way):
    """Port 443 of the node is tailscaled's own, with the certificate; it connects to a unix socket of avouch's. Funnel is on for it."""
    path, host = os.path.join(way.provider.directory, "serve.sock"), way.provider.host
    way.node.give_certificate(host, way.bed.ca.issue("DNS:" + host))
    with way.provider.changed(listen=["serve:unix:" + path, "ops:[::1]:9090"], tls=None):
        try:
            way.provider.wait_serving()
            way.node.serve(host, TCP={"443": {"HTTPS": True}}, Web={host + ":443": {"Handlers": {"/": {"Proxy": "unix:" + path}}}})
            yield path
        finally:
            way.node.serve_nothing()
            wait_for(lambda: not listening(way), 10, "tailscaled to leave the port")


def as_user(uid, path):
    """A connection to the socket by a process of that user."""
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(SECONDS)
    os.seteuid(uid)
    try:
        raw.connect(path)
    finally:
        os.seteuid(0)
    return raw


def test_serve(way):
    """People are who tailscaled says they are at each request, over connections that it pools; what a request says of itself is nothing."""
    bed = way.bed
    with behind_serve(way) as path:
        for v6 in (False, True):
            for person in ("alice", "bob", "phone"):
                claims = sign_in(way.provider, bed[person], bed["ci"], v6)
                assert claims["sub"] == bed.people["bob" if person == "phone" else person], claims
            page = Browser(way.provider, bed["ci"], v6).get(url_of(way))
            assert (page.status_code, error_of(page.text)) == (403, "node_tagged"), page.text
        with tls_over(way.provider, bed["alice"].connect(way.node.v4, 443)) as connection:
            assert who_am_i(way, connection, *forged(way)) == "alice@example.com"
        must_not_be_believed(way, path)


def must_not_be_believed(way, path):
    """Other local processes: strangers do not get at the socket, and one of avouch's own user is not tailscaled."""
    believed = [f"X-Forwarded-For: {way.bed['alice'].v4}", "Tailscale-User-Login: alice@example.com", "Tailscale-Headers-Info: x"]
    try:
        as_user(2, path)
        raise AssertionError("a stranger connects")
    except PermissionError:
        pass
    assert who_am_i(way, as_user(SERVICE_UID, path), *believed) == "not_on_tailnet"
    assert who_am_i(way, as_user(0, path), *believed) == "alice@example.com", "tailscaled's own user is believed"
    for lines in ([f"X-Forwarded-For: {way.bed['bob'].v4}, {way.bed['alice'].v4}"], [believed[0], believed[0]], ["X-Forwarded-For: 10.77.0.1"],
                  [f"X_Forwarded_For: {way.bed['alice'].v4}"], believed[1:], []):
        assert who_am_i(way, as_user(0, path), *lines) == "not_on_tailnet", lines


class Funnel:
    """A place on the internet. There is no Funnel without the hosted control plane: its requests come as tailscaled was seen to pass them
    on."""

    LINES = ("X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", "Tailscale-Funnel-Request: ?1")

    def __init__(self, provider, path):
        self.provider, self.path = provider, path

    def send(self, request):
        """The answer to bytes that another place would send."""
        head, _, rest = request.partition(b"\r\n\r\n")
        lines = [f"X-Forwarded-Host: {self.provider.host}", *self.LINES]
        host = f"Host: {self.provider.host}\r\n".encode()
        assert host in head + b"\r\n"
        head = (head + b"\r\n").replace(host, b"Host: localhost\r\n") + ("\r\n".join(lines) + "\r\n\r\n").encode()
        return answer_over(as_user(0, self.path), head + rest)


def test_serve_and_funnel_on_one_port(way):
    """A SaaS on the internet signs alice in, server to server; a browser there is told what is missing, whatever else it claims."""
    with behind_serve(way) as path:
        funnel = Funnel(way.provider, path)
        app, location = take_codes(way.provider, way.bed["alice"], way.bed["ci"], 1)[0]
        status, _, text = funnel.send(app.redeem_request(location))
        assert status == 200 and "id_token" in text, text
        for address in ("/.well-known/openid-configuration", "/.well-known/jwks.json"):
            assert funnel.send(page_request(way.provider, way.provider.issuer + address))[0] == 200, address
        for url in (url_of(way), way.provider.issuer + "/"):
            status, _, text = funnel.send(page_request(way.provider, url, f"X-Forwarded-For: {way.bed['alice'].v4}"))
            assert (status, error_of(text)) == (403, "not_on_tailnet") and "Is Tailscale on?" in text, text


# ---- outside the tailnet ----


def test_public_listener_with_a_domain_of_its_own(way):
    """Split DNS: the name leads people to the tailnet and a SaaS's server to the open network, where it redeems the code of somebody who
    signed in over the tailnet."""
    bed = way.bed
    way.provider.stop()
    try:
        other = Provider(bed, way.node, f"public-{way.node.name}", host="id.example.test")
        other.configure(listen=["tailnet:443", f"public:{other.lan}:443", "ops:[::1]:9090"])
        other.start()
        try:
            app = Application(other, None, address=other.lan)
            claims = app.redeem(way_back(Browser(other, bed["alice"]).follow(app.url())))
            assert (claims["iss"], claims["sub"]) == ("https://id.example.test", bed.people["alice"]), claims
            with Place(other, None, address=other.lan):
                raw = socket.create_connection((other.lan, 443), SECONDS)
            status, _, text = answer_over(tls_over(other, raw), page_request(other, app.url(), *forged(way)[:2]))
            assert (status, error_of(text)) == (403, "not_on_tailnet"), text
        finally:
            other.stop()
    finally:
        way.provider.start()


# ---- a proxy ----


def test_proxy(any_way):
    """Its last hop is believed, where it is a named proxy; one request a connection, because a proxy that pools would mix people."""
    bed, alice, bob = any_way.bed, any_way.bed["alice"].v4, any_way.bed["bob"].v4
    for hops, who in (([alice], "alice@example.com"), ([f"{bob}, {alice}"], "alice@example.com"), ([bob], "bob@example.com"),
                      ([any_way.bed["alice"].v6], "alice@example.com"), ([f"{alice}, 10.77.0.99"], "not_on_tailnet"), ([], "not_on_tailnet"),
                      ([alice, bob], "not_on_tailnet"), ([bed["ci"].v4], None), ([any_way.node.v4], "node_is_ours")):
        connection = socket.create_connection(any_way.provider.proxied, SECONDS)
        assert who_am_i(any_way, connection, *(f"X-Forwarded-For: {hop}" for hop in hops)) == who, hops
    connection = bed["alice"].connect(*any_way.provider.proxied)  # not a proxy of ours
    assert who_am_i(any_way, connection, f"X-Forwarded-For: {bob}") == "not_on_tailnet"
    connection = socket.create_connection(any_way.provider.proxied, SECONDS)
    request = page_request(any_way.provider, any_way.provider.issuer + "/", f"X-Forwarded-For: {alice}").replace(b"Connection: close\r\n", b"")
    connection.sendall(request + request.replace(alice.encode(), bob.encode()))
    status, headers, text = read_answer(connection)
    assert status == 200 and "alice@example.com" in text and headers["Connection"] == "close"
    try:
        assert connection.recv(4096) == b"", "a second request is answered"
    except ConnectionResetError:
        pass
