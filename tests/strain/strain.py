"""The strain suite; run.sh calls it."""
import argparse
import json
import os
import random
import resource
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "crash"))

import check  # noqa: E402
import probe  # noqa: E402
import relying  # noqa: E402
import server  # noqa: E402
import suite  # noqa: E402
import tailnet  # noqa: E402
import timing  # noqa: E402

CROWD = 10000
CROWD_S = 14
MEASURE_S = 5
P99_RATIO, P99_FLOOR_S = 2, 0.025  # where a crowd has one of two cores, some milliseconds say nothing
RSS_MAX_MIB = 400  # CONNECTIONS_MAX bodies of 64 KiB, and what h2o keeps beside them
FILES_FEW = 300
DISPLACED_MAX = 0.05  # of the sign-ins: between two requests a connection stands still like any other
DISCOVERY = "/.well-known/openid-configuration"


def percentile(values, p):
    return sorted(values)[int(p * (len(values) - 1))]


class Users:
    """Those for whom it is all done: discovery over a connection that is kept, sign-ins over a new one each."""

    def __init__(self, srv, history, seconds):
        self.server, self.history, self.end = srv, history, time.monotonic() + seconds
        self.discovery, self.sign_ins, self.wrong = [], [], []
        self.displaced = 0

    def watch_discovery(self):
        line = self.server.connection("127.0.0.1")
        request = relying.get(self.server.host, DISCOVERY)
        while time.monotonic() < self.end:
            began = time.monotonic()
            try:
                if line.ask(request).status != 200:
                    self.wrong.append("discovery is refused")
            except relying.Lost as e:
                self.wrong.append(f"discovery: {e}")
            self.discovery.append(time.monotonic() - began)
            time.sleep(0.001)
        line.close()

    def sign_in(self):
        while time.monotonic() < self.end:
            began = time.monotonic()
            p = probe.Probe(self.server, self.history)
            try:
                p.whole()
            except relying.Lost:
                self.displaced += 1
            except (RuntimeError, relying.Refused) as e:
                self.wrong.append(f"a sign-in: {e}")
            p.line.close()
            self.sign_ins.append(time.monotonic() - began)

    def run(self):
        threads = [threading.Thread(target=t) for t in (self.watch_discovery, self.sign_in)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if self.displaced > DISPLACED_MAX * len(self.sign_ins):
            self.wrong.append(f"{self.displaced} of {len(self.sign_ins)} sign-ins lost their connection")
        return self


def rss_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


def file_limit(srv, n):
    """Of a running server; the limit that it had."""
    _, hard = before = resource.prlimit(srv.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(srv.process.pid, resource.RLIMIT_NOFILE, (n, hard))
    return before[0]


def start_crowd(srv, count, seconds):
    return subprocess.Popen(["nice", "-n", "19", sys.executable, "-B", os.path.join(HERE, "crowd.py"), str(srv.port), srv.host, str(count), str(seconds)],
                            stdout=subprocess.PIPE)


def end_crowd(crowd):
    out, _ = crowd.communicate(timeout=60)
    return json.loads(out)


def raise_own_limit(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < n:
        raise suite.Skip(f"this shell may have {hard} open files, and {n} are needed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), hard))


def told(users):
    return (f"{users.displaced} displaced; discovery p50 {percentile(users.discovery, 0.5) * 1000:.2f} ms, p99 {percentile(users.discovery, 0.99) * 1000:.2f} ms; "
            f"{len(users.sign_ins)} sign-ins, p50 {percentile(users.sign_ins, 0.5) * 1000:.1f} ms, "
            f"p99 {percentile(users.sign_ins, 0.99) * 1000:.1f} ms")


def test_slow_crowd(s):
    """Ten thousand that are slow on purpose, more than there are places: they displace each other, and whoever is served notices little."""
    raise_own_limit(CROWD + 1000)
    srv, history = check.fresh(s.work)
    alone = Users(srv, history, MEASURE_S).run()
    rss_alone = rss_mib(srv.process.pid)
    crowd = start_crowd(srv, CROWD, CROWD_S)
    time.sleep(CROWD_S - MEASURE_S - 1)
    beside = Users(srv, history, MEASURE_S).run()
    rss = rss_mib(srv.process.pid)
    seen = end_crowd(crowd)
    s.say(f"alone: {told(alone)}")
    s.say(f"beside {seen['opened']} slow connections, {seen['most']} at a time, {seen['cut']} cut: {told(beside)}")
    s.say(f"memory: {rss_alone:.0f} MiB alone, {rss:.0f} MiB beside them")
    wrong = alone.wrong + beside.wrong
    p99_alone, p99 = percentile(alone.discovery, 0.99), percentile(beside.discovery, 0.99)
    if p99 > max(P99_RATIO * p99_alone, P99_FLOOR_S):
        wrong.append(f"discovery's p99 is {p99 * 1000:.1f} ms beside the crowd, {p99_alone * 1000:.1f} ms alone")
    if rss > RSS_MAX_MIB:
        wrong.append(f"{rss:.0f} MiB of memory")
    if seen["opened"] < CROWD or seen["cut"] == 0:
        wrong.append(f"there was no such crowd: {seen}")
    after = Users(srv, history, 1).run()
    srv.destroy()
    return wrong + after.wrong + history.violations


def test_few_files(s):
    """A supervisor that allows few files: connections leave enough of them for tailscaled and the database."""
    raise_own_limit(CROWD + 1000)
    srv, history = check.fresh(s.work, kind=tailnet.TailnetServer)
    srv.stop()
    srv.wrapper = ["prlimit", f"--nofile={FILES_FEW}:{FILES_FEW}", *server.Server.wrapper]
    srv.start()
    crowd = start_crowd(srv, 4 * FILES_FEW, CROWD_S / 2)
    time.sleep(1)
    users = Users(srv, history, CROWD_S / 2 - 2).run()
    seen = end_crowd(crowd)
    s.say(f"with {FILES_FEW} files, beside {seen['most']} slow connections: {told(users)}")
    srv.destroy()
    return users.wrong + history.violations + ([] if seen["cut"] else ["nobody was displaced"])


def test_no_files(s):
    """Not one more file: who is connected is served, newcomers wait, and are served when there are files again."""
    srv, history = check.fresh(s.work)
    old, new, wrong = probe.Probe(srv, history), probe.Probe(srv, history, person=2), []
    old.whole()
    before = file_limit(srv, len(os.listdir(f"/proc/{srv.process.pid}/fd")))
    for _ in range(20):
        old.whole()
    waiting = threading.Thread(target=lambda: wrong.extend([] if new.is_served() else ["who waited is refused"]))
    waiting.start()
    time.sleep(1)
    if not waiting.is_alive():
        wrong.append("a newcomer was served without a file")
    old.whole()
    file_limit(srv, before)
    waiting.join(10)
    if waiting.is_alive():
        wrong.append("a newcomer still waits, 10 s after there are files again")
    srv.destroy()
    return wrong + history.violations


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--full", action="store_true", help="ten times as many samples")
    parser.add_argument("--only", default="", help="tests whose name has this in it")
    parser.add_argument("--keep", action="store_true", help="leave the working directory")
    s = suite.Suite(parser.parse_args())
    s.rng = random.Random(s.arguments.seed)
    s.say(f"seed {s.arguments.seed}, {server.default_binary()}")
    for name, test in (("slow-crowd", test_slow_crowd), ("few-files", test_few_files), ("no-files", test_no_files),
                       ("timing-control", timing.test_control), ("timing-clients", timing.test_clients), ("timing-codes", timing.test_codes)):
        if s.arguments.only in name:
            s.run(name, test)
    return s.end()


if __name__ == "__main__":
    sys.exit(main())
