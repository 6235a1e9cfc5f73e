"""Runs the fuzz targets; run.sh calls it. Which lines a target exists for stands in the file `targets`."""
import argparse
import collections
import concurrent.futures
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import cover

HERE = os.path.relpath(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "avouch", "fuzz")
AT_A_TIME = 2
PERCENT = 80
CACHED_INPUTS_MAX = 1000  # of a target; past it only those that reach something are kept
CACHED_PER_SECOND = 20  # of the time given, so many are tried again at the beginning: whole requests are a hundred a second
INPUT_SECONDS = 20  # an input that takes longer has found something
MEMORY_MIB = 1024
GRACE_SECONDS = 120  # beyond the time given, for the inputs there are already

Outcome = collections.namedtuple("Outcome", "name wrong summary notes")


def read_targets():
    """Name to what it exists for, in order."""
    rows, name = {}, None
    with open(os.path.join(HERE, "targets"), encoding="utf-8") as f:
        for line in f:
            words = [] if line.startswith("#") else line.split()
            if words and not line[0].isspace():
                name = words.pop(0)
            if words:
                rows.setdefault(name, []).extend(words)
    return rows


class Fuzzed:
    """One target: its program, its inputs, and a scratch directory that goes with it."""

    def __init__(self, arguments, name):
        self.name, self.arguments = name, arguments
        self.binary = os.path.join(arguments.build, "tests", "fuzz", "fuzz_" + name)
        self.corpus = os.path.join(HERE, "corpus", name)
        self.cache = os.path.join(CACHE, name)
        self.found = os.path.join(arguments.build, "found")  # inputs that failed
        os.makedirs(self.cache, exist_ok=True)
        os.makedirs(self.found, exist_ok=True)
        self.scratch = tempfile.mkdtemp(prefix="avouch-fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def run(self, options, *folders, seconds=0, profile="/dev/null"):
        """What libFuzzer said, and its status."""
        env = dict(os.environ, TMPDIR=self.scratch, LLVM_PROFILE_FILE=profile)
        limits = [f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={self.found}/{self.name}-"]
        try:
            r = subprocess.run([self.binary, *limits, *options, *folders], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=seconds + GRACE_SECONDS, check=False)
        except subprocess.TimeoutExpired as e:
            return (e.stdout or b"").decode(errors="replace"), f"no end after {seconds + GRACE_SECONDS} s"
        return r.stdout.decode(errors="replace"), f"status {r.returncode}" if r.returncode else None

    def folder(self, name):
        path = os.path.join(self.scratch, name)
        os.mkdir(path)
        return path

    def sample(self):
        """Some of the cached inputs, others each time."""
        folder, names = self.folder("sample"), os.listdir(self.cache)
        for name in random.sample(names, min(len(names), CACHED_PER_SECOND * self.arguments.seconds)):
            shutil.copy(os.path.join(self.cache, name), folder)
        return folder

    def fuzz(self):
        dictionary, new = os.path.join(HERE, "dictionary", self.name + ".dict"), self.folder("new")
        options = [f"-max_total_time={self.arguments.seconds}", f"-dict={dictionary}", "-print_final_stats=1", "-reload=0"]
        result = self.run(options, new, self.corpus, self.sample(), seconds=self.arguments.seconds)
        shutil.copytree(new, self.cache, dirs_exist_ok=True)
        return result

    def merge(self, into, *options):
        """Copies into a folder what of the cache reaches something that the folder does not."""
        return self.run(["-merge=1", *options], into, self.cache, seconds=600)

    def trim_cache(self):
        names = os.listdir(self.cache)
        if len(names) <= CACHED_INPUTS_MAX:
            return
        fewer = self.folder("fewer")
        if self.merge(fewer, "-set_cover_merge=1")[1] is None:
            for name in set(names) - set(os.listdir(fewer)):
                os.unlink(os.path.join(self.cache, name))

    def keep(self):
        """New edges only, and not how often they were run over: a corpus is to be read, too."""
        before = set(os.listdir(self.corpus))
        said, wrong = self.merge(self.corpus, "-use_counters=0")
        return wrong and f"the merge: {wrong}", len(set(os.listdir(self.corpus)) - before), said

    def coverage(self, wanted):
        raw, profile = os.path.join(self.scratch, "raw"), os.path.join(self.scratch, "profile")
        said, wrong = self.run(["-runs=0"], self.corpus, profile=raw)
        if wrong:
            return wrong, [], said
        cover.merge(profile, [raw])
        files = cover.read([self.binary], profile)
        return None, [cover.of(files, w) for w in wanted], said


def tail(text, n=25):
    return ["# " + line for line in text.rstrip().splitlines()[-n:]]


def statistic(said, name):
    m = re.search(rf"^stat::{name}:\s+(\d+)", said, re.M)
    return int(m[1]) if m else 0


def judge_coverage(target, wanted):
    wrong, parts, said = target.coverage(wanted)
    if wrong:
        return f"the corpus alone: {wrong}", "", tail(said)
    hit, total = sum(c.hit for c in parts), sum(c.total for c in parts)
    percent = 100 * hit // total
    missed = [f"# not reached: {line}" for c in parts for line in c.missed] if target.arguments.missed else []
    too_few = f"its corpus reaches {percent} % of the lines it exists for, {PERCENT} is the least" if percent < PERCENT else None
    return too_few, f"{hit} of {total} lines ({percent} %)", missed


def fuzz_one(arguments, name, wanted):
    with Fuzzed(arguments, name) as target:
        said, wrong = target.fuzz()
        if wrong:
            inputs = re.findall(r"Test unit written to (\S+)", said)
            return Outcome(name, f"{wrong}; the input is {', '.join(inputs) or 'not known'}", "", tail(said))
        summary, kept = f"{statistic(said, 'number_of_executed_units')} executions in {arguments.seconds} s", 0
        if arguments.keep:
            wrong, kept, said = target.keep()
            if wrong:
                return Outcome(name, wrong, "", tail(said))
        target.trim_cache()
        wrong, reached, notes = judge_coverage(target, wanted)
        return Outcome(name, wrong, f"{summary}, {reached}" + (f", {kept} inputs kept" if arguments.keep else ""), notes)


def fuzz_safely(arguments, name, wanted):
    try:
        return fuzz_one(arguments, name, wanted)
    except (LookupError, OSError, subprocess.SubprocessError) as e:
        return Outcome(name, f"{type(e).__name__}: {e}", "", [])


def find_unlisted(targets):
    """Sources and rows must be the same."""
    sources = {os.path.basename(p)[len("fuzz_"):-len(".c")] for p in glob.glob(os.path.join(HERE, "fuzz_*.c"))}
    for name in sorted(sources ^ targets.keys()):
        yield Outcome(name, "it has no row in tests/fuzz/targets" if name in sources else f"there is no {HERE}/fuzz_{name}.c", "", [])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--missed", action="store_true")
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    targets, passed, failed = read_targets(), 0, 0
    chosen = {n: targets.get(n, []) for n in arguments.targets or targets}
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        futures = [pool.submit(fuzz_safely, arguments, n, w) for n, w in chosen.items()]
        for outcome in [*find_unlisted(targets), *(f.result() for f in futures)]:
            passed, failed = passed + (not outcome.wrong), failed + bool(outcome.wrong)
            print(f"not ok {outcome.name} - {outcome.wrong}" if outcome.wrong else f"ok {outcome.name}: {outcome.summary}")
            print("".join(line + "\n" for line in outcome.notes), end="", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 0 if failed == 0 and passed > 0 else 1


sys.exit(main())
