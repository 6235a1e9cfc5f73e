"""A crowd of connections that are slow on purpose: usage: crowd.py PORT HOST COUNT SECONDS. A process of its own, so that what it costs
is not the test's. Prints a line of JSON at its end: how many were opened, how many the server has cut, and how many it held at most."""
import json
import selectors
import socket
import sys
import time

OPENED_AT_ONCE = 200
STEP_S = 1  # a byte a second
ANSWERS_UNREAD = 200


class Slow:
    """One connection. What it sends at first, and then a byte at a time."""

    def __init__(self, crowd, kind, source):
        self.crowd, self.kind = crowd, kind
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        if kind == "reads-nothing":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.setblocking(False)
        self.sock.bind((source, 0))
        self.sock.connect_ex(("127.0.0.1", crowd.port))

    def begin(self):
        host = self.crowd.host
        self.send({
            "idle": "",
            "slow-head": "GET / HTTP/1.1\r\nX: ",
            "slow-body": f"POST /token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                         "Content-Length: 60000\r\n\r\n",
            "reads-nothing": f"GET /.well-known/jwks.json HTTP/1.1\r\nHost: {host}\r\n\r\n" * ANSWERS_UNREAD}[self.kind])

    def go_on(self):
        if self.kind in ("slow-head", "slow-body"):
            self.send("a")

    def send(self, text):
        try:
            self.sock.send(text.encode())
        except OSError:
            pass  # not connected yet, or cut: its end is seen by itself


class Crowd:
    KINDS = ("idle", "slow-head", "slow-body") * 16 + ("reads-nothing",)  # who asks is work, and not what this is about

    def __init__(self, port, host, count):
        self.port, self.host, self.count = port, host, count
        self.selector = selectors.DefaultSelector()
        self.waiting = set()
        self.opened = self.cut = self.most = 0

    def open(self):
        for _ in range(min(OPENED_AT_ONCE, self.count - len(self.waiting))):
            s = Slow(self, self.KINDS[self.opened % len(self.KINDS)], f"127.0.1.{1 + self.opened % 200}")
            self.opened += 1
            self.waiting.add(s)
            # what is to be read of an answer stays unread; its end is an event in any case
            self.selector.register(s.sock, selectors.EVENT_WRITE, s)
        self.most = max(self.most, len(self.waiting))

    def close(self, s):
        self.selector.unregister(s.sock)
        s.sock.close()
        self.waiting.discard(s)
        self.cut += 1

    def on_ready(self, s, key_events):
        if key_events & selectors.EVENT_WRITE:
            s.begin()
            self.selector.modify(s.sock, 0 if s.kind == "reads-nothing" else selectors.EVENT_READ, s)
            return
        try:
            if s.sock.recv(4096):
                return  # 408 or the like: the end follows
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close(s)

    def run(self, seconds):
        end, step = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self.open()
            for key, events in self.selector.select(0.02):
                self.on_ready(key.data, events)
            if time.monotonic() > step:
                step = time.monotonic() + STEP_S
                for s in list(self.waiting):
                    s.go_on()
        return {"opened": self.opened, "cut": self.cut, "most": self.most}


if __name__ == "__main__":
    print(json.dumps(Crowd(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])).run(float(sys.argv[4]))))
