"""An https server that documents are fetched from, and all that such servers get wrong. Each connection is one request; what it did is
kept in `seen`."""

import socket
import ssl
import threading
import time

from support import authority

DOCUMENT = b'{"client_id":"https://app.example/client.json"}'
HOLD_S = 30


def answer(body=DOCUMENT, status="200 OK", length=True, **headers):
    fields = {"Content-Type": "application/json", **({"Content-Length": len(body)} if length else {}),
              **{n.replace("_", "-"): v for n, v in headers.items()}}
    head = "".join(f"{n}: {v}\r\n" for n, v in fields.items() if v is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def chunk(body):
    return b"%x\r\n%s\r\n" % (len(body), body)


def drip(connection):
    """A document that never ends, slowly enough."""
    connection.sendall(answer(b"", length=False, Transfer_Encoding="chunked"))
    for _ in range(HOLD_S * 5):
        connection.sendall(chunk(b" "))
        time.sleep(0.2)


def endless(connection):
    connection.sendall(answer(b"", length=False, Transfer_Encoding="chunked"))
    while True:
        connection.sendall(chunk(b" " * 16384))


def endless_head(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def endless_interim(connection):
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: <https://x.example/>\r\n\r\n")


LARGEST = b'"' + b"x" * (65536 - 2) + b'"'

# Path to bytes, or to a function of the connection.
PATHS = {
    "/document": answer(),
    "/cached": answer(Cache_Control="public, max-age=300"),
    "/uncached": answer(Cache_Control="no-store"),
    "/suffix": answer(Content_Type="application/jwk-set+json; charset=utf-8"),
    "/chunked": answer(chunk(DOCUMENT) + chunk(b""), length=False, Transfer_Encoding="chunked"),
    "/until-close": answer(length=False),
    "/largest": answer(LARGEST),
    "/empty": answer(b""),
    "/html": answer(b"<html></html>", Content_Type="text/html"),
    "/untyped": answer(Content_Type=None),
    "/latin1": answer('"ä"'.encode("latin-1")),
    "/nul": answer(b'"\0"'),
    "/missing": answer(b"{}", "404 Not Found"),
    "/no-content": answer(b"", "204 No Content"),
    "/error": answer(b"{}", "500 Internal Server Error"),
    "/moved": answer(b"", "302 Found", Location="https://localhost/document"),
    "/moved-inside": answer(b"", "307 Temporary Redirect", Location="http://169.254.169.254/latest/meta-data/"),
    "/moved-rudely": answer(b"", "301 Moved Permanently", Location="https://x.example/\x1b[31m\x07"),
    "/over": answer(LARGEST + b" "),
    "/over-chunked": endless,
    "/compressed": answer(b"\x1f\x8b\x08" + b"\0" * 40, Content_Encoding="gzip"),
    "/head": endless_head,
    "/interim": endless_interim,
    "/cut": answer()[:-5],
    "/noise": b"220 mail.example ESMTP\r\n",
    "/nothing": b"",
    "/old": DOCUMENT,
    "/two-lengths": answer(Content_length="7"),
    "/drip": drip,
    "/hold": lambda connection: time.sleep(HOLD_S),
}


class Origin:
    """127.0.0.1 on a port of the kernel's; with Origin() as o."""

    def __init__(self, certificate=None, tls=True, greeting=b"", address=("127.0.0.1", 0), family=socket.AF_INET):
        self.listener = socket.create_server(address, family=family, backlog=64)
        self.port, self.seen, self.connections, self.tls, self.greeting = self.listener.getsockname()[1], [], 0, None, greeting
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*(certificate or authority().issue(f"origin-{self.port}")))
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def url(self, path="/document", host="localhost"):
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            connection.sendall(self.greeting)
            head = b""
            while b"\r\n\r\n" not in head:
                some = connection.recv(4096)
                if not some:
                    return
                head += some
            self.seen.append(head.decode())
            what = PATHS[head.split(b" ")[1].decode()]
            what(connection) if callable(what) else connection.sendall(what)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has heard enough
        finally:
            connection.close()
