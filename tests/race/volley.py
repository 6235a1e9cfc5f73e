"""Many requests at once: each connection has sent all of its request but the last byte, and then the last bytes go."""
import selectors
import time

import relying

SECONDS = 60


class Volley:
    """Kept-alive connections, used again and again."""

    def __init__(self, srv, n, sources=(None,)):
        self.lines = []
        for i in range(n):
            line = srv.connection(sources[i % len(sources)])
            line.open()
            self.lines.append(line)

    def close(self):
        for line in self.lines:
            line.close()

    def fire(self, requests, before=None):
        """The answers, in order. before: called when the last bytes are about to go."""
        lines = self.lines[:len(requests)]
        for line, request in zip(lines, requests):
            line.open()
            line.sock.setblocking(True)
            line.sock.sendall(request[:-1])
        time.sleep(0.02)  # the server has read them
        if before:
            before()
        for line, request in zip(lines, requests):
            line.sock.send(request[-1:])
        return self.gather(lines)

    @staticmethod
    def gather(lines):
        answers, end = {}, time.monotonic() + SECONDS
        waiting = selectors.DefaultSelector()
        for i, line in enumerate(lines):
            waiting.register(line.sock, selectors.EVENT_READ, i)
        while len(answers) < len(lines):
            ready = waiting.select(max(0, end - time.monotonic()))
            if not ready:
                raise relying.Lost(f"{len(lines) - len(answers)} of {len(lines)} answers are missing after {SECONDS} s")
            for key, _ in ready:
                waiting.unregister(key.fileobj)
                answers[key.data] = lines[key.data].receive()
        waiting.close()
        return [answers[i] for i in range(len(lines))]


def raise_file_limit():
    """A thousand connections on either side of one process; the server inherits it."""
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8192:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))


