"""What a person can meet is documented, and what is documented exists: routes, settings, subcommands, options, limits, error codes,
audit events, the tests that are named, and pages that are linked. Both sides are read, so a change of one without the other is a finding."""
import os
import re

import tree

LIMITS, ROUTES, ERRORS, EVENTS = "docs/limits.md", "docs/routes.md", "docs/errors.md", "docs/audit.md"
FIELD, SECURITY, RELIABILITY = "docs/field.md", "docs/security.md", "docs/reliability.md"
TAILNET = "docs/tailnet.md"
MANUAL, SETTINGS = "docs/man/avouch.1", "docs/man/avouch.yaml.5"

# Named numbers that nobody outside meets, by reason.
INSIDE = {
    "sizes of what is always that size": "BROWSER_BYTES CREDENTIAL_BYTES CREDENTIAL_TEXT_BYTES DOCUMENT_ETAG_BYTES ID_BYTES SEAL_KEY_BYTES"
    " SHA256_BYTES TIME_BYTES",
    "how work is cut into pieces": "STORED_ID_TRIES STORE_BATCH_MAX SWEEP_LOOKS_MAX GATHER_US",
    "our own code keeps to them; past them it would be wrong, and asserts or fails": "ANSWER_HEADERS_MAX KEY_BYTES_MAX LOOP_TIMERS_MAX"
    " SIGNING_TOKENS_MAX TXN_COUNTS_MAX TXN_READS_MAX TXN_WRITES_MAX RESPONSE_HEAD_BYTES_MAX FETCH_FRAME_BYTES_MAX FETCH_STEPS_MAX"
    " FETCH_TEXT_BYTES_MAX",
    "of pages: what is shown is cut, and a page is never that large": "PAGE_BYTES_MAX PAGE_NAME_CHARS_MAX PAGE_URI_BYTES_MAX",
}
LIMIT = re.compile(r"^#\s*define (\w+_(?:MAX|MIN|RESERVED|S|MS|US|BYTES|PERCENT|TRIES))\s+(.+?)\s*$", re.M)
# `unit/oauth/test_pkce.c: no plain (security 7)`; a fuzz target is named by its file alone
TEST = re.compile(r"`((?:unit|scenario|e2e|fuzz|browser|crash|race|strain|tailnet)/[\w/]+\.(?:c|py))(?::\s+([^`]+))?`")
TAP_NAME = r'\{ "((?:[^"\\]|\\.)+)",\s+\w+'
CITED = {FIELD: r"\bfield (\d\d(?:, \d\d)*)", SECURITY: r"\b[Ss]ecurity ((?:[A-Z]|\d{1,2})\b(?:(?:, | and )(?:[A-Z]|\d{1,2})\b)*)"}
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "s": 1, "min": 60, "h": 3600, "d": 86400}


class Docs:
    """Compares what there is with what is told of it."""

    def __init__(self):
        self.findings = tree.Findings()

    def compare(self, kind, there, told, page):
        """there, told: name to (path, line)."""
        for name in sorted(there.keys() - told.keys()):
            self.findings.add(*there[name], f"{kind} `{name}` is not in {page}")
        for name in sorted(told.keys() - there.keys()):
            self.findings.add(*told[name], f"there is no {kind} `{name}`")


def found(path, pattern, text=None, group=1):
    """Name to (path, line) of each match."""
    text = tree.read(path) if text is None else text
    return {m[group]: (path, tree.line_of(text, m.start(group))) for m in re.finditer(pattern, text, re.M)}


def table(path):
    """First cell to (cells, (path, line)); first cells are in backquotes."""
    rows = {}
    for number, line in enumerate(tree.read(path).splitlines(), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = (cells, (path, number))
    return rows


def places(rows):
    return {name: place for name, (_, place) in rows.items()}


def check_rows(docs, kind, def_file, row, page, judge):
    """Rows of a .def file against a page's table. judge(match, cells): what is wrong in the page, or None."""
    text, told = tree.read(def_file), table(page)
    docs.compare(kind, found(def_file, row, text), places(told), page)
    for m in re.finditer(row, text, re.M):
        cells, place = told.get(m[1], (None, None))
        wrong = cells and judge(m, cells)
        if wrong:
            docs.findings.add(*place, f"`{m[1]}`: {wrong}")


def judge_route(m, cells):
    methods = ", ".join(w[2:] for w in m[2].split(" | ") if w != "M_NO_HEAD")
    where = ", ".join(w[3:].lower() for w in m[3].split(" | "))
    scripts = {"CORS_ANY": "any", "CORS_NO": "no"}[m[4]]
    there = [methods, where, scripts]
    return None if cells[1:4] == there else f"route.def says {' | '.join(there)}"


def judge_error(m, cells):
    if cells[1] != m[2]:
        return f"its status is {m[2]}"
    if m[3] == "true" and cells[2] == "person":
        return "it may be sent to clients"
    return None


def check_settings(docs):
    source = "src/app/config_key.c"
    text = tree.read(source)
    there = found(source, r'^\s+\{ "([a-z_.]+)", ', text)
    there.update({"lifetimes." + name: place for name, place in found(source, r"^\s+LIFETIME\((\w+), \w+\)", text).items()})
    docs.compare("setting", there, found(SETTINGS, r"^\.It Ic ([\w.]+)$"), SETTINGS)


def options_there():
    command, serve = "src/app/command.c", "src/app/serve_settings.c"
    there = found(command, r'^\s+\{ "([a-z-]+)", AT\(')
    text = tree.read(serve)
    flags = re.search(r"flags\[\] = \{(.*?)\};", text, re.S)
    there.update(found(serve, r'\{ "([a-z-]+)", (?:NULL|"[a-z]+"), ', text[:flags.end()]))
    there["version"] = found(command, r'"--(version)"')["version"]
    return there


def check_options(docs):
    there = options_there()
    told = found(MANUAL, r"(?:\bFl|\|) -([a-z][a-z-]*)\b")
    told.update({n: p for n, p in found(SETTINGS, r"\bFl -([a-z][a-z-]*)\b").items() if n not in told})
    docs.compare("option", there, told, MANUAL)
    for path in ["README.md", *tree.files("docs", ends=(".md",)), *tree.files("templates", ends=(".html",)), "src/app/command_help.c"]:
        text = tree.read(path)
        # of avouch's own command lines only
        for line in re.finditer(r"^.*\bavouch (?:serve|client|person|key|audit)\b.*$|^\s*\"  --.*$|`--[a-z].*$", text, re.M):
            for name, _ in found(path, r"(?<![\w-])--([a-z][a-z-]*)", line[0]).items():
                if name not in there:
                    docs.findings.add(path, tree.line_of(text, line.start()), f"there is no option --{name}")


def check_subcommands(docs):
    there = found("src/app/command.c", r'^\s+\[\w+\] = \{ "([a-z]+ [a-z-]+)"')
    told, noun = {}, None
    for number, line in enumerate(tree.read(MANUAL).splitlines(), 1):
        section = re.fullmatch(r"\.S[sh] (?:avouch (\w+)|.*)", line)
        noun = section[1] if section else noun
        verb = re.match(r"\.It Cm ([a-z-]+)", line)
        if noun and verb:
            told[f"{noun} {verb[1]}"] = (MANUAL, number)
    docs.compare("subcommand", there, told, MANUAL)


def defines(headers):
    """Name to (value as written, (path, line)) of all object-like macros."""
    all_of = {}
    for path in headers:
        text = tree.without_comments(tree.read(path))
        for m in re.finditer(r"^#\s*define (\w+)[ \t]+([^\n\\]+)$", text, re.M):
            all_of.setdefault(m[1], (m[2].strip(), (path, tree.line_of(text, m.start()))))
    return all_of


def value_of(expression, all_of):
    """Of integer constants: casts and INT64_C() do not matter here."""
    text = re.sub(r"\(size_t\)|U?INT\d+_C", "", expression)
    text = re.sub(r"\b(\d+)[UL]+\b", r"\1", text)
    while names := set(re.findall(r"\b[A-Z]\w+\b", text)):
        for name in names:
            text = re.sub(rf"\b{name}\b", f"({re.sub(r'[(]size_t[)]|U?INT[0-9]+_C', '', all_of[name][0])})", text)
    if not re.fullmatch(r"[\d\s()+*<-]+", text):
        raise ValueError(expression)
    return eval(text)  # digits and operators only, as just checked


def told_value(cell, name):
    m = re.fullmatch(r"(\d+)(?: (\w+))?", cell)
    if not m or (m[2] or "") not in UNITS:
        return None
    return int(m[1]) * UNITS[m[2] or ""] * (1000 if name.endswith("_MS") else 1)


def check_limits(docs):
    all_of = defines(tree.files("include/avouch", ends=(".h",)))
    inside = set(" ".join(INSIDE.values()).split())
    limits = {n: v for n, v in all_of.items() if LIMIT.match(f"#define {n} {v[0]}") and not v[0].startswith('"')}
    told = table(LIMITS)
    docs.compare("limit", {n: p for n, (_, p) in limits.items() if n not in inside}, places(told), LIMITS)
    for name in sorted(inside - limits.keys()):
        docs.findings.add("tests/lint/check_docs.py", 1, f"there is no `{name}` any more: take it out of INSIDE")
    for name, (cells, place) in told.items():
        if name not in limits:
            continue
        written, (path, _) = limits[name]
        if told_value(cells[1], name) != value_of(written, all_of):
            docs.findings.add(*place, f"`{name}` is {written}, not {cells[1]}")
        if "include/avouch/" + cells[2] != path:
            docs.findings.add(*place, f"`{name}` is in {path}, not {cells[2]}")


# ---- tests that a page names ----


def names_in(path):
    """Of the tests of this file."""
    text = tree.read(path)
    if path.startswith("tests/browser/"):
        return set(re.findall(r'self\.report\("([^"]+)"', text))
    if path.endswith(".c"):
        return set(re.findall(TAP_NAME, text))
    return set(re.findall(r"^(?:def )?(test_\w+)(?:\(| = )", text, re.M)) | set(re.findall(r'^    "([^"]+)": \(', text, re.M))


def check_doctor(docs):
    """Every check of avouch doctor that has a name of its own."""
    there = {}
    for path in tree.files("src/app", ends=(".c",)):
        there.update(found(path, r'doctor_say\(\s*d,\s*"([a-z ]+)"'))
    text = tree.read(TAILNET)
    start = text.index("## What `avouch doctor` looks at")
    told = {m[1]: (TAILNET, tree.line_of(text, start + m.start())) for m in re.finditer(r"^\| `([a-z ]+)` \|", text[start:], re.M)}
    docs.compare("check of avouch doctor", there, told, TAILNET)


def check_tests(docs, page):
    text = tree.read(page)
    for m in TEST.finditer(text):
        path, place = "tests/" + m[1], (page, tree.line_of(text, m.start()))
        name = m[2] and " ".join(m[2].split())
        if not os.path.exists(os.path.join(tree.ROOT, path)):
            docs.findings.add(*place, f"there is no {path}")
        elif name is None and not m[1].startswith("fuzz/"):
            docs.findings.add(*place, f"which test of {path}?")
        elif name is not None and name not in names_in(path):
            docs.findings.add(*place, f"{path} has no test \"{name}\"")


def check_rows_have_tests(docs, page):
    """A row that begins with a number or a letter tells of a defence: something must show it."""
    for number, line in enumerate(tree.read(page).splitlines(), 1):
        if re.match(r"\| (?:\d|[A-Z]\b)", line) and not TEST.search(line):
            docs.findings.add(page, number, "no test shows this")


def check_citations(docs):
    """`field 07`, `security 5, 9` in the sources lead to a row, or to what the page says of later ones."""
    for path in tree.files("src", "include", "tests", ends=(".c", ".h", ".def", ".py", ".html")):
        if path == "tests/lint/check_docs.py":
            continue
        text = tree.read(path)
        for page, pattern in CITED.items():
            there = set(re.findall(r"\b(?:\d\d?|[A-Z])\b", "".join(re.findall(r"^\| [^|]+\||^Later.*(?:\n.+)*", tree.read(page), re.M))))
            for m in re.finditer(pattern, text):
                for no in set(re.findall(r"\d+|[A-Z]", m[1])) - there:
                    docs.findings.add(path, tree.line_of(text, m.start()), f"{page} has no row {no}")


# ---- links ----


def check_links(docs):
    for page in ["README.md", *tree.files("docs", ends=(".md",))]:
        text = tree.read(page)
        for m in re.finditer(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in m[1] and not os.path.exists(os.path.join(tree.ROOT, os.path.dirname(page), m[1])):
                docs.findings.add(page, tree.line_of(text, m.start()), f"{m[1]} is not there")
    for path in tree.files("src", "include", "tests", "contrib", "templates"):
        if not path.endswith((".c", ".h", ".def", ".py", ".sh", ".yaml", ".html", ".build")):
            continue
        text = tree.read(path)
        for m in re.finditer(r"\bdocs/[\w/]+\.(?:md|\d)\b", text):
            if not os.path.exists(os.path.join(tree.ROOT, m[0])):
                docs.findings.add(path, tree.line_of(text, m.start()), f"there is no {m[0]}")


def main():
    docs = Docs()
    check_rows(docs, "route", "include/avouch/route.def",
               r'^ROUTE\(\w+, "([^"]+)", (\w+(?: \| \w+)*), (\w+(?: \| \w+)*), \w+, (\w+), \w+\)', ROUTES, judge_route)
    check_rows(docs, "error code", "include/avouch/oauth_error.def",
               r'^OAUTH_ERROR\(\w+, "(\w+)", (\d+), (\w+)\)', ERRORS, judge_error)
    check_rows(docs, "audit event", "include/avouch/audit_event.def", r'^AUDIT_EVENT\(\w+, "(\w+)"\)', EVENTS, lambda m, cells: None)
    check_settings(docs)
    check_subcommands(docs)
    check_options(docs)
    check_limits(docs)
    check_doctor(docs)
    for page in (FIELD, SECURITY, RELIABILITY):
        check_tests(docs, page)
    check_rows_have_tests(docs, FIELD)
    check_rows_have_tests(docs, SECURITY)
    check_citations(docs)
    check_links(docs)
    docs.findings.exit()


main()
