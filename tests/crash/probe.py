"""One client that looks closely: each request by itself, its answer and how long it took."""
import time

import load
import relying
import server


class Probe:
    def __init__(self, srv, history, person=1):
        self.server, self.history = srv, history
        self.person = history.owner(load.person_name(person))
        self.line = srv.connection(f"127.0.0.{person}")
        self.cookie = None

    def timed(self, request):
        began = time.monotonic()
        answer = self.line.ask(request)
        answer.seconds = time.monotonic() - began
        return answer

    def sign_in(self, name=load.STEADY[0]):
        """(code or None, answer)"""
        attempt, asked = relying.Attempt(server.URI), self.history.step()
        answer = self.timed(relying.authorize_request(self.server.host, name, attempt, self.cookie))
        self.cookie = relying.cookie_of(answer, self.cookie)
        text = relying.code_of(answer, attempt)
        code = self.history.code_issued(text, self.history.owner(name), self.person, attempt, asked, True) if text else None
        return code, answer

    def redeem(self, code):
        """(token or None, answer)"""
        client, begun = code.owners[0], self.history.redeem_begins(code)
        answer = self.timed(relying.token_request(self.server.host, client.name, client.secret, code.text, code.attempt))
        if answer.status == 503:
            self.history.redeem_unsent(code)
        else:
            self.history.redeem_ends(code, begun, answer)
        return code.token if answer.status == 200 else None, answer

    def ask(self, token):
        before = self.history.token_fate(token)
        answer = self.timed(relying.userinfo_request(self.server.host, token.text))
        if answer.status != 503:
            self.history.userinfo_ends(token, before, answer)
        return answer

    def get(self, path):
        return self.timed(relying.get(self.server.host, path))

    def whole(self):
        """A sign-in to its end; the token. Raises where it fails."""
        code, answer = self.sign_in()
        if code is None:
            raise RuntimeError(f"a sign-in was answered {answer!r}")
        token, answer = self.redeem(code)
        if token is None:
            raise RuntimeError(f"a redemption was answered {answer!r}")
        return token

    def is_served(self):
        code, _ = self.sign_in()
        return code is not None and self.redeem(code)[0] is not None


def complaints(what, answer):
    """What is wrong about an answer that should say: not now, nothing is lost."""
    wrong = []
    if answer.status != 503:
        return [f"{what}: {answer!r}, where a 503 is due"]
    if answer.headers.get("retry-after", [""])[0] == "":
        wrong.append(f"{what}: a 503 without Retry-After")
    if answer.error != "temporarily_unavailable":
        wrong.append(f"{what}: the error is {answer.error!r}")
    return wrong
