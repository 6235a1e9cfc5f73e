"""The server under test: the real program in development mode on loopback, its command line, its log, and the two shims."""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

import relying

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEOPLE = 8
START_S = 30
URI = "https://app.example/callback"


def default_binary():
    return os.path.abspath(os.environ.get("AVOUCH_BIN") or os.path.join(ROOT, "build/src/app/avouch"))


def has_faults(binary):
    """Was it built with -Dfaults=true?"""
    with open(binary, "rb") as f:
        return b"AVOUCH_FAULT" in f.read()


class Shim:
    """Integers that a preloaded library reads while the program runs (shim_*.c)."""

    def __init__(self, work, name, fields):
        self.library = os.path.join(work, f"shim_{name}.so")
        self.path = os.path.join(work, f"{name}.control")
        self.fields = fields
        with open(self.path, "wb") as f:
            f.write(b"\0" * 8 * len(fields))

    def set(self, **values):
        with open(self.path, "r+b") as f:
            for name, value in values.items():
                f.seek(8 * self.fields.index(name))
                f.write(struct.pack("<q", value))

    def get(self, name):
        with open(self.path, "rb") as f:
            f.seek(8 * self.fields.index(name))
            return struct.unpack("<q", f.read(8))[0]


class DiskShim(Shim):
    POINTS = ["", "page-before", "page-after", "sync-before", "sync-after", "meta-before", "meta-after"]
    EIO_PAGES, EIO_SYNC, EIO_META = 1, 2, 4

    def __init__(self, work):
        super().__init__(work, "disk", ["kill_at", "countdown", "delay_ms", "fail", "times", "syncs"])


class ClockShim(Shim):
    def __init__(self, work):
        super().__init__(work, "clock", ["wall_ms", "boot_ms", "synchronised"])


class Server:
    """One state directory and whoever serves it. Environment and listeners outlive a restart."""

    running = set()
    # nothing outlives the suite, however that ends
    wrapper = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []

    def __init__(self, work, binary=None, directory=None, faults="", shims=(), journal=None, options=()):
        self.work = work
        self.binary = binary or os.path.join(work, "avouch")
        self.state = directory or tempfile.mkdtemp(prefix="state-", dir=work)
        self.port = relying.free_port()
        self.host = f"localhost:{self.port}"
        self.address = ("127.0.0.1", self.port)
        self.faults, self.shims, self.journal = faults, list(shims), journal
        self.options = list(options)
        self.log_path = os.path.join(work, f"log-{self.port}")
        self.flags, self.tls = ["--dev"], None
        self.process = None
        self.commands, self.guard = set(), threading.Lock()

    def environment(self, fault=""):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AVOUCH_", "SHIM_"))}
        env.update(XDG_STATE_HOME=self.work, AVOUCH_FAULT=",".join(f for f in (self.faults, fault) if f))
        if self.shims:
            env["LD_PRELOAD"] = " ".join(s.library for s in self.shims)
            env["SHIM_DATA"] = os.path.join(self.state, "data.mdb")
            for s in self.shims:
                env["SHIM_" + type(s).__name__.removesuffix("Shim").upper()] = s.path
        if self.journal:
            env["SHIM_JOURNAL"] = self.journal
        return env

    def command_line(self):
        people = [w for n in range(1, PEOPLE + 1) for w in ("--dev-user", f"person{n}@example.com")]
        return [self.binary, "serve", "--dev", "--listen", f"127.0.0.1:{self.port}", "--state", self.state, *people, *self.options]

    def spawn(self, fault=""):
        Server.running.add(self)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.wrapper + self.command_line(), stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                                            env=self.environment(fault))

    def start(self, fault=""):
        """Until it is healthy. How long that took."""
        began = time.monotonic()
        self.spawn(fault)
        relying.wait_until("a healthy server", self.is_healthy, START_S, 0.005)
        return time.monotonic() - began

    def is_healthy(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}: {self.last_words()}")
        return self.answers()

    def answers(self):
        try:
            return self.health().status == 200
        except (relying.Refused, relying.Lost):
            return False

    def health(self):
        return self.get("/healthz", timeout=5)

    def last_words(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return " | ".join(f.read().strip().splitlines()[-3:])[-600:]

    def kill(self, sig=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sig)
        if self.process is not None:
            self.process.wait()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def destroy(self):
        self.kill_commands()
        self.stop()
        Server.running.discard(self)
        shutil.rmtree(self.state, ignore_errors=True)

    # ---- the log ----

    def log_size(self):
        return os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0

    def log_lines(self, since=0):
        with open(self.log_path, "rb") as f:
            f.seek(since)
            text = f.read().decode(errors="replace")
        lines = []
        for line in text.splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append({"level": "raw", "msg": line})
        return lines

    def has_logged(self, pattern, since=0):
        return next((x for x in self.log_lines(since) if re.search(pattern, json.dumps(x))), None)

    # ---- the command line ----

    def command(self, *words, timeout=60, kill_after=None):
        """(exit status, standard output, standard error); a negative status: it was killed, after so many seconds where they are given."""
        p = subprocess.Popen([self.binary, *words, *self.flags, "--state", self.state], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        with self.guard:
            self.commands.add(p)
        try:
            out, err = p.communicate(timeout=kill_after or timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
        with self.guard:
            self.commands.discard(p)
        return p.returncode, out.decode(), err.decode()

    def kill_commands(self):
        with self.guard:
            for p in self.commands:
                p.kill()

    def command_json(self, *words):
        status, out, err = self.command(*words, "--json")
        if status != 0:
            raise RuntimeError(f"avouch {' '.join(words)}: {err.strip()}")
        return json.loads(out)

    def add_client(self, client_id, alg="ES256", *more):
        """Its secret."""
        return self.command_json("client", "add", "--client-id", client_id, "--name", client_id, "--redirect-uri", URI,
                                 "--id-token-alg", alg, *more)["client_secret"]

    # ---- asking it ----

    def connection(self, source=None, timeout=30):
        return relying.Connection(self.address, source, self.tls, timeout=timeout)

    def get(self, path, timeout=30):
        c = self.connection(timeout=timeout)
        try:
            return c.ask(relying.get(self.host, path))
        finally:
            c.close()

    def kids(self):
        return {k["kid"]: k for k in self.get("/.well-known/jwks.json").json().get("keys", [])}
