"""One machine of the tailnet: a network namespace and a tailscaled in it, spoken to through its LocalAPI alone."""
import json
import os
import shutil
import signal
import socket
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
        self.socket = self.directory + ".sock"  # where every user may get at it, as in /run
        self.daemon = None
        self.v4 = self.v6 = self.id = None
        self.served = {}
        os.makedirs(self.directory, mode=0o700)
        namespaces.make(name, number, CONTROL_ADDRESS)

    # ---- the daemon ----

    def start(self, environment=None):
        tun = "userspace-networking" if self.userspace else "tailscale0"
        with namespaces.inside(self.name), open(os.path.join(self.directory, "log"), "ab") as log:
            self.daemon = subprocess.Popen(
                [self.bed.programs + "/tailscaled", "--statedir=" + self.directory, "--socket=" + self.socket, "--port=41641",
                 "--no-logs-no-support", "--tun=" + tun],
                env={"PATH": os.environ["PATH"], "HOME": self.directory, "SSL_CERT_FILE": self.bed.ca.file, "TS_NO_LOGS_NO_SUPPORT": "1",
                     **(environment or {})},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: os.path.exists(self.socket), 10, f"the socket of {self.name}")

    def stop(self):
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGCONT)
            self.daemon.terminate()
            self.daemon.wait(10)
        self.daemon = None

    def forget(self):
        """Who it was; it runs on as a new machine."""
        self.stop()
        shutil.rmtree(self.directory)
        os.makedirs(self.directory, mode=0o700)
        self.start()

    def freeze(self):
        freeze(self.daemon.pid)

    def thaw(self):
        self.daemon.send_signal(signal.SIGCONT)

    # ---- the LocalAPI ----

    def try_api(self, method, target, body=None, seconds=10):
        return http_unix.request(self.socket, method, "/localapi/v0/" + target, body, seconds)

    def api(self, method, target, body=None, seconds=10):
        status, answer = self.try_api(method, target, body, seconds)
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

    def set_prefs(self, **changes):
        self.api("PATCH", "prefs", {**changes, **{name + "Set": True for name in changes}})

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

    # ---- certificates and `tailscale serve` ----

    def give_certificate(self, host, pair):
        """In place of an ACME server, which there is none of: what tailscaled would have kept of its answer. It gives a certificate of a
        name that is not its own where the name is listed for Funnel."""
        directory = os.path.join(self.directory, "certs")
        owner = os.stat(self.directory)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        for file, ending in zip(pair, ("crt", "key")):
            mine = os.path.join(directory, f"{host}.{ending}")
            shutil.copyfile(file, mine)
            os.chmod(mine, 0o600)
            os.chown(mine, owner.st_uid, owner.st_gid)
        os.chown(directory, owner.st_uid, owner.st_gid)
        self.serve(host, **self.served)

    def serve(self, host, **web):
        """web: the rest of the serve configuration."""
        self.served = web
        self.api("POST", "serve-config", {"AllowFunnel": {host + ":443": True}, **web})

    def serve_nothing(self):
        self.served = {}
        self.api("POST", "serve-config", {})

    # ---- connections ----

    def connect(self, address, port, seconds=10):
        if self.userspace:
            return self.dial(address, port, seconds)
        with namespaces.inside(self.name):
            return socket.create_connection((address, port), seconds)

    def dial(self, address, port, seconds=10):
        """As any process of the machine may ask of its tailscaled; the node itself is then the one that connects."""
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(seconds)
        raw.connect(self.socket)
        raw.sendall(f"POST /localapi/v0/dial HTTP/1.1\r\nHost: local-tailscaled.sock\r\nConnection: upgrade\r\nUpgrade: ts-dial\r\n"
                    f"Dial-Host: {address}\r\nDial-Port: {port}\r\nDial-Network: tcp\r\nContent-Length: 0\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = raw.recv(1)
            if not byte:
                break
            head += byte
        if b" 101 " not in head.split(b"\r\n")[0]:
            raw.close()
            raise ConnectionError(f"{self.name}: no way to {address}: {head.decode(errors='replace')}")
        return raw

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

    def __init__(self, bed, name, number):
        super().__init__(bed, name, number, userspace=True)

    def freeze(self):
        freeze(self.daemon_pid())

    def thaw(self):
        os.kill(self.daemon_pid(), signal.SIGCONT)

    def kill(self):
        os.kill(self.daemon_pid(), signal.SIGKILL)
