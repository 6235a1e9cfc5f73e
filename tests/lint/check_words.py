"""Sources have no tabs, no blanks at the end of a line and a line end at the end; no work is left as a note; nothing points at
the machine of whoever wrote it."""
import re

import tree

SOURCES = (".c", ".h", ".def", ".py", ".sh", ".js", ".html", ".css", ".build", ".md", ".txt", ".yaml", ".1", ".5",
           ".clang-format", ".clang-tidy", ".gitignore")
# written in pieces, so that this file passes its own check
WORDS = [
    (r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b", "work left as a note: do it, or write it down in docs/HACKING.md"),
    (r"\.\./sha" r"red\b", "points outside the project"),
    (r"(?<![\w.])/(wo" r"rk|ro" r"ot|home/\w+)/", "a path of somebody's machine"),
]


def main():
    findings = tree.Findings()
    for path in sorted(set(tree.files(ends=SOURCES) + tree.files(".ci", "tests/lint"))):
        text = tree.read(path)
        if text and not text.endswith("\n"):
            findings.add(path, text.count("\n") + 1, "no line end at the end")
        for number, line in enumerate(text.splitlines(), 1):
            if "\t" in line:
                findings.add(path, number, "a tab")
            if line != line.rstrip():
                findings.add(path, number, "blanks at the end of the line")
            for pattern, what in WORDS:
                for m in re.finditer(pattern, line):
                    findings.add(path, number, f"`{m.group(0)}`: {what}")
    findings.exit()


main()
