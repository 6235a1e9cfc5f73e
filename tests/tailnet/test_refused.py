"""Who is not let in, and why that is said."""
import socket
import subprocess
import sys
import time

import namespaces
from people import (SECONDS, Application, Browser, Held, answer_over, error_of, page_request, read_answer, redeem_until_refused, sign_in,
                    take_codes, tls_over)
from waiting import wait_for


def url_of(way):
    return Application(way.provider, way.bed["ci"]).url()


def must_be_page(status, text, code):
    assert (status, error_of(text)) == (403, code), (status, error_of(text))


def refusals_logged(way, code):
    return [r for r in way.provider.logged("GET") if r.get("error") == code]


def test_tagged_machine_is_nobody(any_way):
    for v6 in (False, True):
        answer = Browser(any_way.provider, any_way.bed["ci"], v6).get(url_of(any_way))
        must_be_page(answer.status_code, answer.text, "node_tagged")


def test_local_process_is_nobody(any_way):
    """On loopback, where in userspace mode peers arrive too; in kernel mode from there to our own tailnet address."""
    with namespaces.inside(any_way.node.name):
        raw = socket.create_connection((any_way.node.v4 if any_way.is_kernel else "127.0.0.1", 443), SECONDS, source_address=("127.0.0.1", 0))
    began = time.monotonic()
    status, _, text = answer_over(tls_over(any_way.provider, raw), page_request(any_way.provider, url_of(any_way)))
    must_be_page(status, text, "not_on_tailnet")
    any_way.say("a local process is refused after", time.monotonic() - began)


def connect_as_stranger(node):
    """To the provider on loopback, from a process of an ordinary user who is neither tailscaled's nor the provider's."""
    here, there = socket.socketpair()
    code = ("import socket, sys\n"
            "s = socket.create_connection(('127.0.0.1', 443), 5)\n"
            "socket.send_fds(socket.socket(fileno=int(sys.argv[1])), [b'x'], [s.fileno()])")
    with namespaces.inside(node.name):
        subprocess.run(["setpriv", "--reuid=2", "--regid=2", "--clear-groups", sys.executable, "-c", code, str(there.fileno())],
                       pass_fds=[there.fileno()], check=True, timeout=10)
    return socket.socket(fileno=socket.recv_fds(here, 1, 1)[1][0])


def test_another_users_process_cannot_make_people_wait(any_way):
    """What tailscaled did not open is no peer of its, and is not asked about: an unknown port takes it 185 ms, with everybody waiting."""
    if any_way.is_kernel:
        return flood_from_the_lan(any_way)
    strangers = [tls_over(any_way.provider, connect_as_stranger(any_way.node)) for _ in range(8)]
    began = time.monotonic()
    for s in strangers:
        s.sendall(page_request(any_way.provider, url_of(any_way)))
    sign_in(any_way.provider, any_way.bed["alice"], any_way.bed["ci"])
    any_way.say("8 processes ask at once: alice is signed in after", time.monotonic() - began)
    for s in strangers:
        status, _, text = read_answer(s)
        must_be_page(status, text, "not_on_tailnet")
    took = time.monotonic() - began
    assert took < 8 * 0.18, f"8 refusals took {took:.1f} s: tailscaled was asked"


def flood_from_the_lan(way):
    """Of the classes that may be reached from beyond the tailnet none asks about its peer, and a named proxy's word about an address that
    cannot be a peer's is not asked about either."""
    proxied = [socket.create_connection(way.provider.proxied, SECONDS) for _ in range(20)]
    outside = [tls_over(way.provider, socket.create_connection(way.provider.public, SECONDS)) for _ in range(20)]
    began = time.monotonic()
    for s in proxied:
        s.sendall(page_request(way.provider, url_of(way), "X-Forwarded-For: 10.77.0.99"))
    for s in outside:
        s.sendall(page_request(way.provider, url_of(way)))
    for s in proxied + outside:
        status, _, text = read_answer(s)
        must_be_page(status, text, "not_on_tailnet")
    took = time.monotonic() - began
    way.say("40 requests from the LAN are refused after", took)
    assert took < 20 * 0.18, f"40 refusals took {took:.1f} s: tailscaled was asked"


def test_our_own_node_is_nobody(any_way):
    """Any local process can appear as it."""
    if any_way.is_kernel:
        answer = Browser(any_way.provider, any_way.node).get(url_of(any_way))
        must_be_page(answer.status_code, answer.text, "node_is_ours")
        return
    status, _, text = answer_over(tls_over(any_way.provider, any_way.node.dial(any_way.node.v4, 443)), page_request(any_way.provider, url_of(any_way)))
    must_be_page(status, text, "node_is_ours")


def test_lan_cannot_connect(any_way):
    with namespaces.inside("alice"):
        try:
            socket.create_connection((f"10.77.0.{any_way.node.number}", 443), 2).close()
        except OSError:
            return
    raise AssertionError("avouch listens beyond the tailnet")


def test_expired_machine(way):
    """The tailnet itself cuts an expired machine off, so only a request already under way meets the page, and only a machine that is
    back in time gets to see it."""
    bed, old = way.bed, way.bed["old"]
    held = Held(way.provider, old, page_request(way.provider, url_of(way)))
    try:
        began = time.monotonic()
        bed.control.expire(old)
        wait_for(lambda: way.node.whois(old.v4)["Node"].get("Expired"), 10, "the expiry to be known")
        way.say("expired: the node's tailscaled knows after", time.monotonic() - began)
        held.go_on()
        wait_for(lambda: refusals_logged(way, "node_expired"), 5, "the refusal")
    finally:
        held.go_on()
        bed.join([old], ["carol"])
        bed.meet([way.node.name], ["old"])
    status, _, text = held.answer()
    must_be_page(status, text, "node_expired")
    held.close()


def test_expired_persons_codes(way):
    bed, old = way.bed, way.bed["old"]
    codes = take_codes(way.provider, old, bed["ci"], 60)
    began = time.monotonic()
    try:
        bed.control.expire(old)
        answer, took, redeemed = redeem_until_refused(codes, began)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text
        way.say(f"expired: a code is refused ({redeemed} were redeemed before) after", took)
    finally:
        bed.join([old], ["carol"])
        bed.meet([way.node.name], ["old"])
    assert sign_in(way.provider, old, bed["ci"])["sub"] == bed.people["carol"]


def test_logged_out_persons_codes(way):
    """Somebody signs their machine out of the tailnet."""
    bed, old = way.bed, way.bed["old"]
    codes = take_codes(way.provider, old, bed["ci"], 60)
    began = time.monotonic()
    try:
        old.api("POST", "logout")
        answer, took, redeemed = redeem_until_refused(codes, began)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text
        way.say(f"logged out: a code is refused ({redeemed} were redeemed before) after", took)
    finally:
        bed.join([old], ["carol"])
        bed.meet([way.node.name], ["old"])


def test_removed_machine(way):
    """As with expiry; nothing is left that could carry the page."""
    bed = way.bed
    gone = bed.extra("gone", "dave", way.node)
    held = Held(way.provider, gone, page_request(way.provider, url_of(way)))
    try:
        before = len(refusals_logged(way, "not_on_tailnet"))
        began = time.monotonic()
        bed.control.delete(gone)
        wait_for(lambda: way.node.whois(gone.v4) is None, 10, "the removal to be known")
        way.say("removed: the node's tailscaled knows after", time.monotonic() - began)
        held.go_on()
        wait_for(lambda: len(refusals_logged(way, "not_on_tailnet")) > before, 5, "the refusal")
    finally:
        held.close()
        bed.drop("gone")


def test_removed_persons_codes(any_way):
    bed = any_way.bed
    gone = bed.extra("gone", "erin", any_way.node)
    try:
        codes = take_codes(any_way.provider, gone, bed["ci"], 60)
        began = time.monotonic()
        bed.control.delete(gone)
        answer, took, redeemed = redeem_until_refused(codes, began)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text
        any_way.say(f"removed: a code is refused ({redeemed} were redeemed before) after", took)
    finally:
        bed.drop("gone")


def test_person_with_another_machine_keeps_the_code(way):
    """The node of the sign-in is gone, but the same person was seen from another one, which still vouches."""
    bed = way.bed
    sign_in(way.provider, bed["bob"], bed["ci"])
    gone = bed.extra("gone", "bob", way.node)
    try:
        app, location = take_codes(way.provider, gone, bed["ci"], 1)[0]
        bed.control.delete(gone)
        wait_for(lambda: way.node.whois(gone.v4) is None, 10, "the removal to be known")
        assert app.redeem(location)["sub"] == bed.people["bob"]
    finally:
        bed.drop("gone")
