"""Documents from the outside, as `avouch doctor --fetch` shows them: real https on loopback, which outbound.allow must name."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

from origin import Origin
from support import BINARY, HERE, Dev, LocalAPI, Skip, authority, directory, equal, free_port, spawn, wait_until, write_file

FETCH_S = 10  # FETCH_TIMEOUT_MS


class Doctor:
    """avouch doctor --fetch with settings of its own. allow: for outbound.allow."""

    def __init__(self, *allow, ca=True, settings="", tailscaled="/nowhere", binary=BINARY):
        self.dir, self.binary, self.words = directory("doctor"), binary, []
        ca_file = f"ca_file: {authority().certificate}, " if ca is True else f"ca_file: {ca}, " if ca else ""
        self.config = write_file(os.path.join(self.dir, "avouch.yaml"), f"""outbound: {{{ca_file}allow: {json.dumps(allow or ["nobody"])}}}
tailscale: {{socket: {tailscaled}}}
state: {self.dir}/state
{settings}""")
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith("AVOUCH_")}, "ASAN_OPTIONS": "detect_leaks=0"}

    def command(self, url):
        return [self.binary, "doctor", "--fetch", url, "--json", "--config", self.config, *self.words]

    def fetch(self, url):
        done = subprocess.run(self.command(url), capture_output=True, text=True, timeout=60, env=self.environment, check=False)
        return Told(url, done.returncode, done.stdout, done.stderr)

    def begin(self, url):
        return spawn(self.command(url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)


class Told:
    """What it said."""

    def __init__(self, url, status, out, errors):
        assert status in (0, 1) and not errors, f"{url}: status {status}: {errors or out}"
        self.url, self.status, self.findings = url, status, json.loads(out)
        self.last = self.findings[-1]
        assert (self.last["state"] == "bad") == (status == 1), f"status {status}: {self.last}"
        self.outcome = "ok" if status == 0 else self.last["check"]

    def of(self, check):
        return [f["finding"] for f in self.findings if f["check"] == check]

    def must(self, outcome, words=""):
        assert self.outcome == outcome and words in self.last["finding"], f"{self.url}: {self.last}, not {outcome}: {words}"
        return self


def test_fetch_document():
    with Origin() as o:
        told = Doctor("localhost").fetch(o.url("/cached")).must("ok")
    equal([f["check"] for f in told.findings if f["check"] != "name"],
          ["process", "url", "address", "way", "certificate", "answer", "document", "freshness"], "the steps")
    assert "outbound.allow names it" in told.of("url")[0], told.findings
    equal(told.of("address"), ["127.0.0.1 (loopback, this machine's own) may be gone to."], "addresses")
    equal(told.of("way"), [f"Directly to 127.0.0.1:{o.port}, from 127.0.0.1."], "way")
    assert re.match(r"Good until .* GMT: CN = origin-\d+, issued by CN = avouch test CA\.$", told.of("certificate")[0]), told.findings
    assert re.match(r"Status 200, 47 bytes, in \d+ ms\.$", told.of("answer")[0]), told.findings
    equal(told.of("document"), ["47 bytes of application/json."], "document")
    equal(told.of("freshness"), ["It says that it is good for 300 s."], "freshness")
    names = [line.partition(":")[0].lower() for line in o.seen[0].split("\r\n")[1:] if line]
    equal((o.seen[0].split("\r\n")[0], names), ("GET /cached HTTP/1.1", ["host", "user-agent", "accept"]), "all that is sent")


def test_fetch_documents_of_many_forms():
    doctor = Doctor("localhost")
    with Origin() as o:
        for path, document in (("/document", "47 bytes of application/json"), ("/suffix", "47 bytes of application/jwk-set+json"),
                               ("/chunked", "47 bytes"), ("/until-close", "47 bytes"), ("/largest", "65536 bytes"), ("/empty", "0 bytes")):
            told = doctor.fetch(o.url(path)).must("ok")
            assert told.of("document")[0].startswith(document), f"{path}: {told.findings}"
        equal(doctor.fetch(o.url("/uncached")).of("freshness"), ["It says that it must be fetched anew each time."], "no-store")


def test_fetch_answers_that_are_no_document():
    doctor = Doctor("localhost")
    with Origin() as o:
        for path, outcome, words in (
                ("/html", "bad_type", "text/html, not JSON"), ("/untyped", "bad_type", "Content-Type"), ("/latin1", "bad_type", "UTF-8"),
                ("/nul", "bad_type", "UTF-8"), ("/compressed", "bad_type", "UTF-8"), ("/missing", "bad_status", "404, not 200"),
                ("/no-content", "bad_status", "204"), ("/error", "bad_status", "500"), ("/over", "too_large", "larger than 65536 bytes"),
                ("/over-chunked", "too_large", "larger than 65536"), ("/head", "too_large", "head"), ("/interim", "too_large", "head"),
                ("/cut", "garbled", ""), ("/noise", "garbled", ""), ("/nothing", "garbled", ""), ("/old", "garbled", ""),
                ("/moved", "redirected", "302 and names https://localhost/document, which is not followed"),
                ("/moved-inside", "redirected", "169.254.169.254"), ("/moved-rudely", "redirected", "https://x.example/?[31m?")):
            before = o.connections
            told = doctor.fetch(o.url(path)).must(outcome, words)
            assert told.last["mend"], path
            equal(o.connections - before, 1, f"{path}: connections")


def test_fetch_only_where_it_may():
    """Every kind of address, however it is written; nothing is sent."""
    doctor = Doctor("other.example")
    with Origin() as o:
        for host in ("localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]", "10.0.0.1", "172.31.255.255", "192.168.1.1",
                     "100.64.0.1", "[fd7a:115c:a1e0::1]", "[fd00::1]"):
            told = doctor.fetch(o.url(host=host)).must("refused", "addresses that are not gone to")
            assert all("not gone to unless outbound.allow names the host" in a for a in told.of("address")), told.findings
        for host in ("169.254.169.254", "169.254.1.1", "[fe80::1]", "224.0.0.1", "[ff02::1]", "0.0.0.0", "[::]", "255.255.255.255", "192.0.2.1",
                     "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::127.0.0.1]", "[64:ff9b:1::7f00:1]", "168.63.129.16", "100.100.100.100"):
            for one in (doctor, Doctor(host.strip("[]"))):
                told = one.fetch(o.url(host=host)).must("refused")
                assert "never gone to" in told.of("address")[0], told.findings
        equal(o.connections, 0, "connections")


def test_fetch_urls_that_are_none():
    doctor = Doctor("localhost")
    with Origin() as o:
        for url in ("", "localhost", "ftp://localhost/", "file:///etc/passwd", "https://user@localhost/", f"https://localhost:{o.port}@evil.example/",
                    "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://localhost./", o.url("/document#x"), o.url("/a b"),
                    o.url("/ä"), o.url().replace("https", "http"), "https://" + "x" * 2048 + "/"):
            doctor.fetch(url).must("bad_url")
        equal(o.connections, 0, "connections")
    doctor.fetch("https://nothing.invalid/").must("no_address")
    doctor.fetch(f"https://localhost:{free_port()}/").must("unreachable")


def test_fetch_certificates():
    ca = authority()
    with Origin(ca.issue("fetch-expired", days=-1)) as expired, Origin(ca.issue("fetch-other", ["DNS:other.example"])) as other, Origin() as o:
        Doctor("localhost").fetch(expired.url()).must("bad_tls", "expired")
        Doctor("localhost").fetch(other.url()).must("bad_tls", "localhost")
        Doctor("localhost", ca=False).fetch(o.url()).must("bad_tls", "certificate")
        equal(expired.seen + other.seen + o.seen, [], "requests sent")
        Doctor("localhost", ca="/nowhere/ca.pem").fetch(o.url()).must("broken", "outbound.ca_file cannot be used: /nowhere/ca.pem")
    with Origin(tls=False, greeting=b"220 mail.example ESMTP\r\n") as mail:
        Doctor("localhost").fetch(mail.url().replace("http:", "https:")).must("bad_tls")


def test_fetch_no_proxy_from_the_environment():
    with Origin() as o, Origin(tls=False) as proxy:
        doctor = Doctor("localhost")
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            for spelling in (name, name.upper()):
                doctor.environment[spelling] = f"http://127.0.0.1:{proxy.port}"
        doctor.environment.update(SSL_CERT_FILE="/nowhere", CURL_CA_BUNDLE="/nowhere", LD_PRELOAD="", HOSTALIASES="/nowhere")
        doctor.fetch(o.url()).must("ok")
        equal((o.connections, proxy.connections), (1, 0), "connections to the service, to the proxy")


def test_fetch_under_dev():
    with Origin(tls=False) as plain, Origin() as o:
        doctor = Doctor()
        doctor.words = ["--dev"]
        doctor.fetch(plain.url()).must("ok")
        doctor.fetch(plain.url(host="127.0.0.1")).must("ok")
        doctor.fetch(o.url()).must("ok")
        doctor.fetch("http://10.0.0.1/").must("refused")
        doctor.fetch("https://10.0.0.1/").must("refused")
        assert "by http only this machine" in doctor.fetch("http://8.8.8.8/").must("refused").of("address")[0]


def test_fetch_too_slow():
    """The whole of it has one limit, however the time is spent."""
    with Origin() as o, socket.create_server(("127.0.0.1", 0)) as silent:
        urls = [o.url("/drip"), o.url("/hold"), f"https://localhost:{silent.getsockname()[1]}/"]
        begun = time.monotonic()
        running = [Doctor("localhost").begin(url) for url in urls]
        for url, child in zip(urls, running):
            out, errors = child.communicate(timeout=60)
            Told(url, child.returncode, out, errors).must("too_slow")
        took = time.monotonic() - begun
        assert took > FETCH_S - 1, f"after {took:.1f} s already"


test_fetch_too_slow.slow = True

# ---- the processes ----


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return int(f.read().rpartition(")")[2].split()[1])


def processes_under(pid):
    """Name to pid, two deep."""
    found = {}
    for one in filter(str.isdigit, os.listdir("/proc")):
        try:
            ancestors = [parent(one)]
            ancestors.append(parent(ancestors[0]) if ancestors[0] > 1 else 0)
            with open(f"/proc/{one}/comm", encoding="utf-8") as f:
                name = f.read().strip()
        except OSError:
            continue  # it has ended meanwhile
        if pid in ancestors:
            found[name] = int(one)
    return found


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def in_the_middle(o):
    """A fetch that waits for its document: doctor, zygote, avouch-fetch."""
    child = Doctor("localhost").begin(o.url("/hold"))
    wait_until("the request has come", lambda: o.seen)
    names = processes_under(child.pid)
    assert {"avouch-zygote", "avouch-fetch"} <= set(names), names
    return child, names["avouch-zygote"], names["avouch-fetch"]


def end_of(child, o):
    out, errors = child.communicate(timeout=30)
    return Told(o.url(), child.returncode, out, errors)


def test_fetch_process_dies():
    with Origin() as o:
        child, _, fetch = in_the_middle(o)
        os.kill(fetch, signal.SIGKILL)
        end_of(child, o).must("broken", "was ended by signal 9")


def test_fetch_zygote_dies():
    with Origin() as o:
        child, zygote, fetch = in_the_middle(o)
        os.kill(zygote, signal.SIGKILL)
        end_of(child, o).must("broken", "must be started anew")
        wait_until("avouch-fetch is gone", lambda: not is_there(fetch))


def test_fetch_ends_with_avouch():
    with Origin() as o:
        child, zygote, fetch = in_the_middle(o)
        child.kill()
        child.communicate()
        wait_until("zygote and avouch-fetch are gone", lambda: not is_there(zygote) and not is_there(fetch))


def test_fetch_process_has_nothing():
    """No file of avouch's, no environment, no way to more rights."""
    with Origin() as o:
        child, zygote, fetch = in_the_middle(o)
        for pid in (zygote, fetch):
            files = {os.readlink(f"/proc/{pid}/fd/{n}").partition(":")[0] for n in os.listdir(f"/proc/{pid}/fd")}
            assert files <= {"socket", "/dev/null", "pipe"}, f"{pid}: {files}"
        with open(f"/proc/{fetch}/environ", "rb") as f:
            equal(f.read(), b"", "environment")
        with open(f"/proc/{fetch}/status", encoding="utf-8") as f:
            assert "NoNewPrivs:\t1" in f.read()
        with open(f"/proc/{fetch}/limits", encoding="utf-8") as f:
            limits = f.read()
        for limit in (r"Max core file size\s+0 ", r"Max file size\s+0 ", r"Max cpu time\s+20 ", r"Max open files\s+32 "):
            assert re.search(limit, limits), limits
        child.kill()
        child.communicate()


def zygote_of(server):
    return wait_until("there is a zygote", lambda: processes_under(server.process.pid).get("avouch-zygote"))


def test_fetch_zygote_of_the_server():
    """It was there before database and keys, and has none of them; a signal meant for the server does not end it."""
    with Dev(name="zygote") as server:
        zygote = zygote_of(server)
        files = {os.readlink(f"/proc/{zygote}/fd/{n}").partition(":")[0] for n in os.listdir(f"/proc/{zygote}/fd")}
        assert files <= {"socket", "/dev/null", server.log_file}, files
        with open(f"/proc/{zygote}/maps", encoding="utf-8") as f:
            assert server.state not in f.read(), "the database is mapped"
        with open(f"/proc/{zygote}/status", encoding="utf-8") as f:
            status = f.read()
        assert "Threads:\t1\n" in status and "NoNewPrivs:\t1\n" in status and "VmLck:\t       0 kB" in status, status
        os.kill(zygote, signal.SIGTERM)
        os.kill(zygote, signal.SIGHUP)
        equal(server.get("/.well-known/jwks.json").status, 200, "the server goes on")
        assert is_there(zygote)
    wait_until("the zygote is gone", lambda: not is_there(zygote))


def test_fetch_zygote_ends_with_a_server_that_is_killed():
    server = Dev(name="zygote-killed").start()
    zygote = zygote_of(server)
    server.kill()
    wait_until("the zygote is gone", lambda: not is_there(zygote))


def test_fetch_server_goes_on_without_its_zygote():
    with Dev(name="zygote-gone") as server:
        os.kill(zygote_of(server), signal.SIGKILL)
        wait_until("it is said", lambda: "nothing can be fetched any more: start avouch anew" in server.log())
        assert server.add().sign_in(server.browser())["id_token"]


def test_fetch_not_installed():
    alone = shutil.copy(BINARY, directory("alone"))
    Doctor("localhost", binary=alone).fetch("https://localhost/").must("broken", "avouch-fetch cannot be started")


def test_fetch_by_hand():
    program = os.path.join(os.path.dirname(BINARY), "avouch-fetch")
    done = subprocess.run([program, "https://localhost/"], capture_output=True, text=True, check=False)
    equal((done.returncode, "avouch doctor --fetch" in done.stderr), (2, True), done.stderr)
    for noise in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\1\0\0\0\2{}"):
        equal(subprocess.run([program], input=noise, capture_output=True, check=False).stdout, b"", "for what is no ask")


# ---- the tailnet ----


def has_tailnet_route():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("100.64.0.4", 9))
        except OSError:
            return False
        return s.getsockname()[0].startswith("100.")


def tailscaled(o):
    """The stand-in: the service is ci's."""
    if has_tailnet_route():
        raise Skip("this machine has a route into a tailnet of its own")
    api = LocalAPI(os.path.join(directory("localapi"), "s"))
    api.change({"services": {f"100.64.0.4:{o.port}": f"127.0.0.1:{o.port}"}, "tun": False})
    return api


def dialled(api):
    return [(e["Dial-Host"], e["Dial-Port"], e["Dial-Network"]) for e in api.log if "dial" in e["path"]]


def test_fetch_through_tailscaled():
    name = "ci.tail1234.ts.net"
    with Origin(authority().issue("fetch-ci", [f"DNS:{name}", "IP:100.64.0.4"])) as o, tailscaled(o) as api:
        doctor = Doctor("*.tail1234.ts.net", "100.64.0.4", tailscaled=api.path)
        told = doctor.fetch(o.url(host=name)).must("ok")
        equal(told.of("name"), ["A node of the tailnet has this name."], "name")
        assert told.of("way")[-1] == f"Through tailscaled to 100.64.0.4:{o.port}: this machine itself has no route.", told.findings
        equal(dialled(api), [("100.64.0.4", str(o.port), "tcp")], "dialled")
        doctor.fetch(o.url(host="100.64.0.4")).must("ok")
        doctor.fetch(o.url("/missing", host="CI.Tail1234.ts.net")).must("bad_status", "404")


def test_fetch_through_tailscaled_only_where_allowed():
    with Origin() as o, tailscaled(o) as api:
        doctor = Doctor(tailscaled=api.path)
        doctor.fetch(o.url(host="100.64.0.4")).must("refused")
        doctor.fetch(o.url(host="ci.tail1234.ts.net")).must("no_address")
        equal(api.log, [], "what tailscaled was asked")


def test_fetch_through_tailscaled_fails():
    with Origin() as o, tailscaled(o) as api:
        doctor = Doctor("*.tail1234.ts.net", "100.64.0.4", "100.64.9.9", tailscaled=api.path)
        told = doctor.fetch(f"https://100.64.0.4:{free_port()}/").must("unreachable")
        assert "connection was refused" in told.of("way")[0], told.findings
        told = doctor.fetch(o.url(host="100.64.9.9")).must("unreachable")
        assert "Neither this machine nor tailscaled has a route" in told.of("way")[0], told.findings
        for kind, words in (("error", "internal error"), ("noise", "does not speak HTTP/1.1"), ("drop", "does not answer")):
            api.fault({"kind": kind, "path": "dial"})
            told = doctor.fetch(o.url(host="100.64.0.4")).must("unreachable")
            assert words in told.of("way")[0], f"{kind}: {told.findings}"
            api.clear_faults()
        equal(o.connections, 0, "connections")
        api.fault({"kind": "garbage", "path": "status"})
        told = doctor.fetch(o.url(host="ci.tail1234.ts.net")).must("no_address")
        assert "tailscaled does not say" in told.of("name")[0], told.findings


def test_fetch_tailscaled_hangs():
    with Origin() as o, tailscaled(o) as api:
        doctor = Doctor("*.tail1234.ts.net", "100.64.0.4", tailscaled=api.path)
        api.fault({"kind": "hang", "path": "dial"})
        told = doctor.fetch(o.url(host="100.64.0.4")).must("unreachable")
        assert "does not answer" in told.of("way")[0], told.findings
        api.fault({"kind": "hang", "path": "status"})
        told = Doctor("localhost", tailscaled=api.path).fetch(o.url()).must("ok")
        assert "tailscaled does not say" in told.of("name")[0], "a name that is not its own does not wait for it"


test_fetch_tailscaled_hangs.slow = True


def test_fetch_tailscaled_away():
    told = Doctor("100.64.0.4").fetch("https://100.64.0.4/") if not has_tailnet_route() else None
    if told is None:
        raise Skip("this machine has a route into a tailnet of its own")
    assert "does not answer" in told.must("unreachable").of("way")[0], told.findings


# ---- a small internet ----


def test_fetch_on_the_internet():
    """Names of strangers, a resolver of our own, addresses that are global: in network namespaces (internet.py)."""
    program = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*program, "true"], capture_output=True, check=False).returncode != 0:
        raise Skip("no user and network namespaces here")
    done = subprocess.run([*program, sys.executable, os.path.join(HERE, "internet.py"), BINARY], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-1500:]


test_fetch_on_the_internet.slow = True
