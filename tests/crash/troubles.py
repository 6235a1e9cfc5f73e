"""What the machine does to a server: its disk, its map, its clock, its processor. While it lasts: the right refusal, and what needs no
disk goes on; afterwards all is well by itself, and nothing is lost."""
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time

import check
import load
import probe
import relying
import server
import suite
import supervised
import tailnet

FILES_FILLED = "ballast"
RECOVERY_S = 10
TMPFS_BYTES = 2 << 20
MAP_BYTES = 512 << 10


class Trial:
    """A server under load, somebody who looks closely, and what is found."""

    def __init__(self, s, seed_word, loaded=True, rotate=True, tough=False, **kw):
        self.wrong = []
        self.server, self.history = check.fresh(s.work, **kw)
        self.checker = check.Checker(self.server, self.history)
        self.probe = probe.Probe(self.server, self.history)
        self.token = self.probe.whole()
        self.code, _ = self.probe.sign_in()
        self.codes = [self.code]
        self.since = self.server.log_size()
        self.load = None
        if loaded:
            self.load = load.Load(self.server, self.history, f"{s.arguments.seed}/{seed_word}", clients=4, pace_s=0.01,
                                  rotate=rotate, tough=tough).start()
            time.sleep(0.5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.load:
            self.load.join()
        self.server.destroy()

    def complain(self, text):
        self.wrong.append(text)

    def expect_refusal(self, what, answer):
        self.wrong += probe.complaints(what, answer)

    def expect_reading(self):
        """What needs no disk is answered."""
        for what, answer in (("userinfo", self.probe.ask(self.token)), ("discovery", self.probe.get("/.well-known/openid-configuration")),
                             ("JWKS", self.probe.get("/.well-known/jwks.json")), ("healthz", self.probe.get("/healthz"))):
            if answer.status != 200:
                self.complain(f"{what} is answered {answer!r} meanwhile")

    def expect_log(self, pattern, what):
        try:
            relying.wait_until(what, lambda: self.server.has_logged(pattern, self.since), 5)
        except TimeoutError:
            self.complain(f"the log does not say: {what}")

    def expect_command_refused(self, pattern, tries=300):
        """Sooner or later: a small change may still find room. What was said to be done must be so."""
        for n in range(tries):
            owner = self.history.owner(f"added-{n}")
            status, _, err = self.server.command("client", "add", "--client-id", owner.name, "--name", owner.name,
                                                 "--redirect-uri", server.URI)
            if status != 0:
                break
            owner.there = owner.active = True
        if status != 1 or not re.search(pattern, err):
            self.complain(f"avouch client add ended with {status} and said: {err.strip()!r}")

    def until_refused(self, tries=4000):
        """Signs in until that is refused: what is full is not so at once."""
        for _ in range(tries):
            code, answer = self.probe.sign_in()
            if code is None:
                return answer
            self.codes.append(code)
        raise RuntimeError(f"{tries} sign-ins, and none was refused")

    def expect_full(self, where):
        """Nor for everyone: a commit that needs no more pages than others have given back goes through."""
        self.expect_refusal(f"a sign-in {where}", self.until_refused())
        for code in self.codes:
            answer = self.probe.redeem(code)[1]
            if answer.status != 200:
                break
        self.expect_refusal(f"a redemption {where}", answer)

    def expect_recovery(self):
        try:
            relying.wait_until("sign-ins", self.probe.is_served, RECOVERY_S)
        except TimeoutError:
            self.complain(f"{RECOVERY_S} s after it is over nobody is signed in")

    def finish(self, check_all=True):
        """No more load; everything that was told is looked at, now and after a restart. What is wrong."""
        if self.load:
            self.load.join()
            for _, what, answer in self.load.troubles:
                if what != "command":
                    self.expect_refusal(what, answer)
        if check_all:
            self.checker.check()
            self.server.stop()
            self.server.start()
            self.checker.check()
        return self.wrong + self.history.violations


# ---- disk ----

def mount(s):
    path = tempfile.mkdtemp(prefix="full-", dir=s.work)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "avouch-crash", path], capture_output=True, check=False)
    if done.returncode != 0:
        raise suite.Skip(f"no file system of two megabytes: {done.stderr.decode().strip() or 'mount failed'}")
    return path


def fill(path):
    with open(os.path.join(path, FILES_FILLED), "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"\1" * 4096)
        except OSError:
            pass


def test_full_disk(s):
    path = mount(s)
    state = os.path.join(path, "state")
    try:
        with Trial(s, "full disk", directory=state) as t:
            fill(path)
            t.expect_full("on a full disk")
            t.expect_reading()
            t.expect_log(r"database is full.*No space left on device", "the disk is full")
            t.expect_command_refused("full|space")
            os.unlink(os.path.join(path, FILES_FILLED))
            t.expect_recovery()
            return t.finish()
    finally:
        subprocess.run(["umount", path], check=False)


def test_full_map(s, faults_binary):
    """Room comes back as records expire: a day passes, by a clock that the kernel vouches for."""
    clock = server.ClockShim(s.work)
    clock.set(synchronised=1)
    with Trial(s, "full map", loaded=False, binary=faults_binary, faults=f"map:{MAP_BYTES}", shims=[clock]) as t:
        t.expect_full("in a full map")
        t.expect_reading()
        t.expect_log(r"database is full.*MDB_MAP_FULL", "the map is full")
        t.expect_command_refused("full")
        t.server.stop()
        t.server.start()
        t.expect_log(r"database is nearly full: set database_max higher", "what mends it")
        clock.set(wall_ms=86400000)
        t.expect_recovery()
        t.server.stop()
        t.server.start()
        t.expect_recovery()
        t.checker.check_clients()
        t.checker.check_audit()
        return t.finish(check_all=False)


def test_slow_disk(s):
    disk = server.DiskShim(s.work)
    with Trial(s, "slow disk", shims=[disk]) as t:
        disk.set(delay_ms=500)
        end, documents = time.monotonic() + (20 if s.arguments.full else 4), []
        while time.monotonic() < end:
            code, answer = t.probe.sign_in()
            if code is None or answer.seconds < 0.5:
                t.complain(f"a sign-in on a slow disk: {answer!r} after {answer.seconds:.2f} s")
            t.expect_reading()
            documents += [t.probe.get("/.well-known/jwks.json").seconds for _ in range(20)]
        if statistics.median(documents) > 0.2:
            t.complain(f"a document took {statistics.median(documents):.2f} s while the disk was slow")
        disk.set(delay_ms=0)
        if t.load.troubles:
            t.complain(f"a {t.load.troubles[0][1]} was answered {t.load.troubles[0][2]!r}")
        t.expect_recovery()
        return t.finish()


def failing_disk(s, what, fail):
    disk = server.DiskShim(s.work)
    with Trial(s, what, shims=[disk]) as t:
        disk.set(fail=fail, times=-1)
        t.expect_refusal(f"a sign-in ({what})", t.until_refused())
        t.expect_refusal(f"a redemption ({what})", t.probe.redeem(t.code)[1])
        t.expect_reading()
        t.expect_log(r"the database failed.*Input/output error", "the disk fails, and how")
        t.expect_command_refused("failed|Input/output error")
        disk.set(fail=0)
        t.expect_recovery()
        return t.finish()


def test_failing_sync(s):
    return failing_disk(s, "fdatasync fails", server.DiskShim.EIO_SYNC)


def test_failing_pages(s):
    return failing_disk(s, "writing pages fails", server.DiskShim.EIO_PAGES)


def test_failing_meta(s):
    return failing_disk(s, "writing the last page fails", server.DiskShim.EIO_META)


# ---- clock ----

def jump(t, clock, ms, kids):
    """Refused while nobody knows, then again right; what there was is still there."""
    name = f"{ms / 60000:+.0f} min"
    clock.set(wall_ms=ms)
    code, answer = t.probe.sign_in()
    if code:
        t.complain(f"{name}: a code was issued right after the jump")
    t.expect_refusal(f"a sign-in right after {name}", answer)
    t.expect_refusal(f"a redemption right after {name}", t.probe.redeem(t.code)[1])
    if t.probe.ask(t.token).status == 401:
        t.complain(f"{name}: a good token is refused by a clock that nobody believes")
    time.sleep(2.2)  # upkeep has come by
    if set(t.server.kids()) != kids:
        t.complain(f"{name}: keys were rotated by the jump")
    t.expect_log("the clock has jumped|the clock is behind", "the clock has jumped, and what to do")


def test_clock_jumps(s):
    clock = server.ClockShim(s.work)
    with Trial(s, "clock", rotate=False, shims=[clock]) as t:
        kids = set(t.server.kids())
        for ms in (86400000, -86400000, 300000, -300000):
            jump(t, clock, ms, kids)
            clock.set(wall_ms=0, synchronised=1)
            t.expect_recovery()
            clock.set(synchronised=0)
            t.code, _ = t.probe.sign_in()
        return t.finish()


def test_clock_confirmed(s):
    """What ends the waiting: the kernel's word, a minute, or the operator's word."""
    clock = server.ClockShim(s.work)
    with Trial(s, "clock confirmed", loaded=False, shims=[clock]) as t:
        clock.set(wall_ms=300000)
        t.expect_refusal("before the kernel's word", t.probe.sign_in()[1])
        clock.set(synchronised=1)
        if not t.probe.is_served():
            t.complain("the kernel says that the time is synchronised, and nobody is signed in")
        clock.set(synchronised=0, wall_ms=3900000)
        t.expect_refusal("before a minute", t.probe.sign_in()[1])
        clock.set(wall_ms=3900000 + 61000, boot_ms=61000)
        if not t.probe.is_served():
            t.complain("a minute after the jump nobody is signed in")
        clock.set(synchronised=1, wall_ms=61000)
        answer = t.probe.sign_in()[1]
        t.expect_refusal("behind what was issued", answer)
        if b"set it right" not in answer.body:
            t.complain("the page does not say that the clock is wrong")
        t.expect_log("avouch clock accept", "what the operator has to do")
        status, _, err = t.server.command("clock", "accept")
        if status != 0 or not t.probe.is_served():
            t.complain(f"after avouch clock accept nobody is signed in {err.strip()}")
        return t.finish(check_all=False)


# ---- processor ----

def test_stopped(s):
    seconds = 30 if s.arguments.full else 4
    with Trial(s, "stopped") as t:
        t.server.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        t.server.process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        t.expect_recovery()
        s.say(f"signed in {(time.monotonic() - began) * 1000:.0f} ms after {seconds} s of standing still")
        if t.load.cut_by:
            t.complain(f"a client was cut off: {t.load.cut_by}")
        if t.load.troubles:
            t.complain(f"a {t.load.troubles[0][1]} was answered {t.load.troubles[0][2]!r}")
        if t.server.has_logged("the clock has jumped", t.since):
            t.complain("standing still was taken for a jump of the clock")
        return t.finish()


# ---- tailscaled ----

def test_localapi_hangs(s):
    """Nobody is signed in and no code is redeemed without it, and nobody is told that they are gone."""
    with Trial(s, "LocalAPI", kind=tailnet.TailnetServer) as t:
        t.server.api.fault({"kind": "hang", "path": "whois"})
        began = time.monotonic()
        t.expect_refusal("a sign-in while tailscaled hangs", t.probe.sign_in()[1])
        t.expect_refusal("a redemption while tailscaled hangs", t.probe.redeem(t.code)[1])
        if time.monotonic() - began > 15:
            t.complain(f"these two took {time.monotonic() - began:.1f} s")
        for what, answer in (("userinfo", t.probe.ask(t.token)), ("discovery", t.probe.get("/.well-known/openid-configuration"))):
            if answer.status != 200 or answer.seconds > 1:
                t.complain(f"{what} is answered {answer!r} meanwhile, after {answer.seconds:.1f} s")
        t.expect_log("no answer in time", "tailscaled does not answer")
        t.server.api.clear_faults()
        t.expect_recovery()
        if t.probe.redeem(t.code)[0] is None:
            t.complain("the code that was refused meanwhile does not work afterwards")
        return t.finish()


# ---- the process ----

def test_aborted(s):
    """The supervisor keeps the socket: nobody is refused, and sign-ins go on."""
    with Trial(s, "aborted", kind=supervised.SupervisedServer, tough=True) as t:
        gaps = []
        for _ in range(30 if s.arguments.full else 8):
            began = time.monotonic()
            t.server.abort()
            relying.wait_until("a sign-in", lambda: is_served_again(t), RECOVERY_S, 0.001)
            gaps.append(time.monotonic() - began)
            time.sleep(0.2)
        s.say(f"signed in {min(gaps) * 1000:.0f} to {max(gaps) * 1000:.0f} ms after an abort")
        t.load.join()
        refused = sum(isinstance(e, relying.Refused) for e in t.load.cuts)
        if refused:
            t.complain(f"{refused} connections were refused")
        if not t.load.cuts:
            t.complain("nobody noticed the aborts: there was no load")
        if max(gaps) > 5:
            t.complain(f"nobody was signed in for {max(gaps):.1f} s after an abort")
        return t.finish()


def is_served_again(t):
    try:
        return t.probe.is_served()
    except relying.Lost:
        return False
