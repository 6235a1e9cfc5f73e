"""Runs the tests of the bed: main.py AVOUCH PROGRAMS [TEST...], in the namespaces that run.sh made for it.

A test is a function; its parameter's name says what it is run for: `way` (avouch beside a tailscaled, in kernel mode and in userspace
mode), `any_way` (with a node of its own too), `own` or `kernel` (that alone), or `bed`. TEST is a part of a name."""
import glob
import importlib
import inspect
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

from bed import Bed
from provider import OwnProvider, Provider

SECONDS = 1200  # of the whole run, on a machine that has much else to do
DIRECTORY = "/run/bed"


class Way:
    """avouch on one node: kernel, userspace or own."""

    def __init__(self, bed, name, provider):
        self.bed, self.name, self.provider, self.node = bed, name, provider, provider.node

    @property
    def is_kernel(self):
        return self.name == "kernel"

    def say(self, what, seconds):
        print(f"#   {self.name}: {what}: {seconds:.2f} s", flush=True)


def make_ways(bed):
    ways = [Way(bed, "kernel", Provider(bed, bed["idp"])), Way(bed, "userspace", Provider(bed, bed["box"])),
            Way(bed, "own", OwnProvider(bed, bed.make_own("mine"), bed.control.join_key("--tags", "tag:idp", reusable=False)))]
    for way in ways:
        try:
            way.provider.start()
        except Exception as error:
            show_failure([way], error)
            raise
    bed["mine"].end_join()
    bed.meet(["mine"], ["alice", "bob", "phone", "old", "ci"])
    return ways


def tests_of(bed, ways, wanted):
    kinds = {"way": ways[:2], "any_way": ways, "own": ways[2:], "kernel": ways[:1], "bed": [bed]}
    for file in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "test_*.py"))):
        module = importlib.import_module(os.path.basename(file)[:-3])
        for name, function in list(vars(module).items()):
            if not name.startswith("test_") or inspect.getmodule(function) is not module:
                continue
            kind = next(iter(inspect.signature(function).parameters))
            for argument in kinds[kind]:
                full = name[5:] + (f"_{argument.name}" if kind.endswith("way") else "")
                if not wanted or any(w in full for w in wanted):
                    yield full, function, argument


def show_failure(ways, error):
    here = os.path.dirname(os.path.abspath(__file__))
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith(here):
            print(f"#   {os.path.relpath(frame.filename, here)}:{frame.lineno}: {frame.line}")
    print(f"#   {type(error).__name__}: {str(error)[:1000]}")
    for way in ways:
        for line in way.provider.lines()[-6:]:
            print(f"#   {way.name} log: {line}")


def run(tests, ways):
    passed = failed = 0
    for name, function, argument in tests:
        began = time.monotonic()
        try:
            function(argument)
            passed += 1
            print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception as error:
            failed += 1
            print(f"not ok {name} ({time.monotonic() - began:.1f} s)")
            show_failure([argument] if argument in ways else ways, error)
    return passed, failed


def end_late(signum, frame):
    print(f"# the whole run has taken {SECONDS} s\n0 passed, 1 failed, 0 skipped", flush=True)
    os._exit(1)


def prepare():
    """The machine's own /run is hidden, from us and from those that we start; ours ends with us."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    os.makedirs("/run/netns")
    with open("/run/resolv.conf", "w", encoding="ascii") as f:  # each tailscaled with an interface answers there
        f.write("nameserver 100.100.100.100\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", "/run/resolv.conf", "/etc/resolv.conf"], check=True)
    os.makedirs(DIRECTORY, mode=0o711)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, end_late)
    signal.alarm(SECONDS)


def main(avouch, programs, *words):
    wanted = [word for word in words if word != "--full"]  # that is all there is
    prepare()
    began = time.monotonic()
    bed = Bed(DIRECTORY, programs)
    bed.avouch = shutil.copy(avouch, DIRECTORY)  # may be built anew meanwhile, and lie where an ordinary user cannot read
    shutil.copy(os.path.join(os.path.dirname(avouch), "avouch-fetch"), DIRECTORY)
    bed.up()
    ways = make_ways(bed)
    print(f"# the bed is up after {time.monotonic() - began:.1f} s", flush=True)
    passed, failed = run(tests_of(bed, ways, wanted), ways)
    for way in ways:
        way.provider.stop()
    bed.down()
    print(f"# all of it in {time.monotonic() - began:.1f} s")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 0 if failed == 0 and passed > 0 else 1


sys.exit(main(*sys.argv[1:]))
