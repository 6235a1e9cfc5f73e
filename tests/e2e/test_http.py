"""HTTP/1.1 as bytes against the real port: what one parser might read differently from another is refused, limits hold, slow and rude peers
cost nobody else anything (RFC 9112)."""

import socket
import threading
import time

import wire
from support import basic, equal, shared_dev, shared_tailnet

DISCOVERY = "/.well-known/openid-configuration"


def exchange(server, data, head_only=False):
    """The status of the answer to these bytes, and whether the connection ends then; None: it just ends, which is what a refusal looks like
    to those who are still sending."""
    with server.connect(timeout=5) as c:
        try:
            c.send(data)
            answer = c.read(head_only)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return None, True
        try:
            return answer.status, c.ends()
        except socket.timeout:
            return answer.status, False


def test_http_what_parsers_disagree_about_is_refused():
    """Security O. A refusal of the head closes the connection."""
    server = shared_dev()
    host = b"Host: " + server.host.encode() + b"\r\n"
    get, post = b"GET " + DISCOVERY.encode() + b" HTTP/1.1\r\n", b"POST /token HTTP/1.1\r\n" + host
    for data in (
            post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            post + b"Content-Length: 0\r\nContent-Length: 4\r\n\r\nx=yz",
            post + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nx=yz", post + b"Content-Length: +4\r\n\r\nx=yz",
            post + b"Content-Length: 4,4\r\n\r\nx=yz",
            post + b"Content-Length: 0x4\r\n\r\nx=yz", post + b"Content-Length:\r\n\r\n", post + b"Transfer-Encoding: identity\r\n\r\n",
            post + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", post + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            post + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", post + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            get + host + host + b"\r\n", get + b"\r\n", get + host + b"X: a\r\n b\r\n\r\n", get + host + b"X: a\n\r\n",
            get.replace(b"\r\n", b"\n") + host + b"\r\n",
            get + host + b"X : a\r\n\r\n", get + host + b": a\r\n\r\n", get + host + b"nothing\r\n\r\n", get + host + b"X: a\x00b\r\n\r\n",
            get + host + b"X: a\rb\r\n\r\n",
            b"GET  / HTTP/1.1\r\n" + host + b"\r\n", b"GET /\tHTTP/1.1\r\n" + host + b"\r\n",
            b"GET http://" + server.host.encode() + b"/ HTTP/1.1\r\n" + host + b"\r\n",
            b"GET * HTTP/1.1\r\n" + host + b"\r\n", b"GET /# HTTP/1.1\r\n" + host + b"\r\n", b"GET /\xff HTTP/1.1\r\n" + host + b"\r\n",
            b"GET / HTTP/1.1x\r\n" + host + b"\r\n",
            get + host + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", get + host + b"Origin: a\r\nOrigin: b\r\n\r\n",
            get + host + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", get + host + b"Expect: 200-maybe\r\n\r\n"):
        status, ended = exchange(server, data)
        assert status in (400, None) and ended, f"{data!r}: {status}, ended: {ended}"


def test_http_other_versions():
    server = shared_dev()
    host = f"Host: {server.host}\r\n\r\n".encode()
    for line in (b"GET / HTTP/1.0\r\n", b"GET / HTTP/2.0\r\n", b"GET / HTTP/0.9\r\n", b"GET / HTTP/3.1\r\n"):
        status, ended = exchange(server, line + host)
        assert status in (505, 400, None) and ended, f"{line}: {status} {ended}"
    for data in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9, b"GET /\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n"):
        status, ended = exchange(server, data)
        assert status in (400, 505, None), f"{data[:20]!r}: {status} {ended}"


def test_http_smuggled_request_is_not_seen():
    server = shared_dev()
    inner = wire.write("GET", "/smuggled", server.host)
    for head in ("Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5"):
        with server.connect() as c:
            c.send(f"POST /token HTTP/1.1\r\nHost: {server.host}\r\n{head}\r\n\r\n0\r\n\r\n".encode() + inner)
            equal(c.read().status, 400, head)
            assert c.ends(), "a second answer"
    assert "/smuggled" not in server.log()


def test_http_pipelining_keeps_order():
    server = shared_tailnet()
    app, source = server.add(), server.newcomer()
    paths = [DISCOVERY, app.request().target, "/nothing", "/userinfo", app.request().target, "/.well-known/jwks.json"]
    with server.connect(source) as c:
        c.send(b"".join(wire.write("GET", path, server.host) for path in paths))
        equal([c.read().status for _ in paths], [200, 302, 404, 401, 302, 200], "answers")


def test_http_connection_is_kept():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    with server.connect(browser.source) as c:
        for _ in range(5):
            attempt = app.request()
            c.send(wire.write("GET", attempt.target, server.host))
            landing = wire.urllib.parse.parse_qs(c.read().location.partition("?")[2])
            c.send(wire.write("POST", "/token", server.host, basic(app.id, app.secret), attempt.token_form(landing["code"][0])))
            equal(c.read().status, 200, "token")
            c.send(wire.write("POST", "/token", server.host, (), {}))
            equal(c.read().status, 401, "an error does not end it")
            c.send(wire.write("POST", DISCOVERY, server.host, (), {"a": "b"}))
            equal(c.read().status, 405, "a body that nobody reads")
        c.send(wire.write("GET", DISCOVERY, server.host, {"Connection": "close"}))
        equal(c.read().header("connection"), "close", "connection")
        assert c.ends(), "it goes on"


def test_http_limits_of_a_request():
    server = shared_dev()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for size, status in ((65536, 401), (65537, 413)):
        equal(server.post("/token", b"x=" + b"a" * (size - 2), form).status, status, f"a body of {size} bytes")
    chunk = b"%x\r\n%s\r\n" % (4096, b"a" * 4096)
    for data in (wire.write("POST", "/token", server.host, {**form, "Content-Length": 70000}),
                 wire.write("POST", "/token", server.host, form, b"a" * (1 << 20)),
                 wire.write("POST", "/token", server.host, {**form, "Content-Length": 1 << 62}),
                 wire.write("POST", "/token", server.host, {**form, "Transfer-Encoding": "chunked"}) + chunk * 40 + b"0\r\n\r\n"):
        status, ended = exchange(server, data)
        assert status in (413, None) and ended, f"{data[:120]}: {status}, ended: {ended}"
    equal(server.get("/userinfo", {f"X-{i}": "a" for i in range(80)}).status, 401, "80 headers")
    for headers in ({f"X-{i}": "a" for i in range(120)}, {"X": "a" * 70000}):
        status, ended = exchange(server, wire.write("GET", "/userinfo", server.host, headers))
        assert status in (400, 431, None) and ended, f"{len(headers)} headers: {status}, ended: {ended}"
    pairs = "&".join(f"p{i}=x" for i in range(300))
    equal(server.post("/token", pairs.encode(), form).json["error"], "invalid_request", "300 parameters")
    equal(server.get("/authorize?" + pairs).status, 400, "300 parameters")
    equal(server.get(DISCOVERY).status, 200, "afterwards")


def test_http_chunked_bodies():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for pieces in ([1] * 400, [100], [7, 50]):
        attempt = app.request()
        body, at, chunks = wire.encode(attempt.token_form(attempt.silent(browser))).encode(), 0, b""
        for size in pieces + [len(body)]:
            piece = body[at:at + size]
            at += size
            chunks += b"%X;ext=1\r\n%s\r\n" % (len(piece), piece) if piece else b""
        headers = {**basic(app.id, app.secret), "Content-Type": "application/x-www-form-urlencoded", "Transfer-Encoding": "Chunked"}
        with server.connect() as c:
            c.send(wire.write("POST", "/token", server.host, headers) + chunks + b"0\r\n\r\n")
            equal(c.read().status, 200, "token")
            c.send(wire.write("GET", DISCOVERY, server.host))
            equal(c.read().status, 200, "the next request")
    for bad in (b"x\r\n", b"-1\r\n", b"5\r\nabcdefgh\r\n", b"ffffffffffffffffff\r\n", b"5 \r\nabcde"):
        status, _ = exchange(server, wire.write("POST", "/token", server.host, {"Transfer-Encoding": "chunked"}) + bad + b"0\r\n\r\n")
        assert status in (400, 401, 413, 415, None), f"{bad}: {status}"


def test_http_head_in_pieces():
    server = shared_dev()
    request = wire.write("GET", DISCOVERY, server.host)
    with server.connect() as c:
        for byte in request:
            c.send(bytes([byte]))
            time.sleep(0.001)
        equal(c.read().status, 200, "byte by byte")


def test_http_expect_continue():
    server = shared_dev()
    body = b"grant_type=x"
    with server.connect() as c:
        head = wire.write("POST", "/token", server.host, {"Expect": "100-continue", "Content-Type": "application/x-www-form-urlencoded",
                                                          "Content-Length": len(body)})
        c.send(head + body)
        answer = c.read()
        if answer.status == 100:
            answer = c.read()
        equal(answer.status, 401, answer.brief())


def test_http_hanging_up_harms_nobody():
    """Clients that leave at every moment, half of them with a reset, while others are served."""
    server = shared_tailnet()
    app, source = server.add(), server.newcomer()
    failures = []

    def rude(turn):
        request = wire.write("GET", app.request().target, server.host)
        for i in range(20):
            try:
                with server.connect(source) as c:
                    c.send(request[:1 + (turn * 37 + i * 13) % len(request)] if i % 3 else request)
                    if i % 2:
                        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            except OSError:
                pass

    def polite():
        browser = server.browser()
        for _ in range(15):
            try:
                app.sign_in(browser)
            except Exception as e:  # told below, in the test's own thread
                failures.append(repr(e))

    threads = [threading.Thread(target=rude, args=(i,)) for i in range(4)] + [threading.Thread(target=polite)]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    equal(failures, [], "sign-ins meanwhile")


def test_http_slow_heads_are_cut():
    """A head that trickles is over after its limit, whatever still comes; idle connections are not."""
    server = shared_dev()
    with server.connect(timeout=30) as slow, server.connect(timeout=30) as body, server.connect(timeout=30) as idle:
        slow.send(b"GET / HTTP/1.1\r\nHost: ")
        body.send(wire.write("POST", "/token", server.host, {"Content-Length": 100,
                                                             "Content-Type": "application/x-www-form-urlencoded"}) + b"x")
        begun = time.monotonic()
        while time.monotonic() - begun < 40:
            try:
                slow.send(b"x")
            except OSError:
                break
            time.sleep(0.5)
        took = time.monotonic() - begun
        assert 8 < took < 30, f"the slow head was cut after {took:.1f} s"
        assert body.ends(), "a body that stands still"
        idle.send(wire.write("GET", DISCOVERY, server.host))
        equal(idle.read().status, 200, "an idle connection")


test_http_slow_heads_are_cut.slow = True


def test_http_many_idle_connections():
    server = shared_dev()
    held = [server.connect() for _ in range(300)]
    try:
        equal(server.get(DISCOVERY).status, 200, "beside 300 idle connections")
        for c in held[::50]:
            c.send(wire.write("GET", DISCOVERY, server.host))
            equal(c.read().status, 200, "one of them")
    finally:
        for c in held:
            c.close()


def test_http_no_body_where_none_belongs():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    for path in ("/nothing", "/authorize", "/userinfo", "/", app.request().target):
        with server.connect(browser.source) as c:
            c.send(wire.write("HEAD", path, server.host, {"Accept": "text/html"}))
            head = c.read(head_only=True)
            c.send(wire.write("GET", DISCOVERY, server.host))
            equal(c.read().status, 200, f"what follows HEAD {path} ({head.status})")
    etag = server.get(DISCOVERY).header("etag")
    with server.connect() as c:
        for _ in range(2):
            c.send(wire.write("GET", DISCOVERY, server.host, {"If-None-Match": etag}))
            equal(c.read().status, 304, "304")
        c.send(wire.write("OPTIONS", "/token", server.host, {"Origin": "https://a.example"}))
        equal(c.read().status, 204, "204")
        c.send(wire.write("GET", DISCOVERY, server.host))
        equal(c.read().status, 200, "what follows")
