"""One machine of the tailnet: a network namespace and a tailscaled in it, spoken to through its LocalAPI alone."""
import json
import os
import shutil
import signal
import subprocess
import urllib.parse

import http_unix
import namespaces
from waiting import freeze, wait_for

CONTROL_ADDRESS = "10.77.0.1"
NETFILTER_ON = 2  # as `tailscale up` has it


class Node:
    def __init__(self, bed, name, number, userspace=False):
        self.bed, self.name, self.number, self.userspace = bed, name, number, userspace
        self.directory = os.path.join(bed.directory, name)
        self.socket = os.path.join(self.directory, "s")
        self.daemon = None
        self.v4 = self.v6 = self.id = None
        os.makedirs(self.directory, mode=0o700)
        namespaces.make(name, number, CONTROL_ADDRESS)

    # ---- the daemon ----

    def start(self):
        tun = "userspace-networking" if self.userspace else "tailscale0"
        with namespaces.inside(self.name), open(os.path.join(self.directory, "log"), "ab") as log:
            self.daemon = subprocess.Popen(
                [self.bed.programs + "/tailscaled", "--statedir=" + self.directory, "--socket=" + self.socket, "--port=41641",
                 "--no-logs-no-support", "--tun=" + tun],
                env={"PATH": os.environ["PATH"], "HOME": self.directory, "SSL_CERT_FILE": self.bed.ca.file, "TS_NO_LOGS_NO_SUPPORT": "1"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: os.path.exists(self.socket), 10, f"the socket of {self.name}")

    def stop(self):
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGCONT)
            self.daemon.terminate()
            self.daemon.wait(10)
        self.daemon = None

    def freeze(self):
        freeze(self.daemon.pid)

    def thaw(self):
        self.daemon.send_signal(signal.SIGCONT)

    # ---- the LocalAPI ----

    def api(self, method, target, body=None, seconds=10):
        status, answer = http_unix.request(self.socket, method, "/localapi/v0/" + target, body, seconds)
        if status >= 300:
            raise RuntimeError(f"{self.name}: {method} {target.split('?')[0]}: {status} {answer.decode(errors='replace').strip()}")
        return answer

    def status(self):
        return json.loads(self.api("GET", "status?peers=false"))

    def whois(self, address):
        """None: no such peer."""
        status, answer = http_unix.request(self.socket, "GET", "/localapi/v0/whois?proto=tcp&addr=" + urllib.parse.quote(address))
        return json.loads(answer) if status == 200 else None

    def is_running(self):
        try:
            status = self.status()
        except OSError:
            return False
        return status["BackendState"] == "Running" and bool(status["TailscaleIPs"])

    def begin_join(self, key):
        prefs = {"ControlURL": self.bed.control.url, "Hostname": self.name, "WantRunning": True, "CorpDNS": False,
                 "RouteAll": False, "NetfilterMode": NETFILTER_ON}
        self.api("POST", "start", {"AuthKey": key, "UpdatePrefs": prefs})
        self.api("POST", "login-interactive")

    def end_join(self):
        wait_for(self.is_running, 30, f"{self.name} to run")
        self.look()

    def look(self):
        status = self.status()
        self.v4, self.v6 = status["TailscaleIPs"]
        self.id = status["Self"]["ID"]

    def ping(self, other):
        wait_for(lambda: self.hears(other), 25, f"{self.name} to reach {other.name}", every=0.2)

    def hears(self, other):
        try:
            return not json.loads(self.api("POST", f"ping?ip={other.v4}&type=TSMP", seconds=6)).get("Err")
        except TimeoutError:
            return False

    def is_direct(self, other):
        answer = json.loads(self.api("POST", f"ping?ip={other.v4}&type=disco", seconds=15))
        return bool(answer.get("Endpoint"))

    def remove(self):
        self.stop()
        namespaces.remove(self.name, self.number)
        shutil.rmtree(self.directory)


class OwnNode(Node):
    """One whose tailscaled is avouch's child: avouch says where its socket is and which process it is."""

    daemon_pid = None

    def freeze(self):
        freeze(self.daemon_pid())

    def thaw(self):
        os.kill(self.daemon_pid(), signal.SIGCONT)

    def kill(self):
        os.kill(self.daemon_pid(), signal.SIGKILL)
