"""A node of our own, where its tailscaled is missing or does not live: a stand-in for the program. tests/tailnet has the real one."""

import json
import os
import shutil
import signal
import subprocess

from support import BINARY, Tailnet, equal, spawn, wait_until, write_file


class OwnNode:
    """avouch serve in mode own, with a folder of ours as PATH."""

    def __init__(self, name, program=None):
        self.server = Tailnet(name)  # for its folder and certificate; it is never started
        self.path = os.path.join(self.server.dir, "bin")
        os.mkdir(self.path)
        if program is not None:
            write_file(os.path.join(self.path, "tailscaled"), program, 0o755)
        self.config = write_file(os.path.join(self.server.dir, "own.yaml"), f"""listen: ["tailnet:443"]
tls: {{certificate: {self.server.certificate}, key: {self.server.key}}}
state: {self.server.state}
tailscale: {{mode: own}}
""")
        self.environment = {**self.server.environment, "PATH": self.path + (":/bin:/usr/bin" if program else "")}

    def __enter__(self):
        right = "+net_bind_service"
        wrapper = ["setpriv", "--inh-caps", right, "--ambient-caps", right] if os.getuid() == 0 else []
        with open(self.server.log_file, "wb") as log:
            self.process = spawn([*map(shutil.which, wrapper[:1]), *wrapper[1:], BINARY, "serve", "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env=self.environment)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def logged(self, message):
        lines = [json.loads(line) for line in self.server.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line["msg"] == message]

    def end(self):
        """Exit status and the last words."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20), self.server.log().splitlines()[-1]


def test_own_node_is_started_again_with_growing_pauses():
    with OwnNode("back-off", "#!/bin/sh\nexit 3\n") as own:
        ended = wait_until("three have ended", lambda: own.logged("our own tailscaled has ended")[:3][2:] and
                           own.logged("our own tailscaled has ended"))
        equal([line["again_in_s"] for line in ended[:3]], [1, 2, 4], "pauses")
        status, last = own.end()
        equal(status, 1, "exit status")
        assert "tailscaled never said who we are" in last and "avouch doctor" in last, last


test_own_node_is_started_again_with_growing_pauses.slow = True


def test_own_node_without_the_program():
    with OwnNode("no-program") as own:
        ended = wait_until("it is noticed", lambda: own.logged("our own tailscaled has ended"))
        equal(ended[0]["why"], "there is no tailscaled in PATH", "why")
        done = subprocess.run([BINARY, "doctor", "--config", own.config, "--json"], capture_output=True, text=True, timeout=30,
                              env=own.environment, check=False)
        finding = next(f for f in json.loads(done.stdout) if f["check"] == "tailscaled")
        assert done.returncode == 1 and "is there a tailscaled in PATH" in finding["mend"], finding


def test_own_node_ends_with_avouch():
    """Stopped or killed: nothing of it runs on, and it never has our right to bind low ports."""
    script = "#!/bin/sh\ngrep CapAmb /proc/self/status >\"$HOME/caps\"\nexec sleep 1000\n"
    for how, status in ((signal.SIGTERM, 1), (signal.SIGKILL, -signal.SIGKILL)):
        with OwnNode(f"ends-{int(how)}", script) as own:
            started = wait_until("it is started", lambda own=own: own.logged("our own tailscaled was started"))
            caps = os.path.join(own.server.state, "tailscale", "caps")
            wait_until("it runs", lambda caps=caps: os.path.exists(caps) and os.path.getsize(caps) > 0)
            with open(caps, encoding="ascii") as f:
                equal(int(f.read().split()[1], 16), 0, "ambient capabilities")
            own.process.send_signal(how)
            equal(own.process.wait(20), status, "exit status")
            wait_until("it has ended", lambda started=started: not os.path.exists(f"/proc/{started[0]['pid']}/status") or
                       "State:\tZ" in open(f"/proc/{started[0]['pid']}/status", encoding="ascii").read())
