"""A server on a tailnet in userspace mode, with the stand-in for tailscaled: TLS, whois at every issue."""
import os
import ssl
import subprocess
import sys

import relying
import server

sys.path.insert(0, os.path.join(server.ROOT, "tests", "support"))
from localapi import LocalAPI  # noqa: E402

CONFIG = """issuer: https://localhost:{port}
listen: ["tailnet:127.0.0.1:{port}", "ops:127.0.0.1:{ops_port}"]
tls: {{certificate: {work}/tls.pem, key: {work}/tls.key}}
state: {state}
tailscale: {{mode: userspace, socket: {work}/tailscaled.sock}}
"""


def make_certificate(work):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", os.path.join(work, "tls.key"),
                    "-out", os.path.join(work, "tls.pem")], check=True, capture_output=True, timeout=30)


def people():
    """Each loopback address is a person's node."""
    numbers = range(1, server.PEOPLE + 1)
    return {
        "miss_ms": 1,
        "people": {f"p{n}": {"id": 100 + n, "login": f"person{n}@example.com", "display_name": f"Person {n}"} for n in numbers},
        "nodes": {f"n{n}": {"id": f"nP{n}CNTRL", "person": f"p{n}", "addresses": [f"100.64.1.{n}"]} for n in numbers},
        "sources": {f"127.0.0.{n}": f"n{n}" for n in numbers},
    }


class TailnetServer(server.Server):
    def __init__(self, work, **kw):
        super().__init__(work, **kw)
        self.ops_port = relying.free_port()
        self.config = os.path.join(work, "avouch.yaml")
        self.flags = ["--config", self.config]
        make_certificate(work)
        self.tls = ssl.create_default_context(cafile=os.path.join(work, "tls.pem"))
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(port=self.port, ops_port=self.ops_port, work=work, state=self.state))
        self.api = LocalAPI(os.path.join(work, "tailscaled.sock"), people())
        self.api.__enter__()

    def command_line(self):
        return [self.binary, "serve", "--config", self.config]

    def health(self):
        c = relying.Connection(("127.0.0.1", self.ops_port), timeout=5)
        try:
            return c.ask(relying.get(f"127.0.0.1:{self.ops_port}", "/healthz"))
        finally:
            c.close()

    def start(self, fault=""):
        took = super().start(fault)
        relying.wait_until("tailscaled to say who we are", self.knows_people, server.START_S)
        return took

    def knows_people(self):
        c = self.connection("127.0.0.1")
        try:
            return c.ask(relying.get(self.host, "/", "Accept: text/html")).status == 200
        finally:
            c.close()

    def destroy(self):
        super().destroy()
        self.api.__exit__()
