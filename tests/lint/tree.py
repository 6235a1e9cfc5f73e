"""What the checks share: the files of the project, C without its comments, and how findings are told."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOT_OURS = re.compile(r"^(\.git|build.*|__pycache__|corpus)$")  # a corpus is bytes, not text


def files(*places, ends=("",)):
    """Relative paths of the files under these places that end so, in order."""
    found = []
    for place in places or (".",):
        for folder, folders, names in os.walk(os.path.join(ROOT, place)):
            folders[:] = sorted(f for f in folders if not NOT_OURS.match(f))
            found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names if n.endswith(ends)]
    return sorted(set(found))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comments(text, strings=True):
    """C with blanks for comments, and for what is in quotes unless strings are to stay. Lines stay where they are."""
    def blank(m):
        token = m.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token if strings else token[0] + " " * (len(token) - 2) + token[0]
    return TOKEN.sub(blank, text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


class Findings:
    def __init__(self):
        self.n = 0

    def add(self, path, line, what):
        self.n += 1
        print(f"{path}:{line}: {what}")

    def exit(self):
        sys.exit(1 if self.n else 0)
