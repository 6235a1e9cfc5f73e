"""Killed at any instant, at named points inside a commit, and with the power cut."""
import os
import random
import signal
import time

import check
import load
import relying
import server

POINTS = {  # compiled in with -Dfaults=true: how often it is passed before it kills
    "commit-begun": (20, 200), "commit-before-sync": (20, 200), "commit-after-sync": (20, 200),
    "settle-signed": (20, 200), "settle-landed": (20, 200), "key-made": (1, 2), "key-stored": (1, 2),
}


class Kill:
    """What one cycle does, drawn from its seed."""

    def __init__(self, seed, fault=""):
        self.seed, self.rng = seed, random.Random(seed)
        self.seconds = self.rng.uniform(0.15, 1.2)
        self.cut_power = self.rng.random() < 0.5
        self.fault = fault

    def __repr__(self):
        how = f"at {self.fault}" if self.fault else f"after {self.seconds:.2f} s"
        return f"seed {self.seed}: killed {how}{', power cut' if self.cut_power else ''}"


class Cycles:
    """One database through many lives of the server."""

    def __init__(self, work, **kw):
        self.journal = os.path.join(work, "journal")
        self.disk = server.DiskShim(work)
        self.server, self.history = check.fresh(work, shims=[self.disk], journal=self.journal, **kw)
        self.checker = check.Checker(self.server, self.history)
        self.restarts = []
        self.doomed = set()

    def run(self, kill, arm=None):
        """Load, the kill, the restart, and the question whether all is still there."""
        if kill.fault and arm is None:
            self.server.stop()
            self.server.spawn(kill.fault)
            relying.wait_until("a server", self.is_up_or_dead, server.START_S, 0.005)
        work = load.Load(self.server, self.history, kill.seed).start()
        if arm:
            arm()
        if kill.fault:
            self.wait_for_death(kill)
        else:
            time.sleep(kill.seconds)
            if self.server.process.poll() is not None:
                self.history.violate(f"the server ended by itself: {self.server.last_words()}")
        if kill.cut_power:
            self.server.kill_commands()
        self.server.kill()
        work.join()
        for _, what, answer in work.troubles:
            self.history.violate(f"a {what} was answered {answer!r} while nothing was wrong")
        self.disk.set(kill_at=0)
        self.cut(kill)
        self.doomed = self.doomed | work.doomed_kids
        self.restarts.append(self.server.start())
        self.checker.check(self.doomed)

    def is_up_or_dead(self):
        """An order that waits for the server may lead it past a point at once."""
        return self.server.process.poll() is not None or self.server.answers()

    def wait_for_death(self, kill):
        try:
            self.server.process.wait(20)
        except Exception:
            self.history.violate(f"nobody came past {kill.fault} in 20 s")
        if self.server.process.poll() not in (None, -signal.SIGKILL):
            self.history.violate(f"the server ended with {self.server.process.returncode}: {self.server.last_words()}")

    def cut(self, kill):
        if kill.cut_power:
            undone, unsynced = check.power_cut(self.journal, os.path.join(self.server.state, "data.mdb"), kill.rng)
            self.history.note("unsynced writes", unsynced)
            self.history.note("writes undone", undone)
        elif os.path.exists(self.journal):
            os.truncate(self.journal, 0)  # the page cache outlives a process

    def end(self):
        self.server.destroy()

    @property
    def violations(self):
        return self.history.violations


def summary(history):
    names = ("sign-ins", "redemptions", "redemptions refused", "redemptions lost", "commands", "open codes checked",
             "unsure codes checked", "pages checked", "sessions checked", "tokens checked: alive", "tokens checked: ended", "tokens checked: maybe", "writes undone")
    return ", ".join(f"{history.count.get(n, 0)} {n}" for n in names)


def first_starts(work, rng, rounds, **kw):
    """Killed while the state is being made: the next start finds its way. The reasons where it does not."""
    wrong = []
    for _ in range(rounds):
        srv = server.Server(work, **kw)
        srv.spawn()
        time.sleep(rng.uniform(0, 0.08))
        srv.kill()
        try:
            srv.start()
            srv.add_client("first")
        except (RuntimeError, TimeoutError, relying.Lost, relying.Refused) as e:
            wrong.append(f"after a first start that was killed: {e}")
        srv.destroy()
    return wrong
