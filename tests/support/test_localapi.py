#!/usr/bin/env python3
"""The stand-in answers as tailscaled does, and fails when told to."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from localapi import CAP, LocalAPI  # noqa: E402

WHOIS = "/localapi/v0/whois?proto=tcp&addr="
STATUS = "/localapi/v0/status?peers=false"


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=5):
        super().__init__("local-tailscaled.sock", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, path, method="GET", body=None, headers={}):
        self.request(method, path, None if body is None else json.dumps(body), headers)
        reply = self.getresponse()
        return reply, reply.read()


class Base(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.folder.name, "s")
        self.control = os.path.join(self.folder.name, "c")
        self.api = LocalAPI(self.socket, {"miss_ms": 20}, self.control)
        self.api.__enter__()
        self.c = Connection(self.socket)

    def tearDown(self):
        self.c.close()
        self.api.__exit__()
        self.folder.cleanup()

    def get(self, path, **headers):
        reply, body = self.c.ask(path, headers=headers)
        return reply.status, body

    def who(self, address):
        status, body = self.get(WHOIS + address)
        return json.loads(body) if status == 200 else status


class Answers(Base):
    def test_person_by_every_address(self):
        for address in ("100.64.0.2:5", "100.64.0.2", "[fd7a:115c:a1e0::2]:5", "127.0.0.2:40000", "%5Bfd7a:115c:a1e0::2%5D:5",
                        "[::ffff:100.64.0.2]:5"):
            self.assertEqual(self.who(address)["UserProfile"]["LoginName"], "alice@example.com", address)
        alice = self.who("127.0.0.2:40000")
        self.assertEqual(alice["Node"]["Name"], "alice-laptop.tail1234.ts.net.")
        self.assertEqual([g["groups"] for g in alice["CapMap"][CAP]], [["people"], ["admins"]])
        self.assertEqual(self.who("127.0.0.3:40000")["UserProfile"]["ID"], 2)

    def test_machine(self):
        ci = self.who("127.0.0.4:9")
        self.assertEqual((ci["Node"]["Tags"], ci["Node"]["User"], ci["CapMap"]), (["tag:server"], 2147455555, None))

    def test_miss(self):
        reply, body = self.c.ask(WHOIS + "127.0.0.1:9")
        self.assertEqual((reply.status, body), (404, b"no match for IP:port\n"))
        self.assertTrue(reply.headers["Content-Type"].startswith("text/plain"))

    def test_sources(self):
        self.api.change({"sources": {"*": "bob-phone", "127.0.0.1:4711": "ci"}})
        self.assertEqual(self.who("127.0.0.1:4711")["Node"]["ComputedName"], "ci")
        self.assertEqual(self.who("127.0.0.1:4712")["Node"]["ComputedName"], "bob-phone")
        self.assertEqual(self.who("192.0.2.1:4712"), 404)

    def test_bad_questions(self):
        self.assertEqual(self.get("/localapi/v0/whois"), (400, b"missing 'addr' parameter\n"))
        self.assertEqual(self.get(WHOIS + "x"), (400, b"invalid 'addr' parameter\n"))
        self.assertEqual(self.get("/localapi/v0/nothing")[0], 404)

    def test_only_local_callers(self):
        for headers in ({"Host": "idp"}, {"Origin": "http://x"}, {"Referer": "http://x"}):
            status, body = self.get(STATUS, **headers)
            self.assertEqual((status, len(body)), (403, 25))

    def test_changes_show_at_once(self):
        self.api.change({"nodes": {"alice-laptop": {"expired": True, "key_expiry": "2026-01-01T00:00:00Z"}}})
        alice = self.who("127.0.0.2:1")
        self.assertTrue(alice["Node"]["Expired"] and alice["CapMap"])
        self.api.change({"nodes": {"alice-laptop": None}, "sources": {"127.0.0.2": None}})
        self.assertEqual(self.who("127.0.0.2:1"), 404)

    def test_status(self):
        status = json.loads(self.get(STATUS)[1])
        self.assertEqual((status["BackendState"], status["TUN"], status["Self"]["DNSName"], status["Self"]["Tags"]),
                         ("Running", False, "idp.tail1234.ts.net.", ["tag:idp"]))
        self.api.change({"online": False})
        self.assertFalse(json.loads(self.get(STATUS)[1])["Self"]["Online"])

    def test_no_state_knows_nobody(self):
        self.api.change({"backend_state": "NoState"})
        self.assertEqual(self.who("100.64.0.2"), 404)
        self.assertIsNone(json.loads(self.get(STATUS)[1])["TailscaleIPs"])

    def test_framing(self):
        for framing in ("chunked", "length"):
            self.api.change({"framing": framing})
            reply, body = self.c.ask(STATUS)
            self.assertEqual(reply.headers["Transfer-Encoding"] == "chunked", framing == "chunked")
            self.assertEqual(json.loads(body)["BackendState"], "Running")

    def test_certificate(self):
        self.assertEqual(self.get("/localapi/v0/cert/idp.tail1234.ts.net?type=pair")[0], 500)
        self.api.change({"certs": {"idp.tail1234.ts.net": "-----BEGIN K-----\nMA==\n-----END K-----\n-----BEGIN C-----\n"}})
        self.assertEqual(self.get("/localapi/v0/cert/idp.tail1234.ts.net?type=crt"), (200, b"-----BEGIN C-----\n"))

    def test_peers(self):
        self.assertIsNone(json.loads(self.get(STATUS)[1])["Peer"])
        peers = json.loads(self.get(STATUS.replace("false", "true"))[1])["Peer"].values()
        self.assertEqual({p["DNSName"]: p["TailscaleIPs"][0] for p in peers}["ci.tail1234.ts.net."], "100.64.0.4")
        self.assertEqual(len(peers), 3)

    def dial(self, host, port, **headers):
        reply, body = self.c.ask("/localapi/v0/dial", "POST", None, {"Connection": "upgrade", "Upgrade": "ts-dial", "Dial-Host": host,
                                                                    "Dial-Port": port, "Dial-Network": "tcp", **headers})
        return reply, body

    def test_dial(self):
        with socket.create_server(("127.0.0.1", 0)) as service:
            self.api.change({"services": {"100.64.0.4:443": f"127.0.0.1:{service.getsockname()[1]}"}})
            reply, _ = self.dial("100.64.0.4", "443")
            self.assertEqual((reply.status, reply.headers["Upgrade"]), (101, "ts-dial"))
            there, _ = service.accept()
            with there:
                self.c.sock.sendall(b"hello")
                self.assertEqual(there.recv(5), b"hello")
                there.sendall(b"and back")
                there.shutdown(socket.SHUT_WR)
                self.assertEqual(self.c.sock.recv(100), b"and back")
                self.assertEqual(self.c.sock.recv(100), b"")
        self.assertEqual(self.api.log[-1]["Dial-Host"], "100.64.0.4")

    def test_dial_refusals(self):
        reply, body = self.dial("100.64.0.4", "80")
        self.assertEqual((reply.status, body), (502, b"dial failure: connect tcp 100.64.0.4:80: connection was refused\n"))
        reply, _ = self.dial("192.0.2.1", "80")
        self.assertEqual((reply.status, reply.headers["Dial-Self"], reply.headers["Dial-Addr"]), (200, "true", "192.0.2.1:80"))
        self.assertEqual(self.dial("100.64.0.4", "80", Upgrade="websocket")[0].status, 400)
        self.assertEqual(self.get("/localapi/v0/dial")[0], 405)
        self.c.timeout = 0.1
        self.c.close()
        with self.assertRaises(TimeoutError):
            self.dial("ci.tail1234.ts.net", "80")

    def test_one_connection_is_kept(self):
        self.get(STATUS)
        first = self.c.sock
        self.get(WHOIS + "100.64.0.2")
        self.assertIs(self.c.sock, first)

    def test_a_miss_holds_the_lock(self):
        self.api.change({"miss_ms": 200})
        miss, other = Connection(self.socket), Connection(self.socket)
        miss.request("GET", WHOIS + "127.0.0.1:9")
        time.sleep(0.05)
        began = time.monotonic()
        other.ask(WHOIS + "100.64.0.2")
        self.assertGreater(time.monotonic() - began, 0.08)
        miss.getresponse().read()
        miss.close()
        other.close()


class Faults(Base):
    def test_error_once(self):
        self.api.fault({"kind": "error", "path": "whois", "times": 1})
        self.assertEqual(self.get(STATUS)[0], 200)
        self.assertEqual(self.who("100.64.0.2"), 500)
        self.assertIsInstance(self.who("100.64.0.2"), dict)

    def test_garbage(self):
        self.api.fault({"kind": "garbage", "times": 1})
        with self.assertRaises(ValueError):
            self.who("100.64.0.2")

    def test_broken_connections(self):
        for kind, failure in (("drop", http.client.RemoteDisconnected), ("noise", http.client.BadStatusLine),
                              ("close", http.client.IncompleteRead)):
            self.api.fault({"kind": kind, "times": 1})
            with self.assertRaises(failure):
                self.who("100.64.0.2")
            self.c.close()

    def test_hang_until_cleared(self):
        self.api.fault({"kind": "hang", "times": 1})
        impatient = Connection(self.socket, timeout=0.1)
        with self.assertRaises(TimeoutError):
            impatient.ask(STATUS)
        impatient.close()
        self.assertEqual(self.get(STATUS)[0], 200)

    def test_slow(self):
        self.api.fault({"kind": "slow", "seconds": 0.1, "times": 1})
        began = time.monotonic()
        self.assertEqual(self.get(STATUS)[0], 200)
        self.assertGreater(time.monotonic() - began, 0.09)

    def test_restart(self):
        self.get(STATUS)
        self.api.restart(0.05, 0.2, 0.05)
        with self.assertRaises((ConnectionError, http.client.HTTPException, FileNotFoundError)):
            self.get(STATUS)
        states, until = [], time.monotonic() + 5
        while time.monotonic() < until and states[-1:] != ["Running"]:
            self.c.close()
            try:
                state = json.loads(self.get(STATUS)[1])["BackendState"]
            except OSError:
                continue
            states += [] if states[-1:] == [state] else [state]
        self.assertEqual((states[0], states[-1]), ("NoState", "Running"))


class Control(Base):
    def act(self, method, path, body=None):
        c = Connection(self.control)
        reply, text = c.ask(path, method, body)
        c.close()
        return reply.status, json.loads(text)

    def test_state(self):
        self.assertEqual(self.act("PATCH", "/state", {"tun": True}), (200, {}))
        self.assertTrue(json.loads(self.get(STATUS)[1])["TUN"])
        self.assertTrue(self.act("GET", "/state")[1]["tun"])
        self.act("PUT", "/state", {})
        self.assertFalse(self.act("GET", "/state")[1]["tun"])

    def test_faults_and_log(self):
        self.act("POST", "/fault", {"kind": "error", "path": "status"})
        self.assertEqual(self.get(STATUS)[0], 500)
        self.act("DELETE", "/fault")
        self.assertEqual(self.get(STATUS)[0], 200)
        self.assertEqual([e["status"] for e in self.act("GET", "/log")[1]], [500, 200])
        self.assertEqual(self.act("POST", "/fault", {"kind": "wrong"})[0], 400)
        self.assertEqual(self.act("GET", "/nothing")[0], 404)


class Program(unittest.TestCase):
    def test_program(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "localapi.py")
            child = subprocess.Popen([sys.executable, script, "--socket", path], stdout=subprocess.PIPE)
            try:
                self.assertEqual(child.stdout.readline(), b"ready\n")
                self.assertEqual(Connection(path).ask(STATUS)[0].status, 200)
            finally:
                child.terminate()
                self.assertEqual(child.wait(5), 0)
                child.stdout.close()
            self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    unittest.main(warnings="ignore")
