"""sh tests/bench/run.sh runs this."""
import argparse
import os
import re
import shutil
import sys
import tempfile
import time

import rig
import rows

DOCUMENT = os.path.join(rig.ROOT, "docs/performance.md")
BEGIN, END = "<!-- figures: sh tests/bench/run.sh --document -->", "<!-- end of the figures -->"


class Size:
    def __init__(self, quick, full):
        self.rounds = 5
        self.slice_s = 0.3 if quick else 0.8
        self.connections = 128
        self.signatures = {"RS256": 1000 if quick else 4000, "ES256": 4000 if quick else 12000}
        self.clients = 20_000 if quick else 1_000_000
        self.tokens = 50_000 if quick else 10_000_000 if full else 1_000_000
        self.full = 20_000 if quick else 1_000_000


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(figures):
    lines = ["| row | what | figure | target | meets it | of which |", "|---|---|---|---|---|---|"]
    for f in figures:
        target = "" if f.most is None else f"at most {f.most:g}"
        meets = {None: "", True: "yes", False: "**no**"}[f.meets()]
        lines.append(f"| {f.row} | {f.what} | {number(f.value)} {f.unit} | {target} | {meets} | {f.note} |")
    return lines


def write_document(lines, where):
    with open(DOCUMENT, encoding="utf-8") as f:
        text = f.read()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{DOCUMENT} has no place for the figures")
    body = "\n".join([BEGIN, "", f"Measured {time.strftime('%Y-%m-%d')} on {where}.", "", *lines, "", END])
    with open(DOCUMENT, "w", encoding="utf-8") as f:
        f.write(re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda m: body, text, flags=re.S))


def measure(bench, wanted):
    figures = []
    if wanted & set(rows.IN_ROUNDS):
        bench.rounds(wanted)
    for name in (*rows.IN_ROUNDS, *rows.ALONE):
        if name not in wanted:
            continue
        if name in rows.ALONE:
            say(f"{name} ...")
        for figure in getattr(bench, "row_" + name)():
            figures.append(figure)
            say(f"{figure.row}: {figure.what}: {number(figure.value)} {figure.unit}")
    return figures


def main():
    names = (*rows.IN_ROUNDS, *rows.ALONE)
    parser = argparse.ArgumentParser(prog="sh tests/bench/run.sh", description="Measures the server against nginx and its targets.")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="short slices and small databases: shows that it works, its figures are rough")
    parser.add_argument("--full", action="store_true", help="with 10,000,000 stored tokens: minutes and 4 GB more")
    parser.add_argument("--document", action="store_true", help="writes the table into docs/performance.md")
    parser.add_argument("row", nargs="*", help=", ".join(names))
    arguments = parser.parse_args()
    unknown = set(arguments.row) - set(names)
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    where, began = rig.machine(), time.monotonic()
    work = tempfile.mkdtemp(prefix="bench-", dir=arguments.build)
    the_rig = rig.Rig(arguments.build, os.path.abspath(work))
    try:
        bench = rows.Bench(the_rig, Size(arguments.quick, arguments.full), say)
        figures = measure(bench, set(arguments.row or names))
    finally:
        the_rig.end()
        if sys.exc_info()[0] is None or not os.environ.get("AVOUCH_BENCH_KEEP"):
            shutil.rmtree(work, ignore_errors=True)
    lines = table(figures)
    print("\n".join(["", where, "", *lines, ""]))
    if arguments.document:
        write_document(lines, where)
    missed = sum(f.meets() is False for f in figures)
    say(f"done in {time.monotonic() - began:.0f} s: {sum(f.meets() is True for f in figures)} targets met, {missed} missed")


main()
