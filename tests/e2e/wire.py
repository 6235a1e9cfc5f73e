"""HTTP/1.1 as bytes: what goes out is what the test wrote, and what comes back is kept whole. Nothing here forgives, retries or follows."""

import json
import socket
import urllib.parse

TIMEOUT_S = 20


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def all(self, name):
        return [value for n, value in self.headers if n.lower() == name.lower()]

    def header(self, name):
        """The only one of that name; None: there is none."""
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        assert self.header("content-type") == "application/json", f"{self.brief()}: no JSON"
        return json.loads(self.body)

    @property
    def location(self):
        return self.header("location")

    def brief(self):
        return f"{self.status} {self.location or ''} {self.body[:300]!r}"


class Connection:
    """One connection; peer by source address. tls: an SSLContext, and the name to ask for."""

    def __init__(self, port, source=None, tls=None, name="localhost", timeout=TIMEOUT_S):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name)
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError(f"the connection ended after {self.unread[:200]!r}")
        self.unread += piece

    def take(self, n):
        while len(self.unread) < n:
            self.more()
        piece, self.unread = self.unread[:n], self.unread[n:]
        return piece

    def take_line(self):
        while b"\r\n" not in self.unread:
            self.more()
        line, _, self.unread = self.unread.partition(b"\r\n")
        return line

    def read_chunks(self):
        body = b""
        while size := int(self.take_line(), 16):
            body += self.take(size)
            assert self.take(2) == b"\r\n"
        assert self.take_line() == b""
        return body

    def read(self, head_only=False):
        """The next answer."""
        version, status, _ = (self.take_line().decode("latin-1") + " ").split(" ", 2)
        assert version == "HTTP/1.1", version
        headers = []
        while line := self.take_line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        answer = Answer(int(status), headers, b"")
        if head_only or answer.status in (100, 204, 304):
            return answer
        if answer.header("transfer-encoding"):
            answer.body = self.read_chunks()
        else:
            answer.body = self.take(int(answer.header("content-length")))
        return answer

    def ends(self):
        """True: the other side closes, and says nothing more."""
        try:
            return self.unread == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def as_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def quote(value):
    return urllib.parse.quote_from_bytes(as_bytes(value), safe="-._~")


def encode(params):
    """A form from a dict or a list of pairs; None is left out."""
    pairs = params.items() if isinstance(params, dict) else params
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs if value is not None)


def write(method, target, host, headers=(), body=None):
    """The bytes of a request. body: bytes as they are; a dict or list of pairs as a form. A header's value None leaves it out, a
    list repeats it."""
    lines = [("Host", host)]
    if isinstance(body, (dict, list)):
        body = encode(body).encode()
        lines.append(("Content-Type", "application/x-www-form-urlencoded"))
    if body is not None:
        lines.append(("Content-Length", len(body)))
    given = dict(headers)
    lines = [(n, v) for n, v in lines if n.lower() not in {k.lower() for k in given}] + list(given.items())
    head = as_bytes(method) + b" " + as_bytes(target) + b" HTTP/1.1\r\n"
    for name, value in lines:
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                head += as_bytes(name) + b": " + as_bytes(one) + b"\r\n"
    return head + b"\r\n" + (body or b"")
