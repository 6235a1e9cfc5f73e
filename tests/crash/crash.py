"""The crash suite; run.sh calls it. Its tests in the order of what they rest on."""
import argparse
import os
import random
import signal
import sys

import cycles
import server
import suite
import troubles


LIFE_CYCLES = 50  # of one database: its people have so many sessions at most


def faults_binary(s):
    path = os.environ.get("AVOUCH_FAULTS_BIN", "")
    if not path or not os.path.exists(path):
        raise suite.Skip("there is no build with -Dfaults=true: AVOUCH_FAULTS_BIN names it")
    return s.copy(os.path.abspath(path), "avouch-faults")


def test_no_faults(s):
    """What production runs cannot be told to fail."""
    return [f"{server.default_binary()} was built with -Dfaults=true"] if server.has_faults(s.binary) else []


def test_first_starts(s):
    return cycles.first_starts(s.work, random.Random(s.arguments.seed), 200 if s.arguments.full else 10)


def run_cycles(s, seeds):
    """One database through these. What is wrong."""
    life = cycles.Cycles(s.work)
    try:
        for seed in seeds:
            kill = cycles.Kill(seed)
            life.run(kill)
            if life.violations:
                s.say(f"{kill}: run it alone with --seed {seed} --cycles 1")
                break
    finally:
        life.end()
    s.say(f"{len(life.restarts)} cycles from seed {seeds[0]} on: {cycles.summary(life.history)}")
    s.say(f"serving again after {min(life.restarts) * 1000:.0f} to {max(life.restarts) * 1000:.0f} ms")
    return life.violations


def test_cycles(s):
    seeds = range(s.arguments.seed, s.arguments.seed + s.arguments.cycles)
    for n in range(0, len(seeds), LIFE_CYCLES):
        wrong = run_cycles(s, seeds[n:n + LIFE_CYCLES])
        if wrong:
            return wrong
    return []


def at_points(s, points, kill, **kw):
    """Each once on one database; with --full each twenty times on one of its own. kill(life, rng, point) makes one cycle."""
    rng = random.Random(s.arguments.seed)
    groups = [[p] * 20 for p in points] if s.arguments.full else [points]
    for group in groups:
        life = cycles.Cycles(s.work, **kw)
        try:
            for point in group:
                kill(life, rng, point)
                if life.violations:
                    return [f"{point}: {v}" for v in life.violations]
        finally:
            life.end()
    return []


def test_points(s):
    """Inside our own code: the process kills itself."""
    def kill(life, rng, point):
        life.run(cycles.Kill(rng.randrange(1 << 30), fault=f"{point}:{rng.randint(*cycles.POINTS[point])}"))

    return at_points(s, list(cycles.POINTS), kill, binary=faults_binary(s))


def test_disk_points(s):
    """Between LMDB's own steps: the process is killed as it calls the kernel."""
    def kill(life, rng, point):
        passes, number = rng.randint(20, 300), life.disk.POINTS.index(point)
        life.run(cycles.Kill(rng.randrange(1 << 30), fault=point), arm=lambda: life.disk.set(countdown=passes, kill_at=number))

    return at_points(s, server.DiskShim.POINTS[1:], kill)


test_full_disk = troubles.test_full_disk
test_slow_disk = troubles.test_slow_disk
test_failing_sync = troubles.test_failing_sync
test_failing_pages = troubles.test_failing_pages
test_failing_meta = troubles.test_failing_meta
test_clock_jumps = troubles.test_clock_jumps
test_clock_confirmed = troubles.test_clock_confirmed
test_stopped = troubles.test_stopped
test_localapi_hangs = troubles.test_localapi_hangs
test_aborted = troubles.test_aborted


def test_full_map(s):
    return troubles.test_full_map(s, faults_binary(s))


def is_caught(s, fault, words):
    """The harness itself: a server that is wrong on purpose must not pass."""
    life = cycles.Cycles(s.work, binary=faults_binary(s), faults=fault)
    try:
        for n in range(10):
            kill = cycles.Kill(s.arguments.seed + n)
            kill.cut_power = True
            try:
                life.run(kill)
            except RuntimeError as e:  # it does not even start
                life.history.violate(f"lost: {e}")
            if any(w in v for v in life.violations for w in words):
                s.say(f"{fault}: caught in cycle {n + 1}: {life.violations[0]}")
                return []
    finally:
        life.end()
    return [f"a build with {fault} passed 10 cycles"]


def test_no_sync_is_caught(s):
    return is_caught(s, "no-sync", ["lost"])


def test_no_compare_is_caught(s):
    return is_caught(s, "no-compare", ["worked twice"])


def read_arguments():
    parser = argparse.ArgumentParser(prog="tests/crash/run.sh")
    parser.add_argument("--cycles", type=int, help="how many SIGKILLs at random instants (25; with --full 500)")
    parser.add_argument("--seed", type=int, help="of the first cycle; the next ones count up")
    parser.add_argument("--full", action="store_true", help="everything for longer")
    parser.add_argument("--only", help="tests whose name has this in it")
    parser.add_argument("--keep", action="store_true", help="leave the working directory")
    a = parser.parse_args()
    a.only = a.only or ("cycles" if a.seed is not None and a.cycles is not None else "")
    a.cycles = a.cycles or (500 if a.full else 25)
    a.seed = a.seed if a.seed is not None else random.SystemRandom().randrange(1, 1000000) * 1000
    return a


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    s = suite.Suite(read_arguments())
    s.say(f"seed {s.arguments.seed}, {server.default_binary()}")
    tests = {name.removeprefix("test_").replace("_", "-"): f for name, f in globals().items() if name.startswith("test_")}
    try:
        s.shim("disk")
        s.shim("clock")
        for name, test in tests.items():
            if s.arguments.only in name:
                s.run(name, test)
    finally:
        status = s.end()
    return status


if __name__ == "__main__":
    sys.exit(main())
