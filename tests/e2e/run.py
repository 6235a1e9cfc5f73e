"""Runs the tests of this folder: every function test_NAME of every test_*.py is the test NAME. usage: run.py [NAME...], where NAME may
be a test, a beginning of names ending in *, or a file. One line a test, then "N passed, N failed, N skipped"."""

import concurrent.futures
import faulthandler
import fnmatch
import glob
import importlib
import os
import signal
import sys
import threading
import time
import traceback

import support

JOBS = int(os.environ.get("AVOUCH_E2E_JOBS", "4"))
RUN_S = int(os.environ.get("AVOUCH_E2E_SECONDS", "600"))  # past it the run is ended, whatever hangs
SLOW_S = 5


def collect(wanted):
    """(name, function), the slow ones first so that the end is not waited for."""
    found = []
    for path in sorted(glob.glob(os.path.join(support.HERE, "test_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, function in vars(module).items():
            if name.startswith("test_") and callable(function) and function.__module__ == module.__name__:
                found.append((name[len("test_"):], function, os.path.basename(path)))
    names = [name for name, _, _ in found]
    assert len(names) == len(set(names)), f"two tests of one name: {[n for n in names if names.count(n) > 1]}"
    chosen = [t for t in found if not wanted or any(fnmatch.fnmatch(t[0], w) or t[2] == os.path.basename(w) for w in wanted)]
    return sorted(chosen, key=lambda t: not getattr(t[1], "slow", False))


def brief(e):
    """One line: what failed, and where in the tests."""
    frames = [f for f in traceback.extract_tb(e.__traceback__) if os.path.basename(f.filename) != "support.py"]
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    text = " ".join(" ".join([*getattr(e, "__notes__", []), str(e)]).split()) or traceback.format_exception_only(type(e), e)[-1].strip()
    return f"{'' if isinstance(e, AssertionError) else type(e).__name__ + ': '}{text[:600]} ({where})"


class Run:
    def __init__(self):
        self.count, self.guard = {"ok": 0, "not ok": 0, "skip": 0}, threading.Lock()

    def say(self, kind, line):
        with self.guard:
            self.count[kind] += 1
            print(line, flush=True)

    def one(self, name, function):
        begun = time.monotonic()
        try:
            function()
        except support.Skip as e:
            self.say("skip", f"ok {name} # SKIP {e}")
        except Exception as e:  # whatever it is, the other tests go on
            if os.environ.get("AVOUCH_E2E_TRACE"):
                traceback.print_exc()
            self.say("not ok", f"not ok {name} - {brief(e)}")
        else:
            took = time.monotonic() - begun
            self.say("ok", f"ok {name}" + (f" # {took:.1f} s" if took > SLOW_S else ""))

    def end(self):
        """Every server must have ended well, too."""
        wrong = support.stop_all()
        if wrong:
            self.say("not ok", "not ok servers_end_well - " + " ".join(" ".join(w.split())[:800] for w in wrong))
        else:
            self.say("ok", "ok servers_end_well")
        c = self.count
        print(f"{c['ok']} passed, {c['not ok']} failed, {c['skip']} skipped", flush=True)
        return 1 if c["not ok"] or not c["ok"] else 0


def give_up(why=f"not done after {RUN_S} s"):
    print(f"not ok run - {why}", flush=True)
    support.leave()
    os._exit(1)


def hangs():
    faulthandler.dump_traceback()
    give_up()


def main():
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, lambda *_: give_up("interrupted"))
    if not os.access(support.BINARY, os.X_OK):
        give_up(f"there is no {support.BINARY}: build it, or set AVOUCH_BIN")
    watchdog = threading.Timer(RUN_S, hangs)
    watchdog.daemon = True
    watchdog.start()
    tests = collect(sys.argv[1:])
    if not tests:
        sys.exit(f"no test is called {' '.join(sys.argv[1:])}")
    run = Run()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, function, _ in tests:
            pool.submit(run.one, name, function)
    sys.exit(run.end())


main()
