"""Our own node changes: it is made anew, or loses its control server."""
import socket
import subprocess
import time

import namespaces
from people import Browser, answer_over, error_of, page_request, sign_in, take_codes, tls_over
from test_refused import url_of
from waiting import wait_for

def answers_at(way, address):
    """The provider's page, as alice gets it there; None where nothing listens."""
    try:
        with namespaces.inside("alice"):
            raw = socket.create_connection((address, 443), 2)
        return answer_over(tls_over(way.provider, raw), page_request(way.provider, url_of(way)))
    except OSError:
        return None


def refusal_at(way, address):
    """The page, if nobody is signed in there."""
    status, headers, text = answers_at(way, address) or (0, {}, "")
    return text if (status, error_of(text)) == (503, "temporarily_unavailable") and "Retry-After" in headers else None


def listening(way):
    """The addresses of port 443, as the machine itself says: the tailnet does not carry what is sent to nobody's address."""
    with namespaces.inside(way.node.name):
        lines = subprocess.run(["ss", "-Hltn", "sport = :443"], check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(line.split()[3].rsplit(":", 1)[0].strip("[]") for line in lines)


def test_control_server_is_away(way):
    """tailscaled answers from memory; past tailscale.max_stale that is not enough."""
    way.provider.restart({"AVOUCH_TAILSCALE_MAX_STALE": "6s"})
    try:
        lose_control_server(way)
    finally:
        way.provider.restart()


def lose_control_server(way):
    bed = way.bed
    codes = take_codes(way.provider, bed["alice"], bed["ci"], 2)
    browser = Browser(way.provider, bed["alice"])
    bed.meet_directly(way.node.name, ["alice", "ci"])
    try:
        bed.control.stop()
        began = time.monotonic()
        wait_for(lambda: not way.node.status()["Self"]["Online"], 10, "the node to notice")
        assert codes[0][0].redeem(codes[0][1])["sub"] == bed.people["alice"], "within the limit all goes on"
        assert way.provider.doctor()[1]["control"]["state"] == "bad"
        wait_for(lambda: "without its control server" in browser.get(url_of(way)).text, 20, "the refusal", every=0.3)
        way.say("control server away, max_stale 6 s: nobody is signed in after", time.monotonic() - began)
        page = browser.get(url_of(way))
        assert (page.status_code, error_of(page.text)) == (503, "temporarily_unavailable") and page.headers["Retry-After"], page.text
        refused = codes[1][0].redeem_raw(codes[1][1])
        assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable"), refused.text
        assert way.provider.logged("nobody is signed in: our node has been without its control server for too long")
    finally:
        began = time.monotonic()
        bed.control.start()
    wait_for(lambda: browser.get(url_of(way)).status_code == 302, 60, "the return", every=0.3)
    way.say("control server back: people are signed in again after", time.monotonic() - began)
    assert codes[1][0].redeem(codes[1][1])["sub"] == bed.people["alice"]


def test_node_is_made_anew(way):
    """Other addresses are followed; and as nobody can tell whether user ids still mean the same, nobody is signed in until the operator
    has said that it is the same tailnet."""
    bed, old = way.bed, (way.node.v4, way.node.v6)
    way.provider.reload()  # what is followed comes from settings that have been read anew
    way.node.api("POST", "logout")
    bed.control.delete(way.node)
    other = bed.make("other")  # the control server gives addresses to whoever comes next
    try:
        bed.join([other], ["bob"])
        bed.join([way.node], [bed.owner(way.node)])
        assert way.node.v4 not in old and way.node.v6 not in old, (old, way.node.v4, way.node.v6)
        began = time.monotonic()
        bed.greet(way.node.name)
        text, _ = wait_for(lambda: refusal_at(way, way.node.v6), 40, "a page at the new address", every=0.3)
        way.say("new node: noticed after", time.monotonic() - began)
        assert "avouch tailnet accept" in text, text
        assert listening(way) == (sorted([way.node.v4, way.node.v6]) if way.is_kernel else ["127.0.0.1"]), listening(way)
        began = time.monotonic()
        way.provider.command("tailnet", "accept")
        wait_for(lambda: (answers_at(way, way.node.v4) or (503,))[0] != 503, 10, "the acceptance to be noticed", every=0.3)
        way.say("`tailnet accept`: noticed after", time.monotonic() - began)
    finally:
        bed.control.delete(other)
        bed.drop("other")
    for v6 in (False, True):
        assert sign_in(way.provider, bed["alice"], bed["ci"], v6)["sub"] == bed.people["alice"]
