"""clang-tidy over src/ and tests/, as .clang-tidy says. What it said is kept by a hash of all it saw - the preprocessed file with
comments and macros, the compiler's options, .clang-tidy, its own version - so a file is looked at again only when that changes.
usage: check_tidy.py BUILD     a build directory made with CC=clang: gcc's own options would be errors"""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time

import tree

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "avouch", "tidy")
KEEP_DAYS = 30
FINDING = re.compile(r"^(\S+?):(\d+):\d+: (?:error|warning): ([\s\S]*?) \[([\w.-]+)(?:,-warnings-as-errors)?\]\n"
                     r"(?:(?:.*\n){2}\S+: note: (.*))?", re.M)


def run(command, folder=tree.ROOT):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode(errors="replace"), done.returncode


def commands(build):
    """Path to (folder, compiler and options), of the first target a file is built for."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        entries = json.load(f)
    found = {}
    for e in entries:
        path = os.path.relpath(os.path.join(e["directory"], e["file"]), tree.ROOT)
        if path.startswith(("src/", "tests/")):
            found.setdefault(path, (e["directory"], shlex.split(e["command"])))
    return found


def preprocessor(command):
    """The compiler's command without what it would write."""
    kept, skip = [], False
    for word in command:
        if not skip and word not in ("-c", "-MD", "-o", "-MQ", "-MF"):
            kept.append(word)
        skip = not skip and word in ("-o", "-MQ", "-MF")
    return kept + ["-E", "-CC", "-dD"]  # with comments and macros: NOLINT counts, and so do definitions


def findings_in(said, build):
    for m in FINDING.finditer(said):
        path = os.path.relpath(os.path.join(build, m[1]), tree.ROOT)
        count = f" ({m[5]})" if m[5] and m[4].startswith("readability-function") else ""
        yield path, int(m[2]), f"{' '.join(m[3].split())} [{m[4]}]{count}"


def look(build, path, folder, command, common):
    """What clang-tidy finds in this file, from memory if it can be."""
    seen, _ = run(preprocessor(command), folder)
    key = hashlib.sha256("\0".join([common, path, " ".join(command), seen]).encode())
    memory = os.path.join(CACHE, key.hexdigest())
    if os.path.exists(memory):
        os.utime(memory)
        with open(memory, encoding="utf-8") as f:
            return list(findings_in(f.read(), build))
    said, status = run(["clang-tidy", "-p", build, "--quiet", os.path.join(tree.ROOT, path)])
    found = list(findings_in(said, build))
    if status != 0 and not found:
        return [(path, 1, f"clang-tidy ended with {status}: {said[-200:]}")]
    with open(f"{memory}.{os.getpid()}", "w", encoding="utf-8") as f:
        f.write(said)
    os.replace(f"{memory}.{os.getpid()}", memory)
    return found


def forget_the_old():
    for name in os.listdir(CACHE):
        path = os.path.join(CACHE, name)
        if os.stat(path).st_mtime < time.time() - KEEP_DAYS * 86400:
            os.remove(path)


def main():
    build = os.path.abspath(sys.argv[1])
    findings = tree.Findings()
    os.makedirs(CACHE, exist_ok=True)
    common = run(["clang-tidy", "--version"])[0] + tree.read(".clang-tidy")
    todo = commands(build)
    for path in tree.files("src", "tests", ends=(".c",)):
        if path not in todo:
            findings.add(path, 1, "no meson.build builds it")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(lambda path: look(build, path, *todo[path], common), sorted(todo))
        # a header is seen from many files
        for path, line, what in sorted({f for found in answers for f in found}):
            findings.add(path, line, what)
    forget_the_old()
    findings.exit()


main()
