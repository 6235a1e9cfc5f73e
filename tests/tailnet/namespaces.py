"""Network namespaces of the bed. Everything here happens inside the private mount, process and network namespaces that
run.sh made, so the kernel takes all of it away with the last process, however that ends."""
import contextlib
import ctypes
import subprocess

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def enter(file):
    if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(name):
    """Sockets opened and programs started in here by this thread belong to that namespace, and stay there."""
    with open("/proc/thread-self/ns/net", encoding="ascii") as own, open(f"/run/netns/{name}", encoding="ascii") as other:
        enter(other)
        try:
            yield
        finally:
            enter(own)


def make_hub(v4, v6):
    """Our own namespace becomes the network between the nodes."""
    ip("link", "set", "lo", "up")
    # with an address of its own it keeps it: else it takes the lowest of its ports', and neighbours lose it for half a minute
    ip("link", "add", "br0", "address", "02:00:00:00:00:01", "type", "bridge")
    ip("addr", "add", v4, "dev", "br0")
    ip("addr", "add", v6, "dev", "br0", "nodad")
    ip("link", "set", "br0", "up")


def make(name, number, gateway):
    """A machine with one interface, eth0, plugged into the hub."""
    ip("netns", "add", name)
    ip("link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
    ip("link", "set", f"v{number}", "master", "br0", "up")
    for words in (["link", "set", "lo", "up"], ["addr", "add", f"10.77.0.{number}/24", "dev", "eth0"],
                  ["link", "set", "eth0", "up"], ["route", "add", "default", "via", gateway]):
        ip("-n", name, *words)


def remove(name, number):
    ip("link", "del", f"v{number}")
    ip("netns", "del", name)
