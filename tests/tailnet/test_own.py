"""A node of our own: avouch starts, joins and keeps a tailscaled. Its key was good for one join, so whatever ends must be the same node
again when it comes back."""
import time

from people import sign_in
from provider import OwnProvider
from waiting import is_alive, wait_for


def who(node):
    status = node.status()
    return status["Self"]["ID"], status["TailscaleIPs"]


def must_be_back(own, before, began, what):
    wait_for(own.node.is_running, 40, "our own node to run", every=0.1)
    assert who(own.node) == before, (who(own.node), before)
    own.bed.greet(own.node.name)
    assert sign_in(own.provider, own.bed["alice"], own.bed["ci"])["sub"] == own.bed.people["alice"]
    own.say(f"{what}: alice is signed in after", time.monotonic() - began)


def test_own_tailscaled_dies(own):
    before, began = who(own.node), time.monotonic()
    own.node.kill()
    wait_for(lambda: not own.node.is_running(), 5, "it to end")
    must_be_back(own, before, began, "tailscaled killed")


def test_own_tailscaled_dies_without_control_server(own):
    """It waits for the control server then, which is no reason to join anew."""
    before = who(own.node)
    own.bed.control.stop()
    try:
        own.node.kill()
        wait_for(lambda: len(own.provider.logged("tailscaled is not running yet")) > 0, 15, "it to wait")
        time.sleep(3)
    finally:
        began = time.monotonic()
        own.bed.control.start()
    must_be_back(own, before, began, "control server back")


def test_own_node_outlives_a_restart(own):
    before, daemon = who(own.node), own.node.daemon_pid()
    began = time.monotonic()
    assert own.provider.stop() == 0
    assert not is_alive(daemon)
    own.provider.start()
    must_be_back(own, before, began, "avouch stopped and started")


def test_own_node_outlives_a_crash(own):
    before, daemon = who(own.node), own.node.daemon_pid()
    began = time.monotonic()
    own.provider.kill()
    own.provider.start()
    must_be_back(own, before, began, "avouch killed and started")
    assert not is_alive(daemon)


def test_own_node_without_a_key(bed):
    """Log, doctor and the last words of one that was stopped before show an address, and somebody logs the node in there."""
    provider = OwnProvider(bed, bed.make_own("keyless"))
    try:
        provider.begin()
        shown, _ = wait_for(lambda: provider.logged("open this address to let our own node join the tailnet"), 20, "the address")
        url = shown[0]["url"]
        status, findings = provider.doctor()
        tailscaled = findings["tailscaled"]
        assert (status, tailscaled["state"]) == (1, "bad") and url in tailscaled["finding"] and "open that address" in tailscaled["mend"]
        assert provider.stop() == 0 and f"Open {url} to log it in" in provider.lines()[-1], provider.lines()[-1]
        before = len(provider.logged("open this address to let our own node join the tailnet"))
        provider.begin()
        wait_for(lambda: len(provider.logged("open this address to let our own node join the tailnet")) > before, 20, "the address again")
        bed.control.register(provider.logged("open this address to let our own node join the tailnet")[-1]["url"], "bob")
        provider.node.end_join()
        joined, _ = wait_for(lambda: provider.logged("our own node is on the tailnet"), 10, "avouch to say so")
        assert joined[-1]["name"] == "keyless.tail.test", joined
        bed.meet(["keyless"], ["alice", "ci"])
        assert sign_in(provider, bed["alice"], bed["ci"])["sub"] == bed.people["alice"]
        assert provider.doctor()[1]["tag"]["state"] == "look", "it is bob's"
    finally:
        provider.stop()
        bed.drop("keyless")
