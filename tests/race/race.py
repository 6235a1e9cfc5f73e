"""The race suite; run.sh calls it: one winner whatever happens at the same time, few repetitions, and no data race."""
import argparse
import base64
import glob
import hashlib
import json
import os
import random
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "crash"))

import check  # noqa: E402
import load  # noqa: E402
import probe  # noqa: E402
import relying  # noqa: E402
import server  # noqa: E402
import suite  # noqa: E402
import volley  # noqa: E402

RACERS = 1000
SIGN_INS = 64
AGAIN_MAX = 2
COMMIT_MS = 10  # each sync and each last page: hundreds have looked at the code before the first one has it
ROTATION_S = 20
TSAN_S = 8


class Course:
    """A server on a slow disk, a thousand connections, and one code after another to race for."""

    def __init__(self, s, racers=RACERS):
        s.shim("disk")
        disk = server.DiskShim(s.work)
        self.server, self.history = check.fresh(s.work, shims=[disk])
        disk.set(delay_ms=COMMIT_MS)
        self.probe = probe.Probe(self.server, self.history)
        self.volley = volley.Volley(self.server, racers)
        self.suite, self.wrong = s, []
        self.rounds = 100 if s.arguments.full else 10

    def __enter__(self):
        return self

    def __exit__(self, *_):
        tries = [x.get("again", 0) for x in self.server.log_lines() if x.get("path") == "/token"]
        self.suite.say(f"{len(tries)} redemptions, {sum(t > 0 for t in tries)} of them ran again, at most {max(tries, default=0)} times")
        self.volley.close()
        self.server.destroy()

    def complain(self, text):
        self.wrong.append(text)

    def code(self, name):
        code, answer = self.probe.sign_in(name)
        if code is None:
            raise RuntimeError(f"a sign-in was answered {answer!r}")
        return code

    def request(self, code, secret=None):
        client = code.owners[0]
        return relying.token_request(self.server.host, client.name, secret or client.secret, code.text, code.attempt)

    def judge(self, name, answers, winners, losers):
        """winners: how many there may be; losers: the errors that the others may have. The winning answer."""
        won = [a for a in answers if a.status == 200]
        if len(won) not in winners:
            self.complain(f"{name}: {len(won)} winners")
        for a in answers:
            if a.status != 200 and (a.status, a.error) not in losers:
                self.complain(f"{name}: a loser was answered {a!r}")
        return won[0] if won else None

    def userinfo(self, answer):
        token = answer.json()["access_token"]
        return self.probe.line.ask(relying.userinfo_request(self.server.host, token)).status

    def expect_dead(self, name, answer):
        if answer and self.userinfo(answer) != 401:
            self.complain(f"{name}: what the winner got is still good")


REFUSED = (400, "invalid_grant")
UNPROVEN = (401, "invalid_client")


def test_one_winner(s):
    """All by the right client: one gets the tokens, and as the code came again, they are revoked."""
    with Course(s) as c:
        for n in range(c.rounds):
            code = c.code(load.STEADY[n % 2])
            answers = c.volley.fire([c.request(code)] * RACERS)
            c.expect_dead("one winner", c.judge("one winner", answers, (1,), [REFUSED]))
        return c.wrong


def test_wrong_secret(s):
    """All but one with a wrong secret: these neither get nor spoil anything."""
    with Course(s) as c:
        for n in range(c.rounds):
            code = c.code(load.STEADY[n % 2])
            requests = [c.request(code, "not-the-secret")] * RACERS
            right = s.rng.randrange(RACERS)
            requests[right] = c.request(code)
            answers = c.volley.fire(requests)
            won = c.judge("wrong secret", answers, (1,), [UNPROVEN])
            if won and (won is not answers[right] or c.userinfo(won) != 200):
                c.complain("wrong secret: the winner's token does not work")
        return c.wrong


class Remover:
    """`avouch client remove`, started at some time by somebody."""

    def __init__(self, srv, name):
        self.thread = threading.Thread(target=srv.command, args=("client", "remove", name))
        self.started = threading.Event()

    def start(self):
        self.thread.start()
        self.started.set()

    def join(self):
        self.started.wait(10)
        self.thread.join()


def sleep_between(start, head_start):
    """start() so many seconds before this returns, or after it has."""
    if head_start < 0:
        threading.Timer(-head_start, start).start()
        return
    start()
    time.sleep(head_start)


def test_client_removed(s):
    """The operator removes the client meanwhile: one winner or none, and nothing is left of it, also when the client comes back."""
    with Course(s) as c:
        won_some = 0
        for n in range(c.rounds):
            name = f"removed-{n}"
            owner = c.history.owner(name)
            owner.secret = c.server.add_client(name, "RS256")
            code = c.code(name)
            remover = Remover(c.server, name)
            head_start = s.rng.uniform(-0.01, 0.02)
            answers = c.volley.fire([c.request(code)] * RACERS, lambda: sleep_between(remover.start, head_start))
            remover.join()
            won = c.judge("client removed", answers, (0, 1), [REFUSED, UNPROVEN])
            won_some += won is not None
            c.expect_dead("client removed", won)
            owner.secret = c.server.add_client(name, "RS256")
            c.expect_dead("client removed and added again", won)
            again = c.volley.fire([c.request(code)])[0]
            if (again.status, again.error) != REFUSED:
                c.complain(f"client removed and added again: the old code is answered {again!r}")
        s.say(f"client removed: {won_some} of {c.rounds} had a winner before it was gone")
        return c.wrong


def base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify_rs256(token, keys):
    """RFC 8017 8.2.2. Why not; None: it is right."""
    head, claims, signature = token.split(".")
    key = keys.get(json.loads(base64url(head))["kid"])
    if key is None:
        return "signed with a key that was never published"
    n, e = (int.from_bytes(base64url(key[m]), "big") for m in ("n", "e"))
    size = (n.bit_length() + 7) // 8
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    digest = prefix + hashlib.sha256(f"{head}.{claims}".encode()).digest()
    padded = b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest
    found = pow(int.from_bytes(base64url(signature), "big"), e, n).to_bytes(size, "big")
    return None if found == padded else "the signature is wrong"


def test_key_rotated(s):
    """A compromised key goes meanwhile: whoever wins has a signature of a key that was in use, and afterwards of the new one."""
    with Course(s) as c:
        volleys, keys = 0, c.server.kids()
        for _ in range(c.rounds):
            old = set(c.server.kids())
            c.server.command_json("key", "rotate", "--now")
            end = time.monotonic() + ROTATION_S
            while set(c.server.kids()) & old and time.monotonic() < end:
                code = c.code("steady-rs")
                won = c.judge("key rotated", c.volley.fire([c.request(code)] * RACERS), (1,), [REFUSED])
                volleys += 1
                keys.update(c.server.kids())
                why = won and verify_rs256(won.json()["id_token"], keys)
                if why:
                    c.complain(f"key rotated: {why}")
            if set(c.server.kids()) & old:
                c.complain(f"key rotated: the order is not carried out {ROTATION_S} s later")
            token = c.volley.fire([c.request(c.code("steady-rs"))])[0].json().get("id_token", "")
            why = verify_rs256(token, c.server.kids()) if token else "there is no ID token"
            if why:
                c.complain(f"after the rotation: {why}")
        s.say(f"key rotated: {volleys} volleys beside {c.rounds} rotations")
        return c.wrong


def all_again(srv, since, path):
    """How often each ran again; None: they are not all in the log yet."""
    tries = [x.get("again", 0) for x in srv.log_lines(since) if x.get("path") == path]
    return tries if len(tries) == SIGN_INS else None


def test_interleaved_sign_ins(s):
    """One person, 64 browsers, one client, all at once; the first time the person is not even known."""
    with Course(s, racers=0) as c:
        worst = 0
        for person in range(1, server.PEOPLE + 1):
            lines = volley.Volley(c.server, SIGN_INS, [f"127.0.0.{person}"])
            attempts = [relying.Attempt(server.URI) for _ in range(SIGN_INS)]
            since = c.server.log_size()
            answers = lines.fire([relying.authorize_request(c.server.host, "steady-es", a) for a in attempts])
            codes = [relying.code_of(answer, a) for answer, a in zip(answers, attempts)]
            if None in codes or len(set(codes)) != SIGN_INS:
                c.complain(f"{codes.count(None)} of {SIGN_INS} sign-ins failed: {answers[codes.index(None)]!r}")
                break
            secret = c.history.owner("steady-es").secret
            tokens = lines.fire([relying.token_request(c.server.host, "steady-es", secret, code, a) for code, a in zip(codes, attempts)])
            lines.close()
            if any(a.status != 200 or c.userinfo(a) != 200 for a in tokens):
                c.complain("not all of the codes that were issued at once got tokens that work")
            for path in ("/authorize", "/token"):
                tries = relying.wait_until(f"{SIGN_INS} lines of the log", lambda p=path: all_again(c.server, since, p), 5)
                worst = max(worst, *tries)
                if max(tries) > AGAIN_MAX:
                    c.complain(f"{path}: one of {SIGN_INS} ran again {max(tries)} times")
        s.say(f"interleaved: {server.PEOPLE} times {SIGN_INS} sign-ins, at most {worst} repetitions")
        return c.wrong


# ---- threads ----

def tsan_binary(s):
    path = os.environ.get("AVOUCH_TSAN_BIN", "")
    if not path or not os.path.exists(path):
        raise suite.Skip("there is no build with -Db_sanitize=thread: AVOUCH_TSAN_BIN names it")
    with open(path, "rb") as f:
        if b"__tsan_init" not in f.read():
            raise suite.Skip(f"{path} is not built with -Db_sanitize=thread")
    return s.copy(os.path.abspath(path), "avouch-tsan")


def hang_up(srv, rng, stop):
    """Clients that leave before the answer."""
    while not stop.is_set():
        line = srv.connection(f"127.0.0.{rng.randrange(1, server.PEOPLE)}")  # each has so many grants at most
        attempt = relying.Attempt(server.URI)
        try:
            line.send(relying.authorize_request(srv.host, "steady-rs", attempt))
            time.sleep(rng.uniform(0, 0.02))
        except (relying.Lost, relying.Refused):
            pass
        line.close()


def test_thread_sanitizer(s):
    binary = tsan_binary(s)
    reports = os.path.join(s.work, "tsan")
    os.environ["TSAN_OPTIONS"] = f"log_path={reports} exitcode=66 suppressions={os.path.join(HERE, 'tsan.supp')} history_size=4"
    s.shim("disk")
    disk = server.DiskShim(s.work)
    srv, history = check.fresh(s.work, binary=binary, shims=[disk])
    stop = threading.Event()
    leaver = threading.Thread(target=hang_up, args=(srv, s.rng, stop))
    work = load.Load(srv, history, s.arguments.seed).start()
    leaver.start()
    end = time.monotonic() + (TSAN_S * 10 if s.arguments.full else TSAN_S)
    while time.monotonic() < end:
        time.sleep(1)
        srv.process.send_signal(signal.SIGHUP)
        disk.set(fail=disk.EIO_META, times=2)  # and the database is opened anew
    disk.set(fail=0)
    work.join()
    stop.set()
    leaver.join()
    check.Checker(srv, history).check(work.doomed_kids)
    srv.stop()
    status = srv.process.returncode
    srv.destroy()
    os.environ.pop("TSAN_OPTIONS")
    s.say(f"under TSan: {history.count.get('sign-ins', 0)} sign-ins, {history.count.get('redemptions', 0)} redemptions,"
          f" {history.count.get('commands', 0)} commands")
    wrong = history.violations + ([] if status == 0 else [f"the server ended with {status}"])
    for path in glob.glob(reports + "*"):
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        for line in [x for x in text.splitlines() if x.startswith("SUMMARY")][:5] or [text[:300]]:
            wrong.append(line)
        if wrong:
            print("\n".join("# " + x for x in text.splitlines()[:80]))
    return wrong


def read_arguments():
    parser = argparse.ArgumentParser(prog="tests/race/run.sh")
    parser.add_argument("--seed", type=int, help="of what happens beside the race")
    parser.add_argument("--full", action="store_true", help="100 rounds each")
    parser.add_argument("--only", default="", help="tests whose name has this in it")
    parser.add_argument("--keep", action="store_true", help="leave the working directory")
    a = parser.parse_args()
    a.seed = a.seed if a.seed is not None else random.SystemRandom().randrange(1 << 30)
    return a


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    volley.raise_file_limit()
    s = suite.Suite(read_arguments())
    s.rng = random.Random(s.arguments.seed)
    s.say(f"seed {s.arguments.seed}, {server.default_binary()}")
    tests = {name.removeprefix("test_").replace("_", "-"): f for name, f in globals().items() if name.startswith("test_")}
    try:
        for name, test in tests.items():
            if s.arguments.only in name:
                s.run(name, test)
    finally:
        status = s.end()
    return status


if __name__ == "__main__":
    sys.exit(main())
