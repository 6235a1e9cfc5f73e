"""A server behind a supervisor that keeps its socket open (supervisor.py)."""
import os
import signal
import sys

import relying
import server


class SupervisedServer(server.Server):
    """`process` is the supervisor."""

    def __init__(self, work, **kw):
        super().__init__(work, **kw)
        self.pidfile = os.path.join(work, "supervised.pid")

    def command_line(self):
        return [sys.executable, "-B", os.path.join(server.HERE, "supervisor.py"), str(self.port), self.pidfile, *super().command_line()]

    def served_by(self):
        with open(self.pidfile, encoding="ascii") as f:
            return int(f.read())

    def abort(self):
        """As an assertion in a library does it; returns once another one has taken over."""
        pid = self.served_by()
        os.kill(pid, signal.SIGABRT)
        relying.wait_until("another server process", lambda: self.served_by() != pid, 10, 0.001)
