"""House numbers of files and lines. Those of functions (60 lines, nesting 3, 6 parameters, 10 locals, cognitive complexity 20) are
in .clang-tidy; check_tidy.py measures them."""
import tree

FILE_LINES = 600
HEADER_LINES = 200  # of include/avouch
COLUMNS = 140  # comments and tables; clang-format holds code to 120
TABLES = (".def",)  # a row is a line, however long


def main():
    findings = tree.Findings()
    for path in tree.files("src", "include", "tests", "templates", "contrib", ends=(".c", ".h", ".def", ".py", ".sh", ".js", ".html", ".css")):
        lines = tree.read(path).splitlines()
        most = HEADER_LINES if path.startswith("include/") and path.endswith(".h") else FILE_LINES
        if len(lines) > most:
            findings.add(path, most + 1, f"{len(lines)} lines, {most} is the most")
        for number, line in enumerate(lines, 1):
            if path.endswith((".c", ".h")) and len(line) > COLUMNS:
                findings.add(path, number, f"{len(line)} columns, {COLUMNS} is the most")
    findings.exit()


main()
