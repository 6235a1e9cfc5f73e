"""What an operator does while the server runs: clients, people and keys by the command line, signals, certificates, restarts; and what
the server writes down."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import wire
from support import (BINARY, STOP_S, Dev, LocalAPI, Tailnet, authority, basic, decode_jwt, equal, free_port, shared_dev, spawn, userinfo,
                     verify, wait_until, write_file)

JWKS = "/.well-known/jwks.json"


def test_operator_client_disabled_and_enabled():
    """Security 26: at all endpoints, with the next request."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    token = app.sign_in(browser)["access_token"]
    attempt = app.request()
    code = attempt.silent(browser)
    server.cli("client", "disable", app.id)
    page = app.request().open(browser)
    equal((page.status, page.error), (400, "unauthorized_client"), "authorize")
    equal(app.request(prompt="none").open(browser).error, "unauthorized_client", "prompt=none")
    answer = attempt.redeem(code)
    equal((answer.status, answer.json["error"]), (401, "invalid_client"), "token")
    equal(userinfo(server, token).status, 401, "userinfo")
    server.cli("client", "enable", app.id)
    equal(userinfo(server, token).status, 401, "what ended stays so")
    equal(attempt.redeem(code).json["error"], "invalid_grant", "an old code")
    app.sign_in(browser)


def test_operator_client_edited():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    app.edit("--redirect-uri", "https://app.example/new")
    again = app.request(redirect_uri="https://app.example/new")
    again.check(again.open(browser))
    app.edit("--remove-redirect-uri", app.redirect_uri)
    equal(app.request().open(browser).error, "invalid_redirect_uri", "the one that was taken away")
    app.redirect_uri = "https://app.example/new"
    for option, value, check in (("--id-token-alg", "ES256", lambda t: decode_jwt(t["id_token"])[0]["alg"] == "ES256"),
                                 ("--claims", "userinfo", lambda t: "email" not in decode_jwt(t["id_token"])[1]),
                                 ("--scope", "openid email", lambda t: t["scope"] == "openid email"),
                                 ("--lifetime", "access=77s", lambda t: t["expires_in"] == 77)):
        app.edit(option, value)
        tokens = app.sign_in(browser)
        assert check(tokens), f"{option} {value}: {tokens}"
    app.edit("--page", "always", "--name", "Renamed")
    page = app.request().open(browser)
    assert "Renamed" in page.h1, page
    app.edit("--require-pkce", "yes")
    equal(app.request(pkce=False).open(browser).error, "invalid_request", "without PKCE")


def test_operator_client_edited_between_page_and_press():
    """The stored request is judged anew."""
    server = shared_dev()
    app, browser = server.add(page="always"), server.browser()
    page = app.request().open(browser)
    app.edit("--redirect-uri", "https://app.example/new", "--remove-redirect-uri", app.redirect_uri)
    shown = browser.press(page, "continue")
    equal((shown.status, shown.error), (400, "invalid_redirect_uri"), "the press")


def test_operator_client_removed_and_added_again():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    token = app.sign_in(browser)["access_token"]
    attempt = app.request()
    code = attempt.silent(browser)
    server.cli("client", "remove", app.id)
    equal(app.request().open(browser).error, "unknown_client", "authorize")
    equal(attempt.redeem(code).status, 401, "token")
    equal(userinfo(server, token).status, 401, "userinfo")
    again = server.add(client_id=app.id)
    app.secret = again.secret
    equal(attempt.redeem(code).json["error"], "invalid_grant", "a code of the one before")
    equal(userinfo(server, token).status, 401, "a token of the one before")
    again.sign_in(browser)


def test_operator_client_secret_rotated():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    old = app.secret
    app.secret = server.cli("client", "rotate-secret", app.id, "--keep-old", "1h", "--json")["client_secret"]
    for secret in (old, app.secret):
        attempt = app.request()
        equal(attempt.redeem(attempt.silent(browser), basic(app.id, secret)).status, 200, "both, for an hour")
    newest = server.cli("client", "rotate-secret", app.id, "--json")["client_secret"]
    for secret, status in ((old, 401), (app.secret, 401), (newest, 200)):
        attempt = app.request()
        equal(attempt.redeem(attempt.silent(browser), basic(app.id, secret)).status, status, "and then one")
    own = "an-operator's-own-secret~" + "x" * 20
    equal(server.cli("client", "rotate-secret", app.id, "--secret-file", "-", stdin=own).count(own), 0, "a given secret is not printed")
    attempt = app.request()
    equal(attempt.redeem(attempt.silent(browser), basic(app.id, own)).status, 200, "the operator's own")


def test_operator_person_blocked():
    """Refused everywhere at once."""
    server = shared_dev()
    app, other, browser = server.add(page="always"), server.add(), server.browser()
    token = other.sign_in(browser)["access_token"]
    who = userinfo(server, token).json["sub"]
    attempt = other.request()
    code, page = attempt.silent(browser), app.request().open(browser)
    server.cli("person", "block", who)
    for shown in (app.request().open(browser), other.request().open(browser), browser.press(page, "continue")):
        equal((shown.status, shown.error), (403, "person_blocked"), str(shown))
    equal(other.request(prompt="none").open(browser).error, "login_required", "prompt=none")
    equal(attempt.redeem(code).json["error"], "invalid_grant", "token")
    equal(userinfo(server, token).status, 401, "userinfo")
    server.cli("person", "unblock", who)
    equal(other.request(prompt="none").open(browser).error, "login_required", "the session is over")
    assert other.sign_in(browser)["access_token"]
    equal(userinfo(server, token).status, 401, "what ended stays so")


def test_operator_person_edited():
    server = shared_dev()
    app, browser = server.add(), server.browser()
    who = decode_jwt(app.sign_in(browser)["id_token"])[1]["sub"]
    server.cli("person", "edit", who, "--username", f"renamed-{who}", "--email", f"New{who}@Example.COM")
    tokens = app.sign_in(browser)
    for claims in (decode_jwt(tokens["id_token"])[1], userinfo(server, tokens["access_token"]).json):
        equal((claims["sub"], claims["preferred_username"], claims["email"]), (who, f"renamed-{who}", f"New{who}@example.com"), "claims")


def kids(server):
    return {(key["alg"], key["kid"]) for key in server.get(JWKS).json["keys"]}


def test_operator_keys_rotate():
    """A new key is published before it signs, the old one stays; --now changes both at once."""
    with Dev(name="keys") as server:
        app, browser = server.add(), server.browser()
        attempt = app.request()
        first = attempt.redeem(attempt.silent(browser)).json["id_token"]
        verify(server, first, app.id, attempt.params["nonce"])
        before, etag = kids(server), server.get(JWKS).header("etag")
        equal(server.cli("key", "rotate", "--json"), {"queued": True}, "key rotate")
        wait_until("new keys are published", lambda: len(kids(server)) == 2 * len(before))
        assert before < kids(server) and server.get(JWKS).header("etag") != etag, kids(server)
        attempt = app.request()
        second = attempt.redeem(attempt.silent(browser)).json["id_token"]
        equal(decode_jwt(second)[0]["kid"], decode_jwt(first)[0]["kid"], "who signs for the next day")
        server.cli("key", "rotate", "--now")
        wait_until("the old keys are gone", lambda: not before & kids(server) and "RS256" in {alg for alg, _ in kids(server)})
        attempt = app.request()
        third = attempt.redeem(attempt.silent(browser)).json["id_token"]
        verify(server, third, app.id, attempt.params["nonce"])
        assert decode_jwt(third)[0]["kid"] not in {kid for _, kid in before}, "signed by a key that somebody may have"


def test_operator_restart_forgets_nothing():
    """Keys, sessions, tokens and used codes; after a kill as after a stop."""
    with Dev(name="restart") as server:
        server.settings = ["--issuer", f"http://{server.host}"]
        app, browser = server.add(), server.browser()
        tokens = app.sign_in(browser)
        published = kids(server)
        for end in (lambda: equal(server.stop(), None, "its end"), server.kill):
            attempt = app.request()
            code, unused = attempt.silent(browser), attempt.silent(browser)
            answer = attempt.redeem(code)
            equal(answer.status, 200, answer.brief())
            end()
            assert server.run(), "the port is taken"
            equal(kids(server), published, "keys")
            equal(userinfo(server, tokens["access_token"]).status, 200, "an old token")
            equal(userinfo(server, answer.json["access_token"]).status, 200, "the newest token")
            equal(attempt.redeem(unused).status, 200, "an unused code")
            equal(app.request(prompt="none").open(browser).error, None, "the session")
            equal(attempt.redeem(code).json["error"], "invalid_grant", "a used code")


def test_operator_sigterm_drains():
    """A request under way is answered, idle connections end, new ones are refused, and the status is 0."""
    with Tailnet("drain", people=2) as server:
        app, browser = server.add(), server.browser(source="127.0.1.1")
        app.sign_in(browser)
        server.api.fault({"kind": "slow", "path": "whois", "seconds": 1})
        with server.connect() as idle, server.connect("127.0.1.1") as busy:
            idle.send(wire.write("GET", "/.well-known/openid-configuration", server.host))
            equal(idle.read().status, 200, "idle")
            busy.send(wire.write("GET", app.request().target, server.host))
            wait_until("whois is under way",
                       lambda: any("whois?addr=127." in e["path"] and e["status"] == 0 for e in server.api.log))
            server.signal(signal.SIGTERM)
            assert idle.ends(), "an idle connection stays"
            answer = busy.read()
            equal((answer.status, answer.header("connection")), (302, "close"), answer.brief())
            assert "code=" in answer.location, answer.location
            equal(server.process.wait(STOP_S), 0, "exit status")
        try:
            server.connect().close()
            raise AssertionError("it still listens")
        except ConnectionRefusedError:
            pass


def test_operator_sigterm_with_nothing_to_do():
    for how in (signal.SIGTERM, signal.SIGINT):
        server = Dev(name="stop").start()
        server.signal(how)
        equal(server.process.wait(STOP_S), 0, "exit status")


def served_serial(server):
    with server.connect() as c:
        return c.socket.getpeercert()["serialNumber"]


def test_operator_sighup_reloads_the_certificate():
    """The new one is served, connections that are open stay; a broken one changes nothing."""
    with Tailnet("reload", people=2) as server:
        first = served_serial(server)
        with server.connect() as held, socket.create_connection(("127.0.0.1", server.port), 10) as silent:
            server.use_certificate(*authority().issue("reload-2"))
            server.signal(signal.SIGHUP)
            wait_until("the new certificate is served", lambda: served_serial(server) != first)
            second = served_serial(server)
            held.send(wire.write("GET", JWKS, server.host))
            equal(held.read().status, 200, "a connection from before")
            with server.tls.wrap_socket(silent, server_hostname="localhost") as late:
                assert late.getpeercert()["serialNumber"] in (first, second), "one that was accepted before and greets now"
        config = os.path.join(server.dir, "avouch.yaml")
        with open(config, encoding="utf-8") as f:
            good = f.read()
        other_key = authority().issue("reload-3")[1]
        for breaking in (lambda: write_file(server.certificate, "no certificate\n"),
                         lambda: server.use_certificate(authority().at("reload-2.pem"), other_key),
                         lambda: os.unlink(server.certificate), lambda: write_file(config, "nonsense: true\n" + good),
                         lambda: write_file(config, "issuer: [")):
            breaking()
            mark = os.path.getsize(server.log_file)
            server.signal(signal.SIGHUP)
            wait_until("the server says that it keeps the old", lambda mark=mark: "the old settings stay" in server.log(mark))
            equal(served_serial(server), second, "the certificate after a bad reload")
            server.use_certificate(authority().at("reload-2.pem"), authority().at("reload-2.key"))
            write_file(config, good)
        server.add().sign_in(server.browser(source="127.0.1.1"))
        write_file(config, good.replace("ask Bob", "ask Carol"))
        mark = os.path.getsize(server.log_file)
        server.signal(signal.SIGHUP)
        wait_until("it is reloaded", lambda: "reloaded" in server.log(mark))
        server.api.fault({"kind": "error", "path": "whois"})
        page = server.browser(source="127.0.1.1").open(server.issuer + "/")
        assert "Carol" in page.text, page.text


def test_operator_changed_certificate_files_are_loaded():
    """Without a word from anybody; a connection that is open stays. Files that do not belong together wait for their other half."""
    with Tailnet("renew", people=2) as server:
        first, held = served_serial(server), server.connect()
        server.use_certificate(*authority().issue("renew-2"))
        wait_until("the new certificate is served", lambda: served_serial(server) != first)
        second = served_serial(server)
        held.send(wire.write("GET", JWKS, server.host))
        equal(held.read().status, 200, "a connection from before")
        held.close()
        certificate, key = authority().issue("renew-3")
        shutil.copy(certificate, server.certificate)
        wait_until("the server says that it keeps the old", lambda: "the old certificate stays" in server.log())
        equal(served_serial(server), second, "the certificate while the files do not belong together")
        os.unlink(server.key)
        os.symlink(key, server.key)  # as certbot does it
        wait_until("the whole pair is served", lambda: served_serial(server) != second)
        equal(server.log().count("the old certificate stays"), 1, "complaints")
        server.add().sign_in(server.browser(source="127.0.1.1"))


test_operator_changed_certificate_files_are_loaded.slow = True


def test_operator_sighup_while_people_sign_in():
    """Requests that began before a reload end as they began."""
    with Tailnet("reload-load", people=4) as server:
        app, stop, failures = server.add(), threading.Event(), []

        def sign_in_again_and_again(number):
            browser = server.browser(source=f"127.0.1.{number}")
            while not stop.is_set():
                try:
                    app.sign_in(browser)
                except Exception as e:  # told below, in the test's own thread
                    failures.append(repr(e))
                    return

        threads = [threading.Thread(target=sign_in_again_and_again, args=(n,)) for n in range(1, 5)]
        [t.start() for t in threads]
        for _ in range(40):
            server.signal(signal.SIGHUP)
            time.sleep(0.03)
        stop.set()
        [t.join(20) for t in threads]
        equal(failures, [], "sign-ins meanwhile")
        assert server.log().count('"reloaded') > 20, "reloads"


def test_operator_tls_is_modern():
    with Tailnet("tls", people=2) as server:
        for version, speaks in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl.create_default_context(cafile=authority().certificate)
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            try:
                with wire.Connection(server.port, tls=context) as c:
                    name, _, bits = c.socket.cipher()
                    assert speaks, f"{version} is spoken"
                    assert "GCM" in name and bits >= 128 or "TLS_" in name, name
            except (ssl.SSLError, ConnectionResetError) as e:
                assert not speaks, f"{version}: {e}"
        context = ssl.create_default_context(cafile=authority().certificate)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with wire.Connection(server.port, tls=context) as c:
            equal(c.socket.selected_alpn_protocol(), "http/1.1", "ALPN")
        with wire.Connection(server.port) as plain:
            plain.send(wire.write("GET", "/", server.host))
            assert plain.ends() or plain.unread == b"", "plain HTTP at a TLS port is answered"


def test_operator_dev_listens_on_loopback_only():
    port = free_port()
    for listen in (f"0.0.0.0:{port}", f"[::]:{port}", f"100.64.0.1:{port}"):
        done = subprocess.run([BINARY, "serve", "--dev", "--listen", listen, "--state", os.path.join(shared_dev().dir, "never")],
                              timeout=20,
                              capture_output=True, text=True, check=False)
        assert done.returncode in (1, 2) and "loopback" in done.stderr, f"{listen}: {done.returncode} {done.stderr}"


def connects(address, port):
    with socket.socket(socket.AF_INET6) as s:
        return s.connect_ex((address, port)) == 0


def test_operator_dev_is_not_beside_a_userspace_tailscaled():
    """Everybody of its tailnet arrives on 127.0.0.1 (security P)."""
    folder = shared_dev().dir
    socket_path, port = os.path.join(folder, "userspace.sock"), free_port()
    serve = [BINARY, "serve", "--dev", "--state", os.path.join(folder, "beside"), "--listen"]
    with LocalAPI(socket_path, {"tun": False}):
        env = {**os.environ, "AVOUCH_TAILSCALE_SOCKET": socket_path}
        done = subprocess.run([*serve, f"127.0.0.1:{port}"], env=env, timeout=20, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "--listen '[::1]:" in done.stderr, f"{done.returncode} {done.stderr}"
        with subprocess.Popen([*serve, f"[::1]:{port}"], env=env, stderr=subprocess.DEVNULL) as beside:
            wait_until("a server beside it", lambda: connects("::1", port))
            beside.terminate()


def test_operator_sockets_of_the_supervisor():
    """LISTEN_FDS: what systemd hands over is listened on."""
    server = Dev(name="handed")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        server.port = listening.getsockname()[1]
        script = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
                  "os.execv(sys.argv[2], sys.argv[2:])")
        words = [sys.executable, "-c", script, str(listening.fileno()), BINARY, "serve", *server.arguments()]
        with open(server.log_file, "ab") as log:
            server.process = spawn(words, stdout=log, stderr=log, env=server.environment, pass_fds=[listening.fileno()])
        server.running.add(server)
        try:
            equal(server.get(JWKS).status, 200, "through the handed socket")
            server.signal(signal.SIGTERM)
            equal(server.process.wait(STOP_S), 0, "exit status")
            listening.settimeout(5)
            with socket.create_connection(("127.0.0.1", server.port), 5):
                listening.accept()[0].close()  # the supervisor still has it: no connection is refused meanwhile
        finally:
            server.stop()


# ---- what is written down ----


def log_lines(server):
    return [json.loads(line) for line in server.log().splitlines()]


def test_operator_log_is_one_line_a_request():
    with Dev(name="log") as server:
        app, browser = server.add(), server.browser(source="127.0.0.1")
        attempt = app.request()
        attempt.redeem(attempt.silent(browser))
        page = app.request(client_id="nobody").open(browser)
        request = re.search(r"request <code>([0-9a-f]+)</code>", page.answer.text).group(1)
        lines = wait_until("the lines are written",
                           lambda: [line for line in log_lines(server) if "path" in line][2:] and log_lines(server))
        of = [line for line in lines if line.get("path") in ("/authorize", "/token")]
        equal([(line["path"], line["status"]) for line in of], [("/authorize", 302), ("/token", 200), ("/authorize", 400)], "lines")
        equal((of[0]["client_id"], of[0]["login"], of[2]["request"]), (app.id, "alice@example.com", request), "what they say")
        equal(len({line["request"] for line in of}), 3, "request ids")


def test_operator_log_cannot_be_forged():
    """Control characters, quotes and newlines of strangers stay inside their line's text."""
    with Dev(name="forge") as server:
        evil = 'x"}\r\n{"level":"error","msg":"forged"}\x1b[31m\x00\u2028\u0085é'
        server.get("/authorize?" + wire.encode({"client_id": evil, "redirect_uri": evil, "state": evil}))
        server.post("/token", {"client_id": evil, "client_secret": evil, "grant_type": evil},
                    {"User-Agent": "a\x1bb", "Referer": evil.split("\r")[0]})
        server.post("/token", {}, basic("x\r\ny", "z"))
        server.get("/%0a%0dforged%1b")
        server.get("/nothing?" + evil.encode("unicode_escape").decode().replace(" ", ""))
        for raw in (b"GET /\x1b HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01 nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: \x1b\r\n\r\n"):
            with server.connect() as c:
                c.send(raw)
                try:
                    c.read()
                except (EOFError, ConnectionResetError):
                    pass
        server.get("/userinfo")
        wait_until("the last line is written", lambda: '"path":"/userinfo"' in server.log())
        for line in server.log().split("\n")[:-1]:
            assert json.loads(line)["msg"] != "forged", line
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028]", line), repr(line)


def test_operator_secrets_are_written_nowhere():
    """Security 27: a canary for each, in everything that the server wrote: its log at the most talkative, the audit trail, the database."""
    server = Dev(name="canary")
    server.environment["AVOUCH_LOG_LEVEL"], server.environment["AVOUCH_LOG_DOCUMENTS"] = "debug", "true"
    with server:
        app, asked, browser = server.add(), server.add(page="always", auth_method="client_secret_post"), server.browser()
        secret = {"client secret": app.secret, "client secret 2": asked.secret}
        for target in (app, asked):
            for mode in ("query", "form_post"):
                attempt = target.request(response_mode=mode)
                landing = attempt.open(browser)
                if target is asked:
                    secret["handle"] = dict(landing.form_data("continue")[1])["flow"]
                    landing = browser.press(landing, "continue")
                secret[f"code {mode} {target.id}"], secret["verifier"] = landing.code, attempt.verifier
                for headers, changes in ((basic(app.id, "wrong" + "canary" * 5), {}), (None, {"code_verifier": "canary" * 8}), (None, {}),
                                         (None, {})):
                    answer = attempt.redeem(landing.code, headers, **changes)
                    if answer.status == 200:
                        secret["access token"], secret["ID token"] = answer.json["access_token"], answer.json["id_token"].rpartition(".")[2]
        secret["wrong secret"], secret["wrong verifier"] = "canary" * 5, "canary" * 8
        secret.update({f"cookie {n}": v for (_, n), v in browser.jar.items()})
        for where in ("/userinfo?access_token=", "/token?client_secret=", "/nothing?secret="):
            server.get(where + secret["access token"])
            server.post(where + secret["access token"], {"client_secret": secret["client secret"]})
        server.get("/userinfo", {"Authorization": "Bearer " + secret["access token"] + "x", "Cookie": browser.cookies_for(server.issuer),
                                 "Referer": server.issuer + "/?" + secret["access token"]})
        server.get("/" + secret["access token"])
        server.get("/authorize?flow=" + secret["handle"], {"Host": "evil.example"})
        server.signal(signal.SIGHUP)
        wait_until("the log is written", lambda: '"status":421' in server.log())
        written = {"log": server.log(), "audit": server.cli("audit", "show") + json.dumps(server.cli("audit", "show", "--json")),
                   "people": server.cli("person", "list"), "clients": json.dumps(server.cli("client", "list", "--json"))}
        equal(server.stop(), None, "its end")
        for name in os.listdir(server.state):
            with open(os.path.join(server.state, name), "rb") as f:
                written[f"state/{name}"] = f.read().decode("latin-1")
        written["log"] = server.log()
        for place, text in written.items():
            for what, value in secret.items():
                assert len(value) > 20, f"{what} is no canary: {value!r}"
                for piece in (value, value[:20], value[-20:]):
                    assert piece not in text or (piece.startswith("canary") and "state" in place), f"{what} stands in {place}"


def test_operator_state_files_are_private():
    server = shared_dev()
    for path in [server.state] + [os.path.join(server.state, name) for name in os.listdir(server.state)]:
        equal(os.stat(path).st_mode & 0o077, 0, f"mode of {path}")


def test_operator_process_keeps_its_secrets():
    """Security L: no core, no new privileges, private files; the sealing key and the HMAC keys are locked in memory."""
    pid = shared_dev().process.pid
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        core = re.search(r"^Max core file size +(\d+) +(\d+)", f.read(), re.M)
    equal((status["NoNewPrivs"], status["Umask"]), ("1", "0077"), "status")
    equal(core and core.groups(), ("0", "0"), "the limit of a core file")
    with open(BINARY, "rb") as f:
        if b"__asan_init" not in f.read():  # under which mlock does nothing
            assert int(status["VmLck"].split()[0]) * 1024 >= 2 * os.sysconf("SC_PAGE_SIZE"), status["VmLck"]


def test_operator_two_starts_at_once_make_one_issuer():
    """A supervisor that starts a second one while the first still drains: both serve the same keys."""
    server = Dev(name="pair").start()
    other = Dev(name="pair-2")
    other.state = server.state
    try:
        with other:
            wait_until("both have keys", lambda: len(kids(server)) == 2 and kids(other) == kids(server))
    finally:
        equal(server.stop(), None, "its end")


def test_operator_changes_meet_requests():
    """A client is edited over and over while people sign in: everything is one truth or the other, and never an error of ours."""
    server = shared_dev()
    app, browser = server.add(), server.browser()
    app.sign_in(browser)
    stop = threading.Event()

    def edit():
        while not stop.is_set():
            for name in ("One", "Two"):
                app.edit("--name", name)

    editor = threading.Thread(target=edit)
    editor.start()
    try:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            attempt = app.request()
            equal(attempt.redeem(attempt.silent(browser)).status, 200, "a sign-in meanwhile")
    finally:
        stop.set()
        editor.join(20)
