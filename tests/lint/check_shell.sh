#!/bin/sh
# Every shell script parses; so does every Python file.
set -u
cd "$(dirname "$0")/../.." || exit 1
status=0

for f in $(find contrib tests .ci -name '*.sh' -o -path .ci/run | sort); do
    said=$(sh -n "$f" 2>&1) && continue
    echo "$said" | sed -n "s|^[^:]*: \([0-9]*\): *\(.*\)|$f:\1: \2|p"
    status=1
done
find contrib tests templates -name '*.py' | sort | xargs python3 -B -c '
import sys
broken = 0
for path in sys.argv[1:]:
    try:
        with open(path, encoding="utf-8") as f:
            compile(f.read(), path, "exec")
    except SyntaxError as e:
        print(f"{path}:{e.lineno}: {e.msg}")
        broken = 1
sys.exit(broken)' || status=1
exit $status
