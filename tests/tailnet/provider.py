"""The real avouch in a machine of the bed, and its command line."""
import contextlib
import json
import os
import shutil
import signal
import subprocess

import namespaces
from waiting import freeze, wait_for

REDIRECT_URI = "https://app.tail.test/callback"
SERVICE, SERVICE_UID = "daemon", 1  # an ordinary user, as avouch is run by; the one that every Debian has


class Provider:
    """avouch beside the tailscaled of a machine, as an ordinary user who may read nothing of the bed's. The one right that it has is
    to bind port 443."""

    def __init__(self, bed, node, name=None, host="idp.tail.test"):
        self.bed, self.node, self.host = bed, node, host
        self.directory = os.path.join(bed.directory, f"avouch-{name or node.name}")
        self.state = os.path.join(self.directory, "state")
        self.config = os.path.join(self.directory, "avouch.yaml")
        self.log = os.path.join(self.directory, "log")
        self.lan = f"10.77.0.{node.number}"  # below the tailnet
        self.public, self.proxied = (self.lan, 8443), (self.lan, 8080)
        self.server, self.served = None, 0
        self.environment = {"PATH": os.environ["PATH"]}
        for path in (self.directory, self.state):
            os.makedirs(path, mode=0o700)
            os.chown(path, SERVICE_UID, SERVICE_UID)
        self.settings = {"state": self.state, "issuer": self.issuer, **self.prepare(),
                         "listen": ["tailnet:443", "public:%s:%d" % self.public, "proxy:%s:%d" % self.proxied, "ops:[::1]:9090"],
                         "proxies": ["10.77.0.1"], "tls": self.give_pair(*bed.ca.issue("DNS:" + host))}
        self.configure()
        self.client = self.command("client", "add", "--name", "Application", "--redirect-uri", REDIRECT_URI, "--reach", "public")

    @property
    def issuer(self):
        return "https://" + self.host

    def prepare(self):
        return {"tailscale": {"socket": self.node.socket}}

    def give(self, file, mode=0o400):
        """A copy of its own."""
        mine = os.path.join(self.directory, os.path.basename(file))
        if os.path.exists(mine):
            os.unlink(mine)
        shutil.copyfile(file, mine)
        os.chown(mine, SERVICE_UID, SERVICE_UID)
        os.chmod(mine, mode)
        return mine

    def give_pair(self, certificate, key):
        return {"certificate": self.give(certificate), "key": self.give(key)}

    # ---- its settings ----

    def configure(self, **changes):
        """Its usual settings with these changed; None leaves one out."""
        settings = {name: value for name, value in {**self.settings, **changes}.items() if value is not None}
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump(settings, f)  # JSON is YAML too

    @contextlib.contextmanager
    def changed(self, **changes):
        """Begun anew with other settings, and started with its own again in the end."""
        self.stop()
        self.configure(**changes)
        try:
            self.begin()
            yield
        finally:
            self.stop()
            self.configure()
            self.start()

    # ---- the command line ----

    def run(self, *words):
        """As the same user, on the same machine."""
        with namespaces.inside(self.node.name):
            return subprocess.run([*self.as_user(), self.bed.avouch, *words], capture_output=True, text=True, timeout=60,
                                  env=self.environment)

    def command(self, *words):
        done = self.run(*words, "--state", self.state, "--json")
        if done.returncode != 0:
            raise RuntimeError(f"avouch {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def doctor(self):
        """Exit status and findings by their check's name; of several the worst."""
        done = self.run("doctor", "--config", self.config, "--json")
        findings = {}
        for f in sorted(json.loads(done.stdout), key=lambda f: ("good", "look", "bad").index(f["state"])):
            findings[f["check"]] = f
        return done.returncode, findings

    # ---- the server ----

    @staticmethod
    def as_user():
        return ["setpriv", f"--reuid={SERVICE_UID}", f"--regid={SERVICE_UID}", "--clear-groups", "--bounding-set=-all,+net_bind_service",
                "--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service", "--no-new-privs"]

    def begin(self, environment=None):
        self.server = None
        self.served = len(self.logged("serving"))
        with namespaces.inside(self.node.name), open(self.log, "ab") as log:
            self.server = subprocess.Popen([*self.as_user(), self.bed.avouch, "serve", "--config", self.config], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log, env={**self.environment, **(environment or {})})

    def start(self, environment=None):
        self.begin(environment)
        self.wait_serving()

    def wait_serving(self, seconds=20):
        """Since it was begun."""
        wait_for(lambda: len(self.logged("serving")) > self.served, seconds, "avouch to serve")

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
    """avouch with a node of its own. key: of the control server, or none."""

    def __init__(self, bed, node, key=None):
        self.key = key
        super().__init__(bed, node)
        node.daemon_pid = self.daemon_pid

    def prepare(self):
        self.node.directory = os.path.join(self.state, "tailscale")
        self.node.socket = os.path.join(self.node.directory, "tailscaled.sock")
        self.environment = {"PATH": self.directory + ":" + os.environ["PATH"], "SSL_CERT_FILE": self.give(self.bed.ca.file)}
        self.give(os.path.join(self.bed.programs, "tailscaled"), 0o500)
        tailscale = {"mode": "own", "hostname": self.node.name, "control_url": self.bed.control.url}
        if self.key is not None:
            with open(os.path.join(self.bed.directory, "key"), "w", encoding="ascii") as f:
                f.write(self.key + "\n")
            tailscale["auth_key_file"] = self.give(f.name)
        return {"tailscale": tailscale}

    def daemon_pid(self):
        return self.logged("our own tailscaled was started")[-1]["pid"]
