"""Line coverage of chosen files or functions, as clang counts it (-fprofile-instr-generate -fcoverage-mapping)."""
import collections
import os
import subprocess

Coverage = collections.namedtuple("Coverage", "hit total missed")  # missed: "FILE:LINE", in order


def llvm(tool):
    """Debian names the versioned ones only where the package without a number is not installed."""
    for name in (tool, tool + "-14"):
        if any(os.access(os.path.join(d, name), os.X_OK) for d in os.environ.get("PATH", "").split(":")):
            return name
    raise FileNotFoundError(f"{tool} (package llvm)")


def read_lcov(text):
    """Path, from the current directory, to ({line: times}, [(first line, function)] in order)."""
    files, lines, functions = {}, {}, []
    for row in text.splitlines():
        key, _, value = row.partition(":")
        if key == "SF":
            lines, functions = files.setdefault(os.path.relpath(value), ({}, []))
        elif key == "FN":
            first, name = value.split(",", 1)
            functions.append((int(first), name.rpartition(":")[2]))  # a static one is file.c:name
        elif key == "DA":
            line, times = value.split(",")[:2]
            lines[int(line)] = lines.get(int(line), 0) + int(times)
    return {path: (lines, sorted(set(functions))) for path, (lines, functions) in files.items()}


def merge(profile, raw):
    subprocess.run([llvm("llvm-profdata"), "merge", "-sparse", "-o", profile, *raw], check=True)


def read(binaries, profile):
    """What the profile says of these programs, as read_lcov gives it."""
    objects = [binaries[0]] + [x for b in binaries[1:] for x in ("-object", b)]
    out = subprocess.run([llvm("llvm-cov"), "export", "-format=lcov", "-instr-profile", profile, *objects], check=True,
                         capture_output=True, text=True)
    return read_lcov(out.stdout)


def lines_of(functions, name):
    """From its first line to before the next function's."""
    for i, (first, found) in enumerate(functions):
        if found == name:
            return first, functions[i + 1][0] if i + 1 < len(functions) else float("inf")
    raise LookupError(f"there is no function {name}")


def of(files, wanted):
    """The coverage of one `FILE` or `FILE:FUNCTION,FUNCTION`."""
    path, _, names = wanted.partition(":")
    if path not in files:
        raise LookupError(f"{path} is not part of the program")
    lines, functions = files[path]
    ranges = [lines_of(functions, n) for n in names.split(",") if n] or [(0, float("inf"))]
    chosen = {n: t for n, t in lines.items() if any(first <= n < end for first, end in ranges)}
    missed = [f"{path}:{n}" for n in sorted(chosen) if chosen[n] == 0]
    return Coverage(len(chosen) - len(missed), len(chosen), missed)
