"""avouch doctor on the real thing. (What it finds when something is broken on purpose: tests/e2e/test_doctor.py, and here and there.)"""
import contextlib
import socket

import namespaces


def test_doctor_all_is_well(any_way):
    status, findings = any_way.provider.doctor()
    bad = [f for f in findings.values() if f["state"] == "bad"]
    assert (status, bad) == (0, []), bad
    good = {"tailscaled", "mode", "control", "tag", "node key", "grants", "tailnet", "issuer", "certificate", "clock", "database", "disk"}
    assert good <= {name for name, f in findings.items() if f["state"] == "good"}, findings
    if any_way.is_kernel:  # MagicDNS is in reach
        assert findings["dns"]["state"] == "good", findings["dns"]


def test_doctor_finds_neighbours(any_way):
    """Other programs whose ports the tailnet reaches under our name. tailscaled's own, where nodes speak to each other, is none."""
    assert "neighbours" not in any_way.provider.doctor()[1], any_way.provider.doctor()[1]["neighbours"]
    place = any_way.node.v4 if any_way.is_kernel else "127.0.0.1"
    for address, known in (("0.0.0.0", True), (place, True), (any_way.provider.lan, False), ("127.0.0.1", not any_way.is_kernel)):
        with contextlib.ExitStack() as stack:
            with namespaces.inside(any_way.node.name):
                stack.enter_context(socket.create_server((address, 3000)))
            found = any_way.provider.doctor()[1].get("neighbours", {}).get("finding", "")
            assert ("port 3000" in found) == known, (address, found)
