"""A small internet for test_fetch.py: internet.py AVOUCH, in namespaces of its own (network, mounts, processes). Here is the machine that
avouch runs on; a second network namespace has a resolver whose names lead where their owners like, and an https server at global
addresses."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

HERE, THERE = "9.0.0.2", "9.0.0.1"
SERVICE, SERVICE6, CLOSED, OWN = "8.8.8.8", "2600::1", "8.8.4.4", "8.0.0.9"

# Name to addresses.
ZONE = {
    "public.example": [SERVICE], "both.example": [SERVICE, SERVICE6], "six.example": [SERVICE6],
    "loopback.example": ["127.0.0.1"], "metadata.example": ["169.254.169.254"], "private.example": ["10.0.0.1"], "tailnet.example": ["100.64.0.4"],
    "mapped.example": ["::ffff:127.0.0.1"], "nat64.example": ["64:ff9b::7f00:1"], "loopback6.example": ["::1"], "zero.example": ["0.0.0.0"],
    "own.example": [OWN], "mixed.example": ["10.0.0.1", SERVICE], "second.example": [CLOSED, SERVICE], "closed.example": [CLOSED],
    "rebind.example": [SERVICE],  # at first
}


def sh(line):
    subprocess.run(line, shell=True, check=True)


# ---- there ----


class Resolver:
    """DNS over UDP. `asked`: how often for A, by name. silent.example is never answered."""

    def __init__(self):
        self.socket, self.asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), {}
        self.socket.bind((THERE, 53))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            query, who = self.socket.recvfrom(512)
            answer = self.answer(query)
            if answer:
                self.socket.sendto(answer, who)

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind, question = struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]
        name = ".".join(labels).lower()
        if name == "silent.example":
            return None
        turn = self.asked[name] = self.asked.get(name, 0) + (kind == 1)
        addresses = ["127.0.0.1"] if name == "rebind.example" and turn > 1 else ZONE.get(name)
        family, size = {1: (socket.AF_INET, 4), 28: (socket.AF_INET6, 16)}.get(kind, (None, 0))
        records = [socket.inet_pton(family, a) for a in addresses or [] if family and (":" in a) == (kind == 28)]
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | (3 if addresses is None else 0), 1, len(records), 0, 0)
        return head + question + b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, size) + r for r in records)


def there():
    """Says where the authority's certificate is, then what it has seen, a line each time it is asked."""
    from origin import Origin
    from support import authority

    sh("ip link set lo up")
    print("up", flush=True)
    sys.stdin.readline()  # the link is here
    sh(f"ip address add {THERE}/30 dev there && ip address add 2600:9::1/64 dev there nodad && ip link set there up &&"
       f" ip address add {SERVICE}/32 dev lo && ip address add {CLOSED}/32 dev lo && ip address add {SERVICE6}/128 dev lo nodad")
    resolver, certificate = Resolver(), authority().issue("internet", [f"DNS:{n}" for n in ZONE] + [f"IP:{SERVICE}", f"IP:{SERVICE6}"])
    origins = [Origin(certificate, address=(SERVICE, 443)), Origin(certificate, address=(SERVICE6, 443), family=socket.AF_INET6)]
    print(authority().certificate, flush=True)
    for _ in sys.stdin:
        print(sum(o.connections for o in origins), resolver.asked.get("rebind.example", 0), flush=True)


# ---- here ----


class World:
    def __init__(self):
        self.child = subprocess.Popen(["unshare", "--net", sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout.readline() == "up\n"
        sh(f"ip link set lo up && ip link add here type veth peer name there netns {self.child.pid} && ip link set here up &&"
           f" ip address add {HERE}/30 dev here && ip address add 2600:9::2/64 dev here nodad && ip address add {OWN}/32 dev lo &&"
           f" ip route add default via {THERE} && ip route add default via 2600:9::1")
        self.certificate = self.ask()

    def ask(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().strip()

    def seen(self):
        """Connections to the service; how often rebind.example was asked for."""
        return tuple(map(int, self.ask().split()))


def use_resolver():
    import support

    for name, text in (("resolv.conf", f"nameserver {THERE}\n"), ("nsswitch.conf", "hosts: files dns\n"), ("hosts", "127.0.0.1 localhost\n")):
        path = support.write_file(os.path.join(support.WORK, name), text)
        sh(f"mount --bind {path} $(realpath /etc/{name})")


def use_authority(certificate):
    """As one of the system's."""
    import support

    name = subprocess.run(["openssl", "x509", "-in", certificate, "-hash", "-noout"], check=True, capture_output=True, text=True).stdout.strip()
    folder = support.directory("authorities")
    shutil.copy(certificate, os.path.join(folder, name + ".0"))
    shutil.copy(certificate, os.path.join(folder, "ca-certificates.crt"))
    sh(f"mount --bind {folder} /etc/ssl/certs")


def here():
    os.environ["AVOUCH_BIN"] = sys.argv[1]
    from support import equal
    from test_fetch import Doctor

    use_resolver()
    world = World()
    traps = [socket.create_server((address, 443), family=family)
             for address, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6), (OWN, socket.AF_INET))]
    doctor = Doctor(ca=world.certificate)

    def fetch(name, outcome, words=""):
        return doctor.fetch(f"https://{name}/document").must(outcome, words)

    for name in ("public.example", "both.example", "six.example", "rebind.example", SERVICE, f"[{SERVICE6}]"):
        told = fetch(name, "ok")
        assert "(global) may be gone to" in told.of("address")[0], told.findings
    equal(world.seen(), (6, 1), "connections, and questions about a name that leads elsewhere the next time")

    for name in ("rebind.example", "loopback.example", "loopback6.example", "metadata.example", "private.example", "tailnet.example",
                 "mapped.example", "nat64.example", "zero.example"):
        fetch(name, "refused")
    for name in ("own.example", OWN):
        assert "(global, this machine's own) is not gone to" in fetch(name, "refused").of("address")[0]
    equal(world.seen()[0], 6, "connections")

    doctor = Doctor(ca=False)
    fetch("public.example", "bad_tls", "certificate")
    use_authority(world.certificate)
    fetch("public.example", "ok")
    doctor = Doctor(ca=world.certificate)

    told = fetch("mixed.example", "ok")
    equal(sorted("not gone to" in a for a in told.of("address")), [False, True], "one is refused, the other is taken")
    told = fetch("second.example", "ok")
    equal(told.of("way")[-1].partition(",")[0], f"Directly to {SERVICE}:443", "where the first one is closed")
    fetch("closed.example", "unreachable", CLOSED)
    fetch("nowhere.example", "no_address")
    fetch("silent.example", "too_slow", "resolving the name")
    doctor = Doctor("*.example", ca=world.certificate)
    fetch("own.example", "too_slow")  # it gets as far as the trap, which says nothing
    for trap in traps[:2]:
        trap.setblocking(False)
        try:
            trap.accept()
        except BlockingIOError:
            continue
        raise AssertionError("something came to loopback")


if __name__ == "__main__":
    here() if len(sys.argv) > 1 else there()
