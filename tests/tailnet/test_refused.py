"""Who is not let in, and why that is said."""
import socket
import ssl
import time

import namespaces
from people import (HOST, SECONDS, Application, Browser, Held, answer_over, error_of, page_request, redeem_until_refused, sign_in,
                    take_codes)
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


def tls_to(way, raw):
    return ssl.create_default_context(cafile=way.bed.ca.file).wrap_socket(raw, server_hostname=HOST)


def test_local_process_is_nobody(any_way):
    """On loopback, where in userspace mode peers arrive too; in kernel mode from there to our own tailnet address."""
    with namespaces.inside(any_way.node.name):
        raw = socket.create_connection((any_way.node.v4 if any_way.is_kernel else "127.0.0.1", 443), SECONDS, source_address=("127.0.0.1", 0))
    began = time.monotonic()
    status, _, text = answer_over(tls_to(any_way, raw), page_request(url_of(any_way)))
    must_be_page(status, text, "not_on_tailnet")
    any_way.say("a local process is refused after", time.monotonic() - began)


def dial(node, address, port):
    """tailscaled connects any local process to a tailnet address, as the node itself."""
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(SECONDS)
    raw.connect(node.socket)
    raw.sendall(f"POST /localapi/v0/dial HTTP/1.1\r\nHost: local-tailscaled.sock\r\nConnection: upgrade\r\nUpgrade: ts-dial\r\n"
                f"Dial-Host: {address}\r\nDial-Port: {port}\r\nDial-Network: tcp\r\nContent-Length: 0\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += raw.recv(1)
    assert b" 101 " in head.split(b"\r\n")[0], head
    return raw


def test_our_own_node_is_nobody(any_way):
    """Any local process can appear as it."""
    if any_way.is_kernel:
        answer = Browser(any_way.provider, any_way.node).get(url_of(any_way))
        must_be_page(answer.status_code, answer.text, "not_on_tailnet")
        return
    status, _, text = answer_over(tls_to(any_way, dial(any_way.node, any_way.node.v4, 443)), page_request(url_of(any_way)))
    must_be_page(status, text, "not_on_tailnet")


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
    held = Held(way.provider, old, page_request(url_of(way)))
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


def test_removed_machine(way):
    """As with expiry; nothing is left that could carry the page."""
    bed = way.bed
    gone = bed.extra("gone", "dave", way.node)
    held = Held(way.provider, gone, page_request(url_of(way)))
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
