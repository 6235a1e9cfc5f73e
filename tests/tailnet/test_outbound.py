"""avouch reaches out: `avouch doctor --fetch` to a machine of the tailnet, which sees our own node. The names are tailscaled's alone: there
is no resolver in the bed."""
import contextlib
import http.server
import json
import os
import ssl
import threading

import namespaces

HOST = "ci.tail.test"
DOCUMENT = b'{"client_id":"https://ci.tail.test/client.json"}'


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.peers.append(self.client_address[0])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(DOCUMENT)))
        self.end_headers()
        self.wfile.write(DOCUMENT)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def service(bed):
    """https on ci; yields the addresses of those who have asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*bed.ca.issue("DNS:" + HOST))
    with namespaces.inside("ci"):
        server = http.server.ThreadingHTTPServer(("0.0.0.0", 443), Handler)
    server.peers = []
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.peers
    finally:
        server.shutdown()
        server.server_close()


def fetch(way, url, allow):
    """Status and findings."""
    config = os.path.join(way.provider.directory, "outbound.yaml")
    ca = os.path.join(way.provider.directory, "outbound-ca.crt")
    with open(way.bed.ca.file, "rb") as source, open(ca, "wb") as copy:
        copy.write(source.read())
    with open(config, "w", encoding="utf-8") as f:
        json.dump({"outbound": {"ca_file": ca, "allow": [allow]}, "tailscale": {"socket": way.node.socket}}, f)
    for file in (config, ca):
        os.chmod(file, 0o644)
    done = way.provider.run("doctor", "--fetch", url, "--config", config, "--json")
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_outbound_to_a_host_of_the_tailnet(any_way):
    with service(any_way.bed) as peers:
        status, findings = fetch(any_way, f"https://{HOST}/client.json", "*.tail.test")
        assert status == 0, findings
        ways = [f["finding"] for f in findings if f["check"] == "way"]
        v4 = any_way.bed["ci"].v4
        expected = f"Directly to {v4}:443, from {any_way.node.v4}." if any_way.is_kernel else f"Through tailscaled to {v4}:443:"
        assert ways[-1].startswith(expected), ways
        assert peers == [any_way.node.v4], (peers, any_way.node.v4)


def test_outbound_only_where_allowed(any_way):
    with service(any_way.bed) as peers:
        status, findings = fetch(any_way, f"https://{any_way.bed['ci'].v4}/client.json", "other.tail.test")
        assert (status, findings[-1]["check"]) == (1, "refused"), findings
        assert peers == [], peers


def test_outbound_to_a_closed_port(any_way):
    status, findings = fetch(any_way, f"https://{HOST}:444/", "*.tail.test")
    assert (status, findings[-1]["check"]) == (1, "unreachable"), findings
