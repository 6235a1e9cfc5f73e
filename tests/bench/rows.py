"""The rows of the table: each measures in rounds, so that what is compared was measured in the same moment, and gives figures."""
import json
import os
import shutil
import struct
import subprocess
import threading
import time

import rig
from rig import DISCOVERY, JWKS, PEOPLE, SECRET, Server, median

ALGORITHMS = ("RS256", "ES256")


class Figure:
    """One line: value, text, and what docs/decisions.md wants of it at most."""

    def __init__(self, row, what, value, unit, most=None, note=""):
        self.row, self.what, self.value, self.unit, self.most, self.note = row, what, value, unit, most, note

    def meets(self):
        return None if self.most is None else self.value <= self.most


class Bench:
    def __init__(self, the_rig, size, say):
        self.rig, self.size, self.say = the_rig, size, say
        self.server = Server(the_rig, "state").start()
        for algorithm in ALGORITHMS:
            self.server.add_client(algorithm)
        self.nginx = rig.Nginx(the_rig, self.server)
        self.costs = {}  # name to CPU seconds of each round; "answer" is one of nginx's

    def note(self, name, cost):
        self.costs.setdefault(name, []).append(cost)

    def measured(self, name, result):
        """Notes a tool's result; how it is shared among the threads beside it."""
        self.note(name, result["cpu_s"] / result["n"])
        for role in ("loop_s", "signer_s", "writer_s"):
            if role in result:
                self.note(f"{name} {role}", result[role] / result["n"])

    def ratio(self, name, to="answer", minus=None):
        """Median over the rounds of name's cost, less minus's, in to's."""
        less = self.costs[minus] if minus else [0] * len(self.costs[name])
        return median([(c - m) / t for c, m, t in zip(self.costs[name], less, self.costs[to])])

    def shares(self, name, minus=None):
        """Where it goes, in microseconds: one word for the note of a figure."""
        us = {r: median(self.costs[f"{name} {r}"]) * 1e6 for r in ("loop_s", "signer_s", "writer_s")}
        text = f"{median(self.costs[name]) * 1e6:.0f} us: loop {us['loop_s']:.0f}, writer {us['writer_s']:.0f}"
        if minus:
            text += f", signer {us['signer_s']:.0f} of which bare {median(self.costs[minus]) * 1e6:.0f}"
        return text

    # ---- what a round measures ----

    def round_answers(self):
        s = self.size.slice_s
        self.measured("answer", self.nginx.get(DISCOVERY, s))
        self.measured("discovery", self.server.get(DISCOVERY, s))
        self.measured("nginx jwks", self.nginx.get(JWKS, s))
        self.measured("jwks", self.server.get(JWKS, s))
        self.measured("userinfo", self.server.load("--connections", 64, "--seconds", s, "--client-id", "ES256", "userinfo")[0])

    def round_tokens(self, algorithm):
        self.note(f"bare {algorithm}", self.rig.sign(algorithm, self.size.slice_s))
        count = self.size.signatures[algorithm]
        for result in self.server.load("--connections", self.size.connections, "--count", count, "--client-id", algorithm, "phases"):
            if result["phase"] != "userinfo":
                self.measured(f"{result['phase']} {algorithm}", result)
        self.measured(f"signin {algorithm}", self.server.load("--connections", self.size.connections, "--seconds", self.size.slice_s,
                                                              "--client-id", algorithm, "signin")[0])

    def rounds(self, wanted):
        for i in range(self.size.rounds):
            self.say(f"round {i + 1} of {self.size.rounds}")
            self.round_answers()
            for algorithm in ALGORITHMS:
                if wanted & {"authorize", "token", "signin"}:
                    self.round_tokens(algorithm)

    # ---- rows of the rounds ----

    def row_discovery(self):
        one = median(self.costs["answer"]) * 1e6
        yield Figure("discovery", "cost of an answer", self.ratio("discovery"), "of nginx's", 1.0, f"nginx: {one:.1f} us")

    def row_jwks(self):
        yield Figure("jwks", "cost of an answer", self.ratio("jwks", "nginx jwks"), "of nginx's", 1.0)

    def row_userinfo(self):
        yield Figure("userinfo", "cost", self.ratio("userinfo"), "answers", 1.5, self.shares("userinfo"))

    def row_authorize(self):
        yield Figure("authorize", "cost, durable, with a session", self.ratio("authorize ES256"), "answers", None, self.shares("authorize ES256"))

    def row_token(self):
        for a in ALGORITHMS:
            yield Figure("token", f"{a}, beyond the signature", self.ratio(f"token {a}", minus=f"bare {a}"), "answers", 4,
                         self.shares(f"token {a}", f"bare {a}"))

    def row_signin(self):
        for a in ALGORITHMS:
            yield Figure("signin", f"{a}, beyond the signature", self.ratio(f"signin {a}", minus=f"bare {a}"), "answers", 10,
                         self.shares(f"signin {a}", f"bare {a}"))

    # ---- rows with servers of their own ----

    def probe(self, server, busy):
        """Percentiles of discovery in milliseconds while `busy` runs in another thread."""
        thread = threading.Thread(target=busy)
        thread.start()
        time.sleep(0.3)
        result = server.load("--connections", 1, "--look-us", 0, "--pause-us", 1000, "--seconds", self.size.slice_s, "get", DISCOVERY)[0]
        thread.join()
        return result["p50_us"] / 1000, result["p99_us"] / 1000

    def row_latency(self):
        load = ("--connections", self.size.connections, "--client-id", "RS256", "--seconds", self.size.slice_s + 0.8, "signin")
        seen = [self.probe(self.server, lambda: self.server.load(*load)) for _ in range(self.size.rounds)]
        yield Figure("latency", "p50 of discovery while sign-ins saturate the cores", median([p50 for p50, _ in seen]), "ms", 0.2,
                     f"p99 {median([p99 for _, p99 in seen]):.1f} ms")

    def row_idle(self):
        server = Server(self.rig, "idle").start()
        server.stop()
        server.start()
        ours, database = rig.memory(server.process.pid)
        server.stop()
        yield Figure("idle", "memory", ours / (1 << 20), "MiB", 10, f"RSS without the database's pages ({database / (1 << 20):.1f} MiB)")

    def row_start(self):
        server = Server(self.rig, "idle")
        if not os.path.isdir(server.state):
            server.start().stop()
        ms = [server.load_start() for _ in range(self.size.rounds)]
        yield Figure("start", "from exec to the first answer, with state", median(ms), "ms", 20)

    def compare_sizes(self, row, what, small, large, *client):
        """Cost of a sign-in at two sizes, in turn."""
        for server in (small, large):
            server.start()
        for _ in range(self.size.rounds):
            for name, server, many in (("small", small, 100), ("large", large, self.size.clients)):
                arguments = ("--client-id", "c", "--many-clients", many) if not client else client
                self.measured(f"{row} {name}", server.load("--connections", self.size.connections, "--seconds", self.size.slice_s, *arguments,
                                                           "signin")[0])
        for server in (small, large):
            server.stop()
        yield Figure(row, what, self.ratio(f"{row} large", f"{row} small"), "times", 1.2,
                     f"{median(self.costs[f'{row} small']) * 1e6:.0f} and {median(self.costs[f'{row} large']) * 1e6:.0f} us")

    def filled(self, name, *what):
        """A server that has been started once, is stopped, and has these records."""
        server = Server(self.rig, name)
        if not os.path.isdir(server.state):
            server.start()
            server.add_client("ES256")
            server.stop()
        began = time.monotonic()
        for kind, count in what:
            arguments = ("ES256", SECRET) if kind == "clients" else ()
            self.rig.tool("fill", server.state, kind, count, *arguments)
        self.say(f"{name}: {', '.join(f'{n:,} {k}' for k, n in what)} in {time.monotonic() - began:.0f} s, "
                 f"{os.path.getsize(os.path.join(server.state, 'data.mdb')) / 1e6:.0f} MB")
        return server

    def row_clients(self):
        small = self.filled("small", ("clients", 100))
        large = self.filled("large", ("clients", self.size.clients))
        yield from self.compare_sizes("clients", f"a sign-in at {self.size.clients:,} clients against 100", small, large)

    def row_tokens(self):
        small = self.filled("few", ("tokens", 1))
        large = self.filled("many", ("tokens", self.size.tokens))
        yield from self.compare_sizes("tokens", f"a sign-in at {self.size.tokens:,} stored tokens against 1", small, large,
                                      "--client-id", "ES256")
        shutil.rmtree(large.state)

    def row_full(self):
        n = self.size.full
        if n > self.size.clients or not os.path.isdir(self.rig.path("large")):
            shutil.rmtree(self.rig.path("large"), ignore_errors=True)
            self.filled("large", ("clients", n))
        server = self.filled("large", ("tokens", n)).start()
        server.load("--connections", self.size.connections, "--seconds", self.size.slice_s, "--client-id", "c", "--many-clients", n, "signin")
        ours, database = rig.memory(server.process.pid)
        server.stop()
        shutil.rmtree(server.state)
        yield Figure("full", f"memory after sign-ins with {n:,} clients and {n:,} live tokens", ours / (1 << 20), "MiB", None,
                     f"and {database / (1 << 20):.0f} MiB of the database's pages, which the kernel may take back")

    def row_disk(self):
        shim, control = os.path.join(self.rig.build, "tests/bench/shim_disk.so"), self.rig.path("disk.control")
        with open(control, "wb") as f:
            f.write(struct.pack("<6q", 0, 0, 20, 0, 0, 0))  # delay_ms is the third
        server = Server(self.rig, "disk", {"LD_PRELOAD": shim, "SHIM_DISK": control,
                                           "SHIM_DATA": os.path.join(self.rig.path("disk"), "data.mdb")}).start()
        server.add_client("RS256")
        one = server.load("--connections", 1, "--seconds", max(1, self.size.slice_s), "--client-id", "RS256", "signin")[0]
        load = ("--connections", 256, "--client-id", "RS256", "--seconds", self.size.slice_s + 1.5, "signin")
        rates, seen = [], []
        for _ in range(self.size.rounds):
            result = []
            seen.append(self.probe(server, lambda: result.append(server.load(*load)[0])))
            rates.append(result[0]["n"] / result[0]["wall_s"])
        server.stop()
        yield Figure("disk", "a sync takes 20 ms: p50 of a sign-in by one browser, of two commits with two syncs each", one["p50_us"] / 1000, "ms")
        yield Figure("disk", "sign-ins a second by 256 browsers, RS256", median(rates), "a second")
        yield Figure("disk", "p50 of discovery meanwhile", median([p50 for p50, _ in seen]), "ms", 0.2)

    def write_localapi(self):
        """Whois answers of a tailnet with PEOPLE nodes, as tailscaled writes them."""
        import localapi

        people = {f"p{i}": {"id": i, "login": f"p{i}@example.com", "display_name": f"P {i}"} for i in range(1, PEOPLE + 1)}
        nodes = {f"laptop-{i}": {"id": f"n{i}CNTRL", "person": f"p{i}", "addresses": [f"100.64.0.{i}", f"fd7a:115c:a1e0::{i:x}"],
                                 "grants": [{"groups": ["people", "staff"]}]} for i in range(1, PEOPLE + 1)}
        tailnet = localapi.Tailnet({"people": people, "nodes": {**nodes, "idp": {"id": "nIdpCNTRL", "tags": ["tag:idp"],
                                                                                 "addresses": ["100.64.9.9"]},
                                                                "alice-laptop": None, "bob-phone": None, "ci": None}, "sources": None})
        with open(self.rig.path("answers"), "w", encoding="utf-8") as f:
            print("status", json.dumps(tailnet.status()), sep="\t", file=f)
            print("prefs", json.dumps({"ControlURL": "https://controlplane.example", "WantRunning": True}), sep="\t", file=f)
            for i in range(1, PEOPLE + 1):
                print(f"whois 100.64.0.{i}", json.dumps(tailnet.whois(f"laptop-{i}")), sep="\t", file=f)

    def row_whois(self):
        self.write_localapi()
        socket, port = self.rig.path("tailscaled.sock"), self.rig.path("serve.sock")
        api = self.rig.start([os.path.join(self.rig.build, "tests/bench/localapi"), socket, self.rig.path("answers")], "localapi.log")
        rig.wait_until("the LocalAPI's socket", lambda: os.path.exists(socket))
        server = Server(self.rig, "whois")
        server.host = rig.NAME
        server.command = [self.rig.avouch, "serve", "--listen", f"serve:unix:{port}", "--state", server.state, "--issuer", f"https://{rig.NAME}"]
        server.environment["AVOUCH_TAILSCALE_SOCKET"] = socket
        server.process = self.rig.start(server.command, "avouch.log", env=server.environment)
        rig.wait_until("avouch's socket", lambda: os.path.exists(port))
        server.add_client("ES256")
        time.sleep(1)
        arguments = ("--unix", port, "--forwarded", "--connections", self.size.connections, "--seconds", self.size.slice_s, "--client-id", "ES256",
                     "signin")
        for _ in range(self.size.rounds):
            self.measured("whois answer", self.nginx.get(DISCOVERY, self.size.slice_s))
            self.note("whois bare", self.rig.sign("ES256", self.size.slice_s))
            self.measured("whois", server.load(*arguments)[0])
        server.stop()
        self.rig.stop(api)
        yield Figure("whois", "a sign-in behind `tailscale serve`, whois asked twice, ES256, beyond the signature",
                     self.ratio("whois", "whois answer", "whois bare"), "answers", None, self.shares("whois", "whois bare"))

    def row_tls(self):
        if shutil.which("wrk") is None:
            self.say("tls: wrk is not installed")
            return
        server, port, seconds = Server(self.rig, "tls"), rig.free_port(), max(1, round(self.size.slice_s))
        server.environment.update(AVOUCH_TLS_CERTIFICATE=self.rig.path("tls.crt"), AVOUCH_TLS_KEY=self.rig.path("tls.key"))
        server.command = [self.rig.avouch, "serve", "--listen", f"public:127.0.0.1:{port}", "--state", server.state,
                          "--issuer", f"https://{rig.NAME}"]
        server.process = self.rig.start(server.command, "avouch.log", env=server.environment)
        rig.wait_until("avouch answers over TLS", lambda: subprocess.run(
            ["wrk", "-t1", "-c1", "-d1s", f"-HHost: {rig.NAME}", f"https://127.0.0.1:{port}{DISCOVERY}"], stdout=subprocess.PIPE,
            text=True, check=False).stdout.count("requests in") == 1)
        for _ in range(self.size.rounds):
            for name, pid, at in (("nginx", self.nginx.worker, self.nginx.tls_port), ("avouch", server.process.pid, port)):
                self.note(f"tls {name}", rig.wrk(pid, at, seconds))
                self.note(f"handshake {name}", rig.wrk(pid, at, seconds, "Connection: close"))
        server.stop()
        us = {n: median(v) * 1e6 for n, v in self.costs.items() if n.startswith(("tls", "handshake"))}
        yield Figure("tls", "discovery over TLS, kept alive", self.ratio("tls avouch", "tls nginx"), "of nginx's", None,
                     f"{us['tls avouch']:.0f} us")
        yield Figure("tls", "a connection, a handshake and an answer", self.ratio("handshake avouch", "handshake nginx"), "of nginx's", None,
                     f"{us['handshake avouch']:.0f} us")


IN_ROUNDS = ("discovery", "jwks", "userinfo", "authorize", "token", "signin")
ALONE = ("latency", "idle", "start", "clients", "tokens", "full", "disk", "whois", "tls")
