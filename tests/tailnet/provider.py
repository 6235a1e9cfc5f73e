"""The real avouch in a machine of the bed, and its command line."""
import json
import os
import shutil
import signal
import subprocess

import namespaces
from waiting import freeze, wait_for

HOST = "idp.tail.test"
ISSUER = "https://" + HOST
REDIRECT_URI = "https://app.tail.test/callback"
NOBODY = 65534


class Provider:
    """avouch beside the tailscaled of a machine."""

    def __init__(self, bed, node):
        self.bed, self.node = bed, node
        self.directory = os.path.join(bed.directory, f"avouch-{node.name}")
        self.state = os.path.join(self.directory, "state")
        self.config = os.path.join(self.directory, "avouch.yaml")
        self.log = os.path.join(self.directory, "log")
        self.public = (f"10.77.0.{node.number}", 8443)  # on the network below the tailnet
        self.server = None
        self.environment = {"PATH": os.environ["PATH"]}
        self.as_user = []
        os.makedirs(self.state, mode=0o700)
        self.prepare()
        self.client = self.command("client", "add", "--name", "Application", "--redirect-uri", REDIRECT_URI, "--reach", "public")

    def prepare(self):
        self.write_config(*self.bed.certificate, f"{{socket: {self.node.socket}}}")

    def write_config(self, certificate, key, tailscale):
        lines = [f'listen: ["tailnet:443", "public:{self.public[0]}:{self.public[1]}", "ops:[::1]:9090"]', f"state: {self.state}",
                 f"issuer: {ISSUER}", f"tls: {{certificate: {certificate}, key: {key}}}", f"tailscale: {tailscale}"]
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")

    def command(self, *words):
        done = subprocess.run([*self.as_user, self.bed.avouch, *words, "--state", self.state, "--json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"avouch {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    # ---- the server ----

    def begin(self, environment=None):
        with namespaces.inside(self.node.name), open(self.log, "ab") as log:
            self.server = subprocess.Popen([*self.as_user, self.bed.avouch, "serve", "--config", self.config], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log, env={**self.environment, **(environment or {})})

    def start(self, environment=None):
        before = len(self.logged("serving"))
        self.begin(environment)
        wait_for(lambda: len(self.logged("serving")) > before, 20, "avouch to serve")

    def restart(self, environment=None):
        assert self.stop() == 0
        self.start(environment)

    def stop(self):
        if self.server is None:
            return None
        self.thaw()
        self.server.terminate()
        status = self.server.wait(20)
        self.server = None
        return status

    def reload(self):
        before = len(self.reloads())
        self.server.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.reloads()) > before, 10, "the reload")

    def reloads(self):
        return [line for line in self.lines() if '"reloaded' in line]

    def kill(self):
        self.server.kill()
        self.server.wait(10)
        self.server = None

    def freeze(self):
        freeze(self.server.pid)

    def thaw(self):
        self.server.send_signal(signal.SIGCONT)

    # ---- its log ----

    def logged(self, message):
        """The lines with that message, parsed."""
        if self.server is not None and self.server.poll() is not None:
            raise RuntimeError("avouch has ended: " + "; ".join(self.lines()[-3:]))
        return [r for r in (json.loads(line) for line in self.lines() if line.startswith("{")) if r["msg"] == message]

    def lines(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as f:
            return f.read().splitlines()


class OwnProvider(Provider):
    """avouch with a node of its own, as an ordinary user who may read nothing of the bed's. key: of the control server, or none."""

    def __init__(self, bed, node, key=None):
        self.key = key
        super().__init__(bed, node)
        node.daemon_pid = self.daemon_pid

    def give(self, file, mode=0o400):
        mine = os.path.join(self.directory, os.path.basename(file))
        shutil.copyfile(file, mine)
        os.chown(mine, NOBODY, NOBODY)
        os.chmod(mine, mode)
        return mine

    def prepare(self):
        self.as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.node.socket = os.path.join(self.state, "tailscale", "tailscaled.sock")
        self.environment = {"PATH": self.directory + ":" + os.environ["PATH"], "SSL_CERT_FILE": self.give(self.bed.ca.file)}
        self.give(os.path.join(self.bed.programs, "tailscaled"), 0o500)
        for path in (self.directory, self.state):
            os.chown(path, NOBODY, NOBODY)
        tailscale = {"mode": "own", "hostname": self.node.name, "control_url": self.bed.control.url}
        if self.key is not None:
            with open(os.path.join(self.bed.directory, "key"), "w", encoding="ascii") as f:
                f.write(self.key + "\n")
            tailscale["auth_key_file"] = self.give(f.name)
        self.write_config(*map(self.give, self.bed.certificate), json.dumps(tailscale))
        os.chmod(self.config, 0o644)
        with namespaces.inside(self.node.name), open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as f:
            f.write("0")

    def daemon_pid(self):
        return self.logged("our own tailscaled was started")[-1]["pid"]
