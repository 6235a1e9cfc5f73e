"""How a suite of these is run and told: a line a test, then the sum."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import server


class Skip(Exception):
    """It cannot run here; says why."""


class Suite:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = tempfile.mkdtemp(prefix="avouch-crash-")
        self.binary = self.copy(server.default_binary(), "avouch")
        self.passed = self.failed = self.skipped = 0

    def copy(self, binary, name):
        """What is tested stays the same, whoever builds meanwhile."""
        if not os.path.exists(binary):
            shutil.rmtree(self.work)
            print(f"not ok build - there is no {binary}: build it, or name it (run.sh says how)\n0 passed, 1 failed, 0 skipped")
            sys.exit(1)
        return shutil.copy(binary, os.path.join(self.work, name))

    def shim(self, name):
        """Compiles what is preloaded."""
        out = os.path.join(self.work, f"shim_{name}.so")
        if not os.path.exists(out):
            cc = os.environ.get("CC", "cc").split()
            subprocess.run([*cc, "-std=c11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-o", out,
                            os.path.join(server.HERE, f"shim_{name}.c"), "-ldl"], check=True)

    def run(self, name, test, *arguments):
        began = time.monotonic()
        try:
            wrong = test(self, *arguments) or []
        except Skip as e:
            self.skipped += 1
            print(f"ok {name} # SKIP {e}", flush=True)
            return
        except Exception as e:
            wrong = [f"{type(e).__name__}: {e}"]
            traceback.print_exc(file=sys.stdout)
        if wrong:
            self.failed += 1
            print(f"not ok {name} - {wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""))
            for line in wrong[1:6]:
                print(f"# {line}")
        else:
            self.passed += 1
            print(f"ok {name}")
        self.say(f"{name}: {time.monotonic() - began:.1f} s")
        sys.stdout.flush()

    @staticmethod
    def say(text):
        print(f"# {text}", flush=True)

    def end(self):
        for srv in list(server.Server.running):
            srv.destroy()
        if self.arguments.keep:
            self.say(f"kept: {self.work}")
        else:
            shutil.rmtree(self.work, ignore_errors=True)
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 0 if self.failed == 0 and self.passed > 0 else 1
