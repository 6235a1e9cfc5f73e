"""A folder of src/ is a layer. Who may include whom, which file may know which foreign library, and what the rules may not call
because it is an argument: this table is the architecture (docs/HACKING.md)."""
import os
import re

import tree

# Layer: whose headers it may include besides its own and libc's.
LAYERS = {
    "base": set(),
    "crypto": {"base"},
    "store": {"base", "crypto"},
    "tailnet": {"base"},
    "oauth": {"base", "crypto", "store", "tailnet"},
    "http": {"base", "fetch"},
    "request": {"base", "crypto", "store", "tailnet", "oauth", "http"},
    "endpoint": {"base", "oauth", "request"},
    "fetch": {"base"},
    "app": {"base", "crypto", "store", "tailnet", "oauth", "http", "request", "endpoint", "fetch"},
}
# Closer than the layers: where this layer may use of that one only these.
ONLY = {
    ("store", "crypto"): {"digest.h"},
    # a program of its own: avouch knows how to speak with it
    ("http", "fetch"): {"fetch_message.h"},
    ("app", "fetch"): {"fetch_message.h", "fetch_allow.h"},
}

# A header belongs to the folder that has the .c of its name; these have none.
WITHOUT_C = {
    "now.h": "base",
    "machine.h": "request",
    "tailnet.h": "oauth",  # tailnet_memory.c
    "tpl.h": "templates",  # made from templates/
    "oauth_error.def": "oauth",
    "audit_event.def": "oauth",
    "route.def": "request",
}
TEMPLATES_FOR = {"request"}

# Foreign library: the files that may know it.
FOREIGN = {
    r"jansson\.h": r"src/base/json\w*\.c",
    r"openssl/.*": r"src/crypto/\w+\.c",
    r"cjose/.*": r"src/crypto/jose\.c",
    r"lmdb\.h": r"src/store/\w+\.[ch]",
    r"h2o(/.*|\.h)": r"src/http/\w+\.[ch]",
    r"yaml\.h": r"src/app/config\w*\.[ch]",
    r"seccomp\.h": r"src/fetch/fence\.c",
    r"curl/.*": r"src/fetch/transfer\.c",
}
# What needs no permission: C and the system.
LIBC = re.compile(
    r"(assert|ctype|endian|errno|float|inttypes|limits|locale|math|signal|std(align|arg|atomic|bool|def|int|io|lib|noreturn)|string|time"
    r"|dirent|dlfcn|fcntl|fts|ftw|getopt|grp|ifaddrs|libgen|netdb|poll|pthread|pwd|sched|semaphore|spawn|strings|syslog|termios"
    r"|unistd|(arpa|linux|net|netinet|sanitizer|sys)/\w+)\.h")

# Time, chance and surroundings are arguments here.
PURE = ("tailnet", "oauth")
CALLS = re.compile(
    r"\b(time|clock|clock_\w+|gettimeofday|localtime\w*|gmtime\w*|getenv|secure_getenv|setenv|rand|random|rand_r|getrandom"
    r"|arc4random\w*|socket|connect|open|openat|fopen|fork|sleep|usleep|nanosleep|pthread_create)\s*\(")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def layer_of_headers(sources):
    layers = dict(WITHOUT_C)
    for path in sources:
        folder, name = path.split("/")[1:]
        if name.endswith(".c"):
            layers.setdefault(name[:-2] + ".h", folder)
    return layers


def judge_ours(path, layer, name, layers, private):
    """Why this file may not include this header of ours; None: it may."""
    if "/" in name:
        return "a path: headers are named alone"
    if name in private:
        return None if private[name] == layer else f"it is {private[name]}'s own"
    if name not in layers:
        return "no folder has its .c: say whose it is in WITHOUT_C of tests/lint/check_layers.py"
    of = layers[name]
    if of == layer or (of == "templates" and layer in TEMPLATES_FOR):
        return None
    if of not in LAYERS[layer]:
        return f"{layer} may not know {of}"
    if name not in ONLY.get((layer, of), {name}):
        return f"{layer} may know only {', '.join(ONLY[layer, of])} of {of}"
    return None


def judge_foreign(path, name):
    if LIBC.fullmatch(name):
        return None
    for header, who in FOREIGN.items():
        if re.fullmatch(header, name):
            return None if re.fullmatch(who, path) else f"a foreign library that stops in {who}"
    return "a foreign library nobody has allowed: FOREIGN of tests/lint/check_layers.py"


def main():
    findings = tree.Findings()
    sources = tree.files("src", ends=(".c", ".h"))
    layers = layer_of_headers(sources)
    private = {os.path.basename(p): p.split("/")[1] for p in sources if p.endswith(".h")}
    public = tree.files("include/avouch", ends=(".h",))
    for path in sources + public:
        text = tree.read(path)
        code = tree.without_comments(text)
        name = os.path.basename(path)
        layer = path.split("/")[1] if path.startswith("src/") else layers.get(name)
        if layer not in LAYERS:
            findings.add(path, 1, "no layer: no folder of src/ has its .c, and LAYERS or WITHOUT_C of check_layers.py do not name it")
            continue
        for m in INCLUDE.finditer(code):
            why = judge_ours(path, layer, m[2], layers, private) if m[1] == '"' else judge_foreign(path, m[2])
            if why:
                findings.add(path, tree.line_of(code, m.start(1)), f"{layer} includes {m[1]}{m[2]}{'>' if m[1] == '<' else m[1]}: {why}")
        if layer in PURE and path.startswith("src/"):
            for m in CALLS.finditer(tree.without_comments(text, strings=False)):
                findings.add(path, tree.line_of(code, m.start(1)), f"{layer} calls {m[1]}(): it is an argument there")
    findings.exit()


main()
