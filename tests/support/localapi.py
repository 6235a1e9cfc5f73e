#!/usr/bin/env python3
"""A stand-in for tailscaled's LocalAPI: whois, status, certificates and dial of a made-up tailnet, over HTTP/1.1 on a unix socket.

    localapi.py --socket PATH [--control PATH] [--state FILE]      prints "ready", ends by SIGTERM
    with LocalAPI(path, state) as api: api.change({...})           the same inside a Python test

It speaks as tailscaled 1.102 was seen to: Host must be local-tailscaled.sock, Origin and Referer are refused, connections are kept alive,
answers above 2 KiB are chunked, and a miss takes miss_ms (185) while everybody else waits for the one lock.

The state is one JSON document; DEFAULT_STATE below is a complete example. What is given is merged into it, objects member by member,
null deletes:

    backend_state  Running, NoState, Starting, NeedsLogin, ...       tun       false: userspace mode
    online         connected to the control server                   suffix, tailnet   MagicDNSSuffix, CurrentTailnet.Name
    control_url    what prefs say
    self           which of the nodes is ours                        miss_ms   how long an unknown IP:port takes
    framing        auto | length | chunked                           certs     {DOMAIN: text of key and chain}
    version        of tailscaled                                     auth_url, health   as status has them
    serve          the serve configuration                           cert_denied_to     uids that get no certificate
    people         {NAME: {id, login, display_name, picture}}
    nodes          {NAME: {id, person | tags, addresses: [IP], grants: [object] | caps: CapMap, expired, key_expiry, routes: [CIDR],
                    service_grants: {"svc:NAME": [object]},
                    fqdn, sharee, sharer, unsigned, unauthorized, online, extra: {members put into Node as they are}}}
    sources        {"127.0.0.2": NODE, "127.0.0.1:4711": NODE, "*": NODE}: which node a loopback address is, as in userspace mode:
                    IP:PORT first, then IP (any port), then "*" (any loopback address); others are a miss
    services       {"100.64.0.4:443": "127.0.0.1:4711"}: what `dial` of a node's address and port is connected with; other ports of nodes
                    are closed, other addresses no tailnet's, and names are never settled

Control (HTTP on the unix socket of --control; bodies are JSON):

    GET /state     the whole state            PATCH /state   merge into it             PUT /state   merge into the default
    POST /fault    {"kind": hang | error | garbage | noise | close | drop | slow, "path": "whois" | "status" | "cert" | "dial" | "*",
                    "times": N (for ever if absent), "status": 500, "text": "...", "seconds": 1}       added to those there are
    DELETE /fault  no faults, hung answers go on
    POST /restart  {"down_s": 0.1, "nostate_s": 0.4, "starting_s": 0.3}: connections end, the socket is gone, then NoState, Starting, Running
    GET /log       requests so far: [{"method", "path", "status", "Dial-Host", ...}]     DELETE /log

    hang: no answer · error: status and text · garbage: 200, but no JSON · noise: no HTTP · close: ends in the middle of the body ·
    drop: ends before the answer · slow: the right answer, `seconds` late
"""

import argparse
import copy
import http.server
import ipaddress
import json
import os
import select
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
import urllib.parse

CAP = "tailscale.com/cap/tsidp"
TAGGED_USER = 2147455555
CHUNK_ABOVE = 2048

DEFAULT_STATE = {
    "backend_state": "Running", "tun": False, "online": True, "suffix": "tail1234.ts.net", "tailnet": "example.com", "self": "idp",
    "miss_ms": 185, "control_url": "https://controlplane.example", "framing": "auto", "certs": {}, "services": {}, "version": "1.102.5-ERR-BuildInfo",
    "serve": None,
    "people": {
        "alice": {"id": 1, "login": "alice@example.com", "display_name": "Alice Example"},
        "bob": {"id": 2, "login": "bob@example.com", "display_name": "Bob Example"},
    },
    "nodes": {
        "idp": {"id": "n1CNTRL", "tags": ["tag:idp"], "addresses": ["100.64.0.1", "fd7a:115c:a1e0::1"]},
        "alice-laptop": {"id": "n2CNTRL", "person": "alice", "addresses": ["100.64.0.2", "fd7a:115c:a1e0::2"],
                         "grants": [{"groups": ["people"]}, {"allow_admin_ui": True, "allow_dcr": True, "groups": ["admins"]}]},
        "bob-phone": {"id": "n3CNTRL", "person": "bob", "addresses": ["100.64.0.3", "fd7a:115c:a1e0::3"],
                      "grants": [{"groups": ["people"]}]},
        "ci": {"id": "n4CNTRL", "tags": ["tag:server"], "addresses": ["100.64.0.4", "fd7a:115c:a1e0::4"]},
    },
    "sources": {"127.0.0.2": "alice-laptop", "127.0.0.3": "bob-phone", "127.0.0.4": "ci"},
}


def merged(old, new):
    """RFC 7396, without touching either."""
    if not isinstance(new, dict):
        return copy.deepcopy(new)
    result = dict(old) if isinstance(old, dict) else {}
    for name, value in new.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def ip_of(text):
    """The address of IP, IP:PORT or [v6]:PORT, and whether there was a port. ValueError: neither."""
    host, has_port = text, False
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        has_port = rest.startswith(":") and rest[1:].isdigit()
        if not bracket or not has_port:
            raise ValueError(text)
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        has_port = port.isdigit()
        if not has_port:
            raise ValueError(text)
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address), has_port


class Tailnet:
    """The state, and tailscaled's answers about it."""

    def __init__(self, state=None):
        self.state = merged(DEFAULT_STATE, state or {})

    def profile(self, node):
        if node.get("tags"):
            return {"ID": TAGGED_USER, "LoginName": "tagged-devices", "DisplayName": "Tagged Devices"}
        person = self.state["people"][node["person"]]
        profile = {"ID": person["id"], "LoginName": person["login"], "DisplayName": person.get("display_name", person["login"])}
        if person.get("picture"):
            profile["ProfilePicURL"] = person["picture"]
        return profile

    def fqdn(self, name):
        return self.state["nodes"][name].get("fqdn", f"{name}.{self.state['suffix']}") + "."

    def node_json(self, name, node):
        addresses = [f"{a}/{ipaddress.ip_address(a).max_prefixlen}" for a in node["addresses"]]
        answer = {
            "ID": 1 + list(self.state["nodes"]).index(name), "StableID": node["id"], "Name": self.fqdn(name), "User": self.profile(node)["ID"],
            "Key": "nodekey:" + name.encode().hex().ljust(64, "0"), "Addresses": addresses, "AllowedIPs": addresses + node.get("routes", []),
            "Hostinfo": {"OS": "linux", "Hostname": name}, "Created": "2026-11-23T08:09:12.794642404Z", "Cap": 142,
            "Online": node.get("online", True), "MachineAuthorized": True, "ComputedName": name, "ComputedNameWithHost": name,
        }
        for ours, theirs in (("tags", "Tags"), ("expired", "Expired"), ("key_expiry", "KeyExpiry"), ("sharer", "Sharer"),
                             ("unsigned", "UnsignedPeerAPIOnly")):
            if node.get(ours):
                answer[theirs] = node[ours]
        if node.get("unauthorized") or node.get("expired"):
            del answer["MachineAuthorized"]
        if node.get("sharee"):
            answer["Hostinfo"]["ShareeNode"] = True
        return {**answer, **node.get("extra", {})}

    def find(self, text):
        """The name of the node behind an address, or None."""
        if self.state["backend_state"] in ("NoState", "NeedsLogin"):
            return None
        address, _ = ip_of(text)
        for name, node in self.state["nodes"].items():
            if any(ipaddress.ip_address(a) == address for a in node["addresses"]):
                return name
        sources = self.state["sources"]
        found = sources.get(text, sources.get(str(address)))
        return found or (sources.get("*") if address.is_loopback else None)

    def whois(self, name, service=None):
        node = self.state["nodes"][name]
        grants = node.get("grants") if service is None else node.get("service_grants", {}).get(service)
        caps = node.get("caps", {CAP: grants} if grants else None)
        return {"Node": self.node_json(name, node), "UserProfile": self.profile(node), "CapMap": caps}

    def peers(self):
        return {"nodekey:" + name.encode().hex().ljust(64, "0"): {
            "ID": node["id"], "HostName": name, "DNSName": self.fqdn(name), "OS": "linux", "UserID": self.profile(node)["ID"],
            "TailscaleIPs": node["addresses"], "Online": node.get("online", True), **({"Tags": node["tags"]} if node.get("tags") else {}),
            **({"PrimaryRoutes": node["routes"]} if node.get("routes") else {}),
        } for name, node in self.state["nodes"].items() if name != self.state["self"]}

    def is_node(self, address):
        return any(ipaddress.ip_address(a) == address for node in self.state["nodes"].values() for a in node["addresses"])

    def status(self, peers=False):
        state, up = self.state, self.state["backend_state"] not in ("NoState", "NeedsLogin")
        node = state["nodes"][state["self"]]
        own = {"ID": node["id"], "NodeID": 1, "HostName": state["self"], "OS": "linux", "Online": state["online"] and up}
        if up:
            own.update({"DNSName": self.fqdn(state["self"]), "UserID": self.profile(node)["ID"], "TailscaleIPs": node["addresses"]})
            own.update({"Tags": node["tags"]} if node.get("tags") else {})
            own.update({"KeyExpiry": node["key_expiry"]} if node.get("key_expiry") else {})
        return {
            "Version": state["version"], "TUN": state["tun"], "BackendState": state["backend_state"], "HaveNodeKey": up,
            "AuthURL": state.get("auth_url", ""), "TailscaleIPs": node["addresses"] if up else None, "Self": own,
            "Health": state.get("health", []), "MagicDNSSuffix": state["suffix"] if up else "",
            "CurrentTailnet": {"Name": state["tailnet"], "MagicDNSSuffix": state["suffix"], "MagicDNSEnabled": True} if up else None,
            "CertDomains": sorted(state["certs"]) or None, "Peer": self.peers() if peers and up else None, "User": None,
        }


class Handler(http.server.BaseHTTPRequestHandler):
    """What both sockets have in common."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = False

    def setup(self):
        super().setup()
        self.api = self.server.api
        self.api.track(self.connection, True)

    def finish(self):
        self.api.track(self.connection, False)
        try:
            super().finish()
        except OSError:
            pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass

    def log_message(self, *args):
        pass

    def version_string(self):
        return "localapi"

    def body(self):
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return json.loads(text) if text else {}

    def answer(self, status, content_type, body, framing="length", cut=False):
        self.answered = status
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        chunked = framing == "chunked" or (framing == "auto" and len(body) > CHUNK_ABOVE)
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))))
        for name, value in self.extra_headers:
            self.send_header(name, value)
        self.end_headers()
        pieces = [body[i:i + CHUNK_ABOVE] for i in range(0, len(body), CHUNK_ABOVE)] if chunked else [body]
        out = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces if p) + b"0\r\n\r\n" if chunked else body
        self.wfile.write(out[:len(out) // 2] if cut else out)
        self.close_connection = self.close_connection or cut

    extra_headers = ()


class TailscaledHandler(Handler):
    extra_headers = (("Tailscale-Version", "1.102.5-ERR-BuildInfo"), ("Tailscale-Cap", "142"))

    def text(self, status, text):
        self.answer(status, "text/plain; charset=utf-8", (text + "\n").encode())

    def do_GET(self):
        self.answered = 0
        entry = self.api.note(self.command, self.path, {n: v for n, v in self.headers.items() if n.startswith("Dial-")})
        try:
            self.dispatch()
        finally:
            entry["status"] = self.answered

    do_POST = do_GET

    def dispatch(self):
        if self.headers.get("Host", "") not in ("", "local-tailscaled.sock") or "Origin" in self.headers or "Referer" in self.headers:
            return self.text(403, "invalid localapi request")
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        what, _, rest = url.path.removeprefix("/localapi/v0/").partition("/")
        if not url.path.startswith("/localapi/v0/") or what not in ("whois", "status", "cert", "prefs", "serve-config", "dial"):
            return self.text(404, "404 not found")
        if (self.command == "POST") != (what == "dial"):
            return self.text(405, "method not allowed")
        fault = self.api.take_fault(what)
        if fault and self.fail(fault):
            return None
        cut = bool(fault) and fault["kind"] == "close"
        return getattr(self, "get_" + what.replace("-", "_"))(query, rest, cut)

    def fail(self, fault):
        """Answers wrongly; False: the right answer is still due."""
        kind = fault["kind"]
        if kind == "hang":
            self.api.hang(self.connection)
            self.close_connection = True
        elif kind == "error":
            self.text(fault.get("status", 500), fault.get("text", "internal error"))
        elif kind == "garbage":
            self.answer(200, "application/json", b'{"Node": \xff\x00 not JSON')
        elif kind == "noise":
            self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            self.close_connection = True
        elif kind == "drop":
            self.close_connection = True
        elif kind == "slow":
            time.sleep(fault.get("seconds", 1))
            return False
        else:
            return False
        return True

    def json(self, value, cut):
        body = json.dumps(value, indent="\t").encode()
        self.answer(200, "application/json", body, self.api.tailnet.state["framing"], cut)

    def get_status(self, query, _rest, cut):
        with self.api.backend:
            value = self.api.tailnet.status(query.get("peers") == ["true"])
        self.json(value, cut)

    def get_whois(self, query, _rest, cut):
        address = query.get("addr", [""])[0]
        if not address:
            return self.text(400, "missing 'addr' parameter")
        try:
            _, has_port = ip_of(address)
        except ValueError:
            return self.text(400, "invalid 'addr' parameter")
        with self.api.backend:
            name = self.api.tailnet.find(address)
            if name is None and has_port:
                # the proxy map is waited for under the backend's lock, once per protocol
                time.sleep(self.api.tailnet.state["miss_ms"] / 1000 * (1 if query.get("proto") else 2))
            value = None if name is None else self.api.tailnet.whois(name, query.get("svc_name", [None])[0])
        if value is None:
            return self.text(404, "no match for IP:port")
        return self.json(value, cut)

    def get_prefs(self, _query, _rest, cut):
        self.json({"ControlURL": self.api.tailnet.state["control_url"], "WantRunning": True}, cut)

    def get_serve_config(self, _query, _rest, cut):
        self.json(self.api.tailnet.state["serve"], cut)

    def get_dial(self, _query, _rest, _cut):
        host, port = self.headers.get("Dial-Host", ""), self.headers.get("Dial-Port", "")
        if self.headers.get("Upgrade", "").lower() != "ts-dial" or self.headers.get("Connection", "").lower() != "upgrade":
            return self.text(400, "bad ts-dial upgrade")
        try:
            address, _ = ip_of(host)
        except ValueError:
            self.api.hang(self.connection)
            self.close_connection = True
            return None
        with self.api.backend:
            known, at = self.api.tailnet.is_node(address), self.api.tailnet.state["services"].get(f"{host}:{port}")
        if not known:
            self.extra_headers = (*self.extra_headers, ("Dial-Self", "true"), ("Dial-Addr", f"{host}:{port}"))
            return self.answer(200, "text/plain", b"")
        if at is None:
            return self.text(502, f"dial failure: connect tcp {host}:{port}: connection was refused")
        return self.join(at)

    def join(self, at):
        """From here on the connection is the one to that IP:PORT."""
        host, _, port = at.partition(":")
        with socket.create_connection((host, int(port)), 5) as there:
            self.answered = 101
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ts-dial\r\n\r\n")
            to = {self.connection: there, there: self.connection}
            while to:
                for one in select.select(list(to), [], [])[0]:
                    some = one.recv(65536)
                    to[one].sendall(some)
                    if not some:
                        to.pop(one).shutdown(socket.SHUT_WR)
        self.close_connection = True

    def get_cert(self, query, domain, cut):
        _, uid, _ = struct.unpack("3i", self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid in self.api.tailnet.state.get("cert_denied_to", []):
            return self.text(403, "cert access denied")
        pair = self.api.tailnet.state["certs"].get(domain)
        if "." not in domain:
            return self.text(500, "invalid domain")
        if pair is None:
            return self.text(500, "your Tailscale account does not support getting TLS certs")
        key, end, chain = pair.partition("--\n--")
        parts = {"pair": pair, "key": key + end[:3], "crt": end[3:] + chain}
        return self.answer(200, "text/plain", parts[query.get("type", ["pair"])[0]].encode(), "length", cut)


class ControlHandler(Handler):
    def reply(self, value, status=200):
        self.answer(status, "application/json", json.dumps(value).encode())

    def act(self):
        try:
            known = self.server.acts[(self.command, self.path)]
            self.reply(known(self.body()))
        except KeyError as e:
            self.reply({"error": f"unknown: {e}"}, 404)
        except ValueError as e:
            self.reply({"error": str(e)}, 400)

    do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = act


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class LocalAPI:
    FAULTS = ("hang", "error", "garbage", "noise", "close", "drop", "slow")

    def __init__(self, path, state=None, control=None):
        self.path, self.control, self.tailnet = path, control, Tailnet(state)
        self.backend, self.guard = threading.Lock(), threading.Lock()  # tailscaled's one lock; ours
        self.faults, self.log, self.connections = [], [], set()
        self.released = threading.Event()
        self.server = self.control_server = None

    def __enter__(self):
        self.listen()
        if self.control:
            self.control_server = self.serve(self.control, ControlHandler)
            self.control_server.acts = {
                ("GET", "/state"): lambda _: self.tailnet.state, ("PATCH", "/state"): self.change, ("PUT", "/state"): self.replace,
                ("POST", "/fault"): self.fault, ("DELETE", "/fault"): lambda _: self.clear_faults(),
                ("POST", "/restart"): lambda body: self.restart(**body),
                ("GET", "/log"): lambda _: self.log, ("DELETE", "/log"): lambda _: self.log.clear() or {},
            }
        return self

    def __exit__(self, *_):
        self.clear_faults()
        self.shut(self.server)
        self.shut(self.control_server)
        self.drop_connections()

    def serve(self, path, handler):
        if os.path.exists(path):
            os.unlink(path)
        server = Server(path, handler)
        os.chmod(path, 0o666)
        server.api = self
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def listen(self):
        self.server = self.serve(self.path, TailscaledHandler)

    @staticmethod
    def shut(server):
        if server is not None:
            server.shutdown()
            server.server_close()
            if os.path.exists(server.server_address):
                os.unlink(server.server_address)

    def change(self, patch):
        with self.backend:
            self.tailnet.state = merged(self.tailnet.state, patch)
        return {}

    def replace(self, state):
        with self.backend:
            self.tailnet = Tailnet(state)
        return {}

    def fault(self, fault):
        if fault.get("kind") not in self.FAULTS:
            raise ValueError(f"kind is one of {', '.join(self.FAULTS)}")
        with self.guard:
            self.released.clear()
            self.faults.append(dict(fault))
        return {}

    def take_fault(self, what):
        with self.guard:
            for fault in self.faults:
                if fault.get("path", "*") not in ("*", what) or fault.get("times", 1) < 1:
                    continue
                if "times" in fault:
                    fault["times"] -= 1
                return fault
        return None

    def clear_faults(self):
        with self.guard:
            self.faults.clear()
            self.released.set()
        return {}

    def hang(self, connection):
        """Until the faults are cleared or the other side gives up."""
        connection.settimeout(0.05)
        while not self.released.is_set():
            try:
                if connection.recv(1) == b"":
                    return
            except socket.timeout:
                continue

    def note(self, method, path, dial):
        entry = {"method": method, "path": path, "status": 0, **dial}
        with self.guard:
            self.log.append(entry)
        return entry

    def track(self, connection, alive):
        with self.guard:
            (self.connections.add if alive else self.connections.discard)(connection)

    def drop_connections(self):
        with self.guard:
            # a control connection that ordered this must still get its answer
            doomed = [c for c in self.connections if c.fileno() >= 0 and c.getsockname() == self.path]
        for connection in doomed:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def restart(self, down_s=0.1, nostate_s=0.4, starting_s=0.3):
        """Comes back on its own; returns once the old socket is gone."""
        self.shut(self.server)
        self.drop_connections()
        state = self.tailnet.state["backend_state"]

        def come_back():
            time.sleep(down_s)
            self.change({"backend_state": "NoState"})
            self.listen()
            time.sleep(nostate_s)
            self.change({"backend_state": "Starting"})
            time.sleep(starting_s)
            self.change({"backend_state": state})

        threading.Thread(target=come_back, daemon=True).start()
        return {}


def main():
    parser = argparse.ArgumentParser(description="a stand-in for tailscaled's LocalAPI")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--control")
    parser.add_argument("--state", type=argparse.FileType())
    args, _ = parser.parse_known_args()  # a tailscaled has more of them, which are looked at from outside
    stop = threading.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: stop.set())
    with LocalAPI(args.socket, json.load(args.state) if args.state else None, args.control):
        print("ready", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
