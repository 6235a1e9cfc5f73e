"""tailscaled hangs, stops, starts: 503 with Retry-After, never "nobody", and all is well by itself afterwards."""
import json
import socket
import time

import namespaces
from people import SECONDS, Held, answer_over, error_of, page_request, sign_in, take_codes, tls_over
from test_refused import url_of
from waiting import wait_for


def must_be_503(status, headers, text):
    assert (status, error_of(text)) == (503, "temporarily_unavailable"), (status, error_of(text))
    assert 1 <= int(headers["Retry-After"]) <= 60, headers["Retry-After"]


def must_be_json_503(status, headers, text):
    assert (status, json.loads(text).get("error")) == (503, "temporarily_unavailable") and int(headers["Retry-After"]) > 0, text


def troubles_logged(way, method="GET"):
    return [r for r in way.provider.logged(method) if r.get("status") == 503]


def test_tailscaled_hangs(any_way):
    """Its peers' packets wait in it as well, so the request is there before, and the answer gets out afterwards."""
    held = Held(any_way.provider, any_way.bed["alice"], page_request(any_way.provider, url_of(any_way)))
    before = len(troubles_logged(any_way))
    any_way.node.freeze()
    try:
        began = time.monotonic()
        held.go_on()
        wait_for(lambda: len(troubles_logged(any_way)) > before, 10, "the refusal")
        any_way.say("tailscaled hangs: 503 after", time.monotonic() - began)
    finally:
        held.go_on()
        began = time.monotonic()
        any_way.node.thaw()
    must_be_503(*held.answer())
    held.close()
    sign_in(any_way.provider, any_way.bed["alice"], any_way.bed["ci"])
    any_way.say("tailscaled goes on: alice is signed in after", time.monotonic() - began)


def test_tailscaled_stops(way):
    """Kernel mode: its interface goes with it, so the request must be there before and the answer waits for its return. Userspace mode:
    connections end with it; a local process gets the answer that a peer would."""
    held = Held(way.provider, way.bed["alice"], page_request(way.provider, url_of(way))) if way.is_kernel else None
    before = len(troubles_logged(way))
    way.node.stop()
    try:
        if held:
            held.go_on()
            wait_for(lambda: len(troubles_logged(way)) > before, 10, "the refusal")
        else:
            with namespaces.inside(way.node.name):
                raw = socket.create_connection(("127.0.0.1", 443), SECONDS)
            must_be_503(*answer_over(tls_over(way.provider, raw), page_request(way.provider, url_of(way))))
    finally:
        if held:
            held.go_on()
        began = time.monotonic()
        way.node.start()
        wait_for(way.node.is_running, 30, f"{way.node.name} to run")
        way.bed.greet(way.node.name)
    sign_in(way.provider, way.bed["alice"], way.bed["ci"])
    way.say("tailscaled stopped and started: alice is signed in after", time.monotonic() - began)
    if held:
        must_be_503(*held.answer())
        held.close()


def test_code_outlives_trouble(any_way):
    """An application that asks while tailscaled hangs is told to come back, and its code is as good as before."""
    app, location = take_codes(any_way.provider, any_way.bed["alice"], any_way.bed["ci"], 1)[0]
    held = Held(any_way.provider, any_way.bed["ci"], app.redeem_request(location))
    before = len(troubles_logged(any_way, "POST"))
    any_way.node.freeze()
    try:
        held.go_on()
        wait_for(lambda: len(troubles_logged(any_way, "POST")) > before, 10, "the refusal")
    finally:
        held.go_on()
        any_way.node.thaw()
    status, headers, text = held.answer()
    must_be_json_503(status, headers, text)
    held.close()
    assert app.redeem(location)["sub"] == any_way.bed.people["alice"]


def test_tailscaled_starts_without_control_server(way):
    """Then it says of everybody that there is no such peer, which is no reason to throw a code away. Asked from beside the tailnet."""
    bed = way.bed
    app, location = take_codes(way.provider, bed["alice"], bed["ci"], 1)[0]
    bed.control.stop()
    try:
        way.node.stop()
        way.node.start()
        wait_for(lambda: way.node.status()["BackendState"] == "NoState", 10, "the node to wait for its control server")
        assert way.node.whois(bed["alice"].v4) is None
        assert "not running (NoState)" in way.provider.doctor()[1]["tailscaled"]["finding"]
        raw = socket.create_connection(way.provider.public, SECONDS)
        must_be_json_503(*answer_over(tls_over(way.provider, raw), app.redeem_request(location)))
        if not way.is_kernel:
            with namespaces.inside(way.node.name):
                raw = socket.create_connection(("127.0.0.1", 443), SECONDS)
            must_be_503(*answer_over(tls_over(way.provider, raw), page_request(way.provider, url_of(way))))
    finally:
        bed.control.start()
        wait_for(way.node.is_running, 40, f"{way.node.name} to run")
        bed.greet(way.node.name)
    assert app.redeem(location)["sub"] == bed.people["alice"]


def test_provider_starts_before_tailscaled(way):
    """It waits, and serves as soon as it can."""
    assert way.provider.stop() == 0
    way.node.stop()
    before = len(way.provider.lines())
    try:
        way.provider.begin()
        wait_for(lambda: any("waiting for tailscaled" in line for line in way.provider.lines()[before:]), 5, "avouch to wait")
        time.sleep(1)
    finally:
        began = time.monotonic()
        way.node.start()
    wait_for(way.node.is_running, 30, f"{way.node.name} to run")
    wait_for(lambda: any('"serving"' in line for line in way.provider.lines()[before:]), 30, "avouch to serve")
    way.say("boot: serving after tailscaled's start by", time.monotonic() - began)
    way.bed.greet(way.node.name)
    sign_in(way.provider, way.bed["alice"], way.bed["ci"])
