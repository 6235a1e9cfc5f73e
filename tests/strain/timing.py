"""What the time of an answer tells: requests of two kinds, in random order over one connection, and Welch's t of their times. Beyond
T_MAX the two can be told apart (as in Reparaz et al., "Dude, is my code constant time?")."""
import base64
import math
import secrets
import time

import check
import load
import probe
import relying

SAMPLES = 4000  # of each kind
CROP = 0.9      # the slowest tenth says what else the machine did
T_MAX = 4.5
SEEN_S = 2e-6    # what is less apart than this nobody sees through a tailnet, whose packets differ by a hundred times as much
CLIENT = load.STEADY[0]


def crop(times):
    return sorted(times)[:int(CROP * len(times))]


def welch(a, b):
    """The t of two lists of times, and how far their means are apart."""
    def mean_and_error(x):
        mean = sum(x) / len(x)
        return mean, sum((v - mean) ** 2 for v in x) / (len(x) - 1) / len(x)

    (mean_a, error_a), (mean_b, error_b) = mean_and_error(crop(a)), mean_and_error(crop(b))
    return (mean_a - mean_b) / math.sqrt(error_a + error_b), mean_a - mean_b


class Stopwatch:
    def __init__(self, s):
        self.suite = s
        self.server, self.history = check.fresh(s.work)
        self.line = self.server.connection("127.0.0.1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()
        self.server.destroy()

    def measure(self, kinds, n):
        """kinds: two functions that make a request, with the status that answers it."""
        times = ([], [])
        order = [0, 1] * n
        self.suite.rng.shuffle(order)
        # made beforehand: a server that waited longer for its request answers it more slowly
        for k, request in [(k, kinds[k][0]()) for k in order]:
            began = time.perf_counter()
            self.line.send(request)
            answer = self.line.receive()
            times[k].append(time.perf_counter() - began)
            if answer.status != kinds[k][1]:
                raise RuntimeError(f"{answer!r}, where {kinds[k][1]} is due")
        return welch(*times)

    def compare(self, what, kinds):
        """The t. One beyond T_MAX has to come twice: one time in some hundred thousand it is chance, and machines have their moments."""
        n = SAMPLES * (10 if self.suite.arguments.full else 1)
        t, apart = self.measure(kinds, n)
        if abs(t) > T_MAX:
            again, apart = self.measure(kinds, 2 * n)
            t = again if again * t > 0 else 0
        self.suite.say(f"{what}: t = {t:.1f}, {apart * 1e6:.2f} us apart, of {n} each")
        return t if abs(apart) > SEEN_S else 0

    def basic(self, client, secret, code="a" * 55, verifier="v" * 43):
        attempt = relying.Attempt("http://127.0.0.1/")
        attempt.verifier = verifier
        return relying.token_request(self.server.host, client, secret, code, attempt)


def altered(code):
    """This code with another secret."""
    raw = bytearray(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
    raw[-8:] = secrets.token_bytes(8)
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


def unknown(code):
    """As old as this one and with another id, so that nothing is found."""
    raw = bytearray(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
    raw[9:] = secrets.token_bytes(len(raw) - 9)
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


def test_control(s):
    """The stopwatch sees what there is to see: a document that lies in memory, and a secret that is looked up and compared."""
    with Stopwatch(s) as w:
        secret = w.history.owner(CLIENT).secret
        t = w.compare("a document against a wrong secret", [
            (lambda: relying.get(w.server.host, "/.well-known/jwks.json"), 200), (lambda: w.basic(CLIENT, "x" * len(secret)), 401)])
        return [] if abs(t) > T_MAX else [f"it sees no difference where there is one: t = {t:.1f}"]


def test_clients(s):
    """RFC 6749 5.2: an unknown client and a wrong secret are one answer, also by the clock."""
    with Stopwatch(s) as w:
        n = len(w.history.owner(CLIENT).secret)
        t = w.compare("unknown client against wrong secret", [(lambda: w.basic("x" * len(CLIENT), secrets.token_urlsafe(n)[:n]), 401),
                                                               (lambda: w.basic(CLIENT, secrets.token_urlsafe(n)[:n]), 401)])
        return [] if abs(t) <= T_MAX else [f"an unknown client is told from a wrong secret: t = {t:.1f}"]


def test_codes(s):
    """A code that nobody was given, one whose secret is wrong, and one that was used, by somebody who lacks the verifier."""
    wrong = []
    with Stopwatch(s) as w:
        secret = w.history.owner(CLIENT).secret
        p = probe.Probe(w.server, w.history)
        live, _ = p.sign_in(CLIENT)
        used, _ = p.sign_in(CLIENT)
        p.redeem(used)

        def redeem(make):
            return lambda: w.basic(CLIENT, secret, make()), 400

        for what, make in (("with a wrong secret", lambda: altered(live.text)), ("used before", lambda: used.text)):
            t = w.compare(f"unknown code against one {what}", [redeem(lambda: unknown(live.text)), redeem(make)])
            if abs(t) > T_MAX:
                wrong.append(f"an unknown code is told from one {what}: t = {t:.1f}")
        p.line.close()
    return wrong
