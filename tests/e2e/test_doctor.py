"""avouch doctor: each check finds what was broken on purpose, says what it means and what mends it. tailscaled is a stand-in here;
tests/tailnet asks a real one."""

import contextlib
import json
import os
import struct
import subprocess
import sys
import time

from support import BINARY, ROOT, Skip, Tailnet, authority, equal, spawn, wait_until, write_file

DAY = 86400


def rfc3339(seconds_from_now):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


@contextlib.contextmanager
def at_home(name, **how):
    """The issuer's name, localhost, leads to our own node, as far as tailscaled says."""
    with Tailnet(name, **how) as server:
        server.api.change({"nodes": {"idp": {"addresses": ["100.64.0.1", "127.0.0.1"]}}})
        yield server


def examine(server, *more, config=None, environment=None, wrapper=()):
    """Exit status, and the findings by their check's name: a list each."""
    path = config or os.path.join(server.dir, "avouch.yaml")
    done = subprocess.run([*wrapper, BINARY, "doctor", "--config", path, "--json", *more], capture_output=True, text=True, timeout=60,
                          env={**server.environment, **(environment or {})}, check=False)
    findings = {}
    for f in json.loads(done.stdout):
        findings.setdefault(f["check"], []).append(f)
    return done.returncode, findings


def must_find(server, check, state, finding, mend, **how):
    """One of the check's findings is this; bad ones make the exit status 1."""
    status, found = examine(server, **how)
    fits = [f for f in found.get(check, []) if f["state"] == state and finding in f["finding"] and (mend or "") in f.get("mend", "")]
    assert fits and (mend is None or fits[0].get("mend")), f"no {state} {check} with {finding!r}, {mend!r} in {found.get(check)}"
    bad = any(f["state"] == "bad" for fs in found.values() for f in fs)
    equal(status, 1 if bad else 0, "exit status")
    return fits[0]


def changed_config(server, old, new):
    """A copy of the server's settings with a part replaced."""
    with open(os.path.join(server.dir, "avouch.yaml"), encoding="utf-8") as f:
        text = f.read()
    assert old in text, text
    return write_file(os.path.join(server.dir, "changed.yaml"), text.replace(old, new))


def test_doctor_all_is_well():
    with at_home("well") as server:
        server.use_certificate(*authority().issue("well-2", days=90))
        status, found = examine(server)
        equal((status, [f for fs in found.values() for f in fs if f["state"] == "bad"]), (0, []), "what is bad")
        for check in ("tailscaled", "mode", "control", "tag", "node key", "grants", "tailnet", "issuer", "dns", "certificate", "clock",
                      "database", "disk", "pkce"):
            equal([f["state"] for f in found[check]], ["good"], check)
        done = subprocess.run([BINARY, "doctor", "--config", os.path.join(server.dir, "avouch.yaml")], capture_output=True, text=True,
                              timeout=60, env=server.environment, check=False)
        equal(done.returncode, 0, "exit status")
        assert "ok    tailscaled     Running, version 1.102.5" in done.stdout, done.stdout


def test_doctor_tailscaled_in_trouble():
    with at_home("trouble") as server:
        for kind in ("error", "garbage", "noise", "drop", "close"):
            server.api.fault({"kind": kind, "path": "status"})
            must_find(server, "tailscaled", "bad", "does not answer", "systemctl start tailscaled")
            server.api.clear_faults()
        server.api.change({"backend_state": "NeedsLogin", "auth_url": "https://login.example/a/1"})
        must_find(server, "tailscaled", "bad", "Log in at https://login.example/a/1", "tailscale up")
        own = changed_config(server, "mode: userspace", "mode: own")
        os.mkdir(os.path.join(server.state, "tailscale"), 0o700)
        os.symlink(server.api.path, os.path.join(server.state, "tailscale", "tailscaled.sock"))
        must_find(server, "tailscaled", "bad", "Log in at https://login.example/a/1", "open that address", config=own)
        for state in ("Stopped", "Starting", "NoState"):
            server.api.change({"backend_state": state})
            must_find(server, "tailscaled", "bad", f"not running ({state})", "tailscale up")
        server.api.change({"backend_state": "Running", "auth_url": ""})
        for version, old in (("1.66.4-t1", True), ("1.69", True), ("1.70.0", False), ("2.1.0", False), ("nonsense", False)):
            server.api.change({"version": version})
            equal("version" in examine(server)[1], old, version)
        server.api.change({"version": "1.66.4-t1"})
        must_find(server, "version", "look", "1.66.4", "tailscale update")
        os.rename(server.api.path, server.api.path + ".away")
        must_find(server, "tailscaled", "bad", "does not answer", "tailscale.socket")
        os.rename(server.api.path + ".away", server.api.path)


def test_doctor_tailscaled_hangs():
    with at_home("hangs") as server:
        server.api.fault({"kind": "hang", "path": "status"})
        begun = time.monotonic()
        must_find(server, "tailscaled", "bad", "does not answer", "systemctl start tailscaled")
        assert time.monotonic() - begun < 30, "it hangs with it"


test_doctor_tailscaled_hangs.slow = True


def test_doctor_control_server_and_mode():
    with at_home("control") as server:
        server.api.change({"online": False, "health": ["Unable to connect to the Tailscale coordination server"]})
        must_find(server, "control", "bad", "answers from memory", "tailscale netcheck")
        must_find(server, "health", "look", "coordination server", None)
        server.api.change({"online": True, "health": [], "tun": True})
        must_find(server, "mode", "bad", "nothing arrives on 127.0.0.1", "mode: auto")
        server.api.change({"tun": False})
        must_find(server, "mode", "bad", "no network interface", "mode: auto", config=changed_config(server, "userspace", "kernel"))


def test_doctor_our_own_node():
    with at_home("own-node") as server:
        server.api.change({"nodes": {"idp": {"tags": None, "person": "bob"}}})
        must_find(server, "tag", "look", "belongs to a person", "--advertise-tags")
        server.api.change({"nodes": {"idp": {"tags": ["tag:idp"], "person": None, "key_expiry": rfc3339(3 * DAY)}}})
        must_find(server, "node key", "look", "expires on", "disable key expiry")
        server.api.change({"nodes": {"idp": {"key_expiry": rfc3339(90 * DAY)}}})
        must_find(server, "node key", "good", "expires on", None)
        server.api.change({"nodes": {"idp": {"key_expiry": rfc3339(-DAY)}}})
        must_find(server, "node key", "bad", "has expired", "--force-reauth")


def test_doctor_command_line_of_tailscaled():
    """What only that tells: state in memory, proxies."""
    with at_home("flags") as server:
        _, found = examine(server)
        assert "ephemeral" not in found and "proxies" not in found, found
        for flag, check, state, finding, mend in (
                ("--state=mem:", "ephemeral", "bad", "in memory", "--statedir"),
                ("--socks5-server=localhost:1055", "proxies", "look", "as this node", "without --socks5-server"),
                ("--outbound-http-proxy-listen=localhost:1056", "proxies", "look", "as this node", "--outbound-http-proxy-listen")):
            path = os.path.join(server.dir, "other.sock")
            child = spawn([sys.executable, os.path.join(ROOT, "tests", "support", "localapi.py"), "--socket", path, "--", flag],
                          stdout=subprocess.PIPE, text=True)
            equal(child.stdout.readline(), "ready\n", "the stand-in")
            config = changed_config(server, server.api.path, path)
            must_find(server, check, state, finding, mend, config=config)
            child.terminate()
            child.wait()


def test_doctor_grants_and_routers():
    with at_home("peers", people=3) as server:
        must_find(server, "grants", "good", "5 of 5 people's devices have a grant", None)
        must_find(server, "grants", "good", "1 of them administer", None)
        server.api.change({"nodes": {name: {"grants": None} for name in ("alice-laptop", "bob-phone", "n1", "n2", "n3")}})
        must_find(server, "grants", "look", "0 of 5", "tailscale.com/cap/tsidp")
        server.api.change({"nodes": {"n1": {"routes": ["10.0.0.0/24"]}, "ci": {"routes": ["10.1.0.0/24"]}}})
        found = must_find(server, "router", "look", "n1.tail1234.ts.net belongs to a person", "--advertise-tags")
        assert found and len(examine(server)[1]["router"]) == 1, "a tagged router is as it should be"


def test_doctor_serve_configuration():
    with at_home("serve") as server:
        server.api.change({"serve": {"TCP": {str(server.port): {"HTTPS": True}}}})
        must_find(server, "serve", "bad", f"has port {server.port}", "tailscale serve reset")
        server.api.change({"serve": None})
        server.api.change({"serve": {"Foreground": {"a session": {"TCP": {str(server.port): {"HTTPS": True}}}}}})
        must_find(server, "serve", "bad", f"has port {server.port}", "tailscale serve reset")
        server.api.change({"serve": None})
        server.api.change({"serve": {"TCP": {"8443": {"HTTPS": True}}}})
        must_find(server, "cookies", "look", "has port 8443", "a node of its own")
        behind = changed_config(server, f"tailnet:127.0.0.1:{server.port}", "serve:unix:/run/avouch/serve.sock")
        must_find(server, "serve", "bad", "hands nothing to /run/avouch/serve.sock",
                  "tailscale serve --bg --https=443 unix:/run/avouch/serve.sock", config=behind)
        server.api.change({"serve": {"TCP": {"443": {"HTTPS": True}, "8443": None},
                                     "Web": {"idp:443": {"Handlers": {"/": {"Proxy": "unix:/run/avouch/serve.sock"}}}}}})
        must_find(server, "serve", "good", "hands requests to", None, config=behind)
        assert "cookies" not in examine(server, config=behind)[1], "its own port is no stranger's"
        as_service = {"AVOUCH_TAILSCALE_SERVICE": "svc:idp"}
        must_find(server, "serve", "bad", "hands nothing to", "--service=svc:idp --https=443", config=behind, environment=as_service)
        handlers = {"idp.tail1234.ts.net:443": {"Handlers": {"/": {"Proxy": "unix:/run/avouch/serve.sock"}}}}
        server.api.change({"serve": {"Services": {"svc:idp": {"TCP": {"443": {"HTTPS": True}}, "Web": handlers}}}})
        must_find(server, "serve", "good", "hands requests to", None, config=behind, environment=as_service)


def test_doctor_issuer_and_dns():
    with at_home("issuer") as server:
        other = changed_config(server, f"issuer: {server.issuer}", "issuer: https://other.example")
        must_find(server, "issuer", "bad", "The configuration says https://other.example", "avouch issuer rename", config=other)
        server.api.change({"nodes": {"idp": {"addresses": ["100.64.0.1"]}}})
        must_find(server, "dns", "bad", "localhost does not lead to this node", "tailscale ip")
        server.cli("issuer", "rename", "https://nowhere.invalid")
        must_find(server, "dns", "look", "cannot resolve nowhere.invalid", "MagicDNS")


def test_doctor_certificate_files():
    with at_home("files") as server:
        must_find(server, "certificate", "look", "Good until", "renew it")  # the tests' certificates are short-lived
        server.use_certificate(authority().issue("files-2")[0], authority().issue("files-3")[1])
        must_find(server, "certificate", "bad", "does not belong to the certificate", "set tls.certificate and tls.key")
        os.unlink(server.certificate)
        must_find(server, "certificate", "bad", "tls.pem", "set tls.certificate and tls.key")


def give(directory, uid):
    for path in [directory] + [os.path.join(directory, name) for name in os.listdir(directory)]:
        os.chown(path, uid, -1)


def test_doctor_certificate_of_tailscaled():
    """Root asks for it as whoever owns the database: that one's rights count."""
    with at_home("cert") as server:
        config = changed_config(server, f"tls: {{certificate: {server.certificate}, key: {server.key}}}\n", "")
        must_find(server, "certificate", "bad", "invalid domain", "turn HTTPS on", config=config)  # localhost: it wants a dot
        with open(server.key, encoding="ascii") as key, open(server.certificate, encoding="ascii") as certificate:
            pair = key.read() + certificate.read()
        server.cli("issuer", "rename", "https://idp.tail1234.ts.net")
        must_find(server, "certificate", "bad", "does not support getting TLS certs", "turn HTTPS on", config=config)
        server.api.change({"certs": {"idp.tail1234.ts.net": pair}})
        must_find(server, "certificate", "look", "Good until", "renew", config=config)
        must_find(server, "public", "good", "public logs", None, config=config)
        owner = 2 if os.getuid() == 0 else os.getuid()
        server.api.change({"cert_denied_to": [owner]})
        if owner == 2:
            os.chmod(server.dir, 0o755)
            give(server.state, 2)
        try:
            must_find(server, "certificate", "bad", "cert access denied", "TS_PERMIT_CERT_UID", config=config)
            equal([f["state"] for f in examine(server, config=config)[1]["database"]], ["good"], "the database, by its owner")
        finally:
            give(server.state, os.getuid())


def test_doctor_database():
    with at_home("database") as server:
        os.chmod(server.state, 0o750)
        must_find(server, "owner", "bad", "Others may look", f"chmod 700 {server.state}")
        os.chmod(server.state, 0o700)
        never = changed_config(server, f"state: {server.state}", f"state: {server.state}-never")
        must_find(server, "database", "bad", "cannot be opened", "start the server once", config=never)
        page = server.add().request().open(server.browser(source="127.0.1.1"))
        assert page.code, page
        server.api.change({"people": {"p1": {"login": "somebody@else.example"}}})
        server.add().request().open(server.browser(source="127.0.1.1"))
        must_find(server, "people", "bad", "1 known user ids", "avouch person confirm")
        must_find(server, "pkce", "good", "2 applications may sign in without PKCE", None)


def test_doctor_foreign_file_in_the_database():
    """As after a subcommand that was run by somebody else."""
    if os.getuid() != 0:
        raise Skip("only root can give files away")
    with at_home("foreign") as server:
        os.chown(os.path.join(server.state, "lock.mdb"), 2, 2)
        must_find(server, "owner", "bad", "lock.mdb", f"chown -R 0:0 {server.state}")


def test_doctor_disk_is_full():
    """On a file system of its own that has 1 MiB left."""
    words = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=8m tmpfs "$0" && cp "$1"/* "$0" && '
             'dd if=/dev/zero of="$0/filler" bs=1M count=7 status=none; shift; exec "$@"']
    with at_home("disk") as server:
        place = server.state + "-small"
        os.mkdir(place, 0o700)
        probe = subprocess.run([*words[:2], "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            raise Skip("mount namespaces need root")
        config = changed_config(server, f"state: {server.state}", f"state: {place}")
        must_find(server, "disk", "bad", "nobody is signed in", "make room", config=config, wrapper=[*words, place, server.state])


def test_doctor_whose_tailnet():
    with at_home("whose") as server:
        must_find(server, "tailnet", "good", "belongs to example.com", None)
        server.api.change({"control_url": "https://other.example"})
        found = wait_until("the server has seen it", lambda: [f for f in examine(server)[1]["tailnet"] if f["state"] == "bad"])[0]
        assert "another tailnet" in found["finding"] and "avouch tailnet accept" in found["mend"], found


def build_clock_shim(server):
    """tests/crash's: preloaded, it moves the clock and says whether somebody keeps it right."""
    library, control = os.path.join(server.dir, "shim_clock.so"), os.path.join(server.dir, "clock")
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, os.path.join(ROOT, "tests", "crash", "shim_clock.c"), "-ldl"],
                   check=True, timeout=60)

    def environment(seconds, synchronised):
        with open(control, "wb") as f:
            f.write(struct.pack("<3q", 1000 * seconds, 0, synchronised))
        return {"LD_PRELOAD": library, "SHIM_CLOCK": control, "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}

    return environment


def test_doctor_clock():
    with at_home("clock") as server:
        server.add().sign_in(server.browser(source="127.0.1.1"))
        shim = build_clock_shim(server)
        must_find(server, "clock", "bad", "nothing is issued", "avouch clock accept", environment=shim(-DAY, True))
        must_find(server, "clock", "good", "Not behind", None, environment=shim(0, True))
        assert "time source" not in examine(server, environment=shim(0, True))[1], "a clock that is kept right"
        must_find(server, "time source", "look", "Nobody keeps this machine's clock right", "set-ntp", environment=shim(0, False))
