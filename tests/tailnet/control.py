"""The control server: headscale, and the bed's own certificate authority that makes https of it."""
import json
import os
import subprocess

from waiting import wait_for

NAME = "10.77.0.1"


class Authority:
    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        self.file, self.key = os.path.join(directory, "ca.crt"), os.path.join(directory, "ca.key")
        self.issued = 0
        self.openssl("/CN=bed", self.file, self.key, "basicConstraints=critical,CA:TRUE")

    def openssl(self, subject, certificate, key, extension, *signed_by, days=90):
        subprocess.run(["openssl", "req", "-x509", "-config", "/dev/stdin", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", str(days), "-subj", subject, "-addext", extension, "-out", certificate, "-keyout", key,
                        *signed_by], check=True, capture_output=True, input=b"[req]\ndistinguished_name = dn\n[dn]\n")

    def issue(self, name, days=90):
        """(certificate, key): two files, PEM. name: as subjectAltName has it, DNS:... or IP:..."""
        self.issued += 1
        host = name.split(":", 1)[1]
        base = os.path.join(self.directory, f"{host}-{self.issued}")
        self.openssl("/CN=" + host, base + ".crt", base + ".key", "subjectAltName=" + name, "-CA", self.file, "-CAkey", self.key, days=days)
        return base + ".crt", base + ".key"


class Control:
    url = f"https://{NAME}:443"

    def __init__(self, bed):
        self.bed = bed
        self.directory = os.path.join(bed.directory, "control")
        self.config = os.path.join(self.directory, "config.yaml")
        self.server = None
        self.log = None
        os.makedirs(self.directory, mode=0o700)
        certificate, key = bed.ca.issue("IP:" + NAME)
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump(self.settings(certificate, key), f)  # JSON is YAML too

    def settings(self, certificate, key):
        def at(name):
            return os.path.join(self.directory, name)

        return {
            "server_url": self.url, "listen_addr": "0.0.0.0:443", "tls_cert_path": certificate, "tls_key_path": key,
            "metrics_listen_addr": "127.0.0.1:9091", "grpc_listen_addr": "127.0.0.1:50443",
            "noise": {"private_key_path": at("noise.key")},
            "prefixes": {"v4": "100.64.0.0/10", "v6": "fd7a:115c:a1e0::/48", "allocation": "sequential"},
            "derp": {"server": {"enabled": True, "region_id": 999, "region_code": "bed", "region_name": "bed",
                                "stun_listen_addr": "0.0.0.0:3478", "private_key_path": at("derp.key"), "verify_clients": True,
                                "automatically_add_embedded_derp_region": True, "ipv4": NAME, "ipv6": "fd77:a0::1"},
                     "urls": [], "paths": [], "auto_update_enabled": False},
            "database": {"type": "sqlite", "sqlite": {"path": at("db.sqlite")}}, "policy": {"mode": "database"},
            "dns": {"magic_dns": True, "base_domain": "tail.test", "override_local_dns": False, "nameservers": {"global": []}},
            "unix_socket": at("hs.sock"), "unix_socket_permission": "0700",
            "cli": {"timeout": "60s"}, "disable_check_updates": True, "logtail": {"enabled": False},
        }

    def start(self):
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.server = subprocess.Popen([self.bed.programs + "/headscale", "-c", self.config, "serve"], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "HOME": self.directory})
        wait_for(lambda: os.path.exists(os.path.join(self.directory, "hs.sock")), 20, "the control server")

    def stop(self):
        if self.server is not None:
            self.server.terminate()
            self.server.wait(15)
        self.server = None

    def forget(self):
        """All but its own keys, and starts anew."""
        self.stop()
        for file in os.listdir(self.directory):
            if file.startswith("db.sqlite"):
                os.unlink(os.path.join(self.directory, file))
        self.start()

    def run(self, *words):
        done = subprocess.run([self.bed.programs + "/headscale", "-c", self.config, *words, "-o", "json"], capture_output=True,
                              text=True, env={"PATH": os.environ["PATH"], "HOME": self.directory})
        if done.returncode != 0:
            raise RuntimeError(f"headscale {' '.join(words)}: {done.stdout.strip()} {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout[:1] in ("{", "[") else None

    # ---- what the tests order ----

    def add_person(self, name, display_name):
        self.run("users", "create", name, "--email", f"{name}@example.com", "--display-name", display_name)
        return next(str(u["id"]) for u in self.run("users", "list") if u["name"] == name)

    def join_key(self, *words, reusable=True):
        return self.run("preauthkeys", "create", "--expiration", "24h", *(["--reusable"] if reusable else []), *words)["key"]

    def register(self, url, person):
        """Somebody opens the address that a machine without a key shows, and logs it in."""
        self.run("auth", "register", "--auth-id", url.rsplit("/", 1)[1], "--user", person)

    def id_of(self, v4):
        return next(str(n["id"]) for n in self.run("nodes", "list") if v4 in n["ip_addresses"])

    def set_policy(self, policy):
        file = os.path.join(self.directory, "policy.json")
        with open(file, "w", encoding="utf-8") as f:
            json.dump(policy, f)
        self.run("policy", "set", "-f", file)

    def approve_routes(self, node, routes):
        """Of those that it advertises. routes: with commas; "": none."""
        self.run("nodes", "approve-routes", "-i", node.id, "-r", routes)

    def expire(self, node):
        self.run("nodes", "expire", "-i", node.id)

    def delete(self, node):
        self.run("nodes", "delete", "-i", node.id, "--force")
