"""Parallel clients and an administrator at work, all of it noted in a History. Every choice comes from the seed."""
import json
import random
import threading
import time

import relying
import server
from history import History
from relying import Lost, Refused

STEADY = ("steady-es", "steady-rs")  # nobody administers these
PAGED = "steady-page"  # its people are shown the page each time
MOVING = ("moving-1", "moving-2", "moving-3")  # added, disabled, removed, added again
BLOCKED_PERSON = server.PEOPLE  # the one whom the administrator blocks


def person_name(n):
    return f"person{n}@example.com"


def address_of(person):
    """The loopback address that is this person."""
    return f"127.0.0.{int(person.name.removeprefix('person').partition('@')[0])}"


def redeem(srv, history, code, lines, trouble, cut=lambda e: None):
    """The same code on all these connections at once. trouble: is told of a 503, cut of a connection that was lost."""
    sent = []
    for line in lines:
        begun = history.redeem_begins(code)  # before the secret is looked up
        client = code.owners[0]
        try:
            line.send(relying.token_request(srv.host, client.name, client.secret, code.text, code.attempt))
            sent.append((line, begun))
        except Refused as e:
            history.redeem_unsent(code)
            cut(e)
        except Lost as e:
            history.redeem_lost(code)
            cut(e)
    for line, begun in sent:
        try:
            answer = line.receive()
        except Lost as e:
            history.redeem_lost(code)
            cut(e)
            continue
        if answer.status == 503:
            trouble("redemption", answer)
            history.redeem_unsent(code)  # nothing is consumed
        else:
            history.redeem_ends(code, begun, answer)


def press(srv, history, page, line, trouble):
    """Continue; false: no code came of it."""
    before = [o.state() for o in page.owners]
    answer = line.ask(relying.post(srv.host, "/decision", {"action": "continue", "flow": page.flow}, f"Cookie: {page.cookie}"))
    text = relying.code_of(answer, page.attempt)
    if text:
        history.pressed(page, text)
    elif answer.status >= 500:
        trouble("press of Continue", answer)
    elif before == [o.state() for o in page.owners] and all(s and s[1] for s in before) and history.code_fate(page) == "alive":
        history.violate(f"lost: a page of {page.owners[0].name} shown {page.age:.1f} s ago is answered {answer!r}")
    return bool(text)


class Client:
    """One browser and one application on a thread."""

    def __init__(self, load, n):
        self.load, self.history, self.server = load, load.history, load.server
        self.rng = random.Random(f"{load.seed}/client/{n}")
        self.person = n % server.PEOPLE + 1
        self.browser = self.server.connection(f"127.0.0.{self.person}")
        self.lines = [self.server.connection() for _ in range(3)]
        self.n, self.cookie = n, self.history.cookies.get(n)

    def run(self):
        while not self.load.stopping:
            try:
                self.act()
            except (Refused, Lost) as e:
                self.load.was_cut(e)
            if self.load.pace_s:
                time.sleep(self.load.pace_s)
        self.history.cookies[self.n] = self.cookie
        for c in (self.browser, *self.lines):
            c.close()

    def act(self):
        acts, weights = zip(*ACTS)
        self.rng.choices(acts, weights)[0](self)

    def choose_client(self):
        return self.history.owner(self.rng.choice(STEADY + (STEADY[:1] * 2) + MOVING))

    def ask_for_code(self, client, **more):
        """(answer, attempt, when it was asked for); whatever else it was, it is judged."""
        history = self.history
        attempt, person = relying.Attempt(server.URI), history.owner(person_name(self.person))
        before, asked = (client.state(), person.state()), history.step()
        answer = self.browser.ask(relying.authorize_request(self.server.host, client.name, attempt, self.cookie, **more))
        self.cookie = relying.cookie_of(answer, self.cookie)
        if answer.status in (302, 303):
            return answer, attempt, asked
        if answer.status >= 500:
            self.load.trouble("sign-in", answer)
        elif before == (client.state(), person.state()) and all(s and s[1] for s in before):
            history.violate(f"a sign-in of {person.name} at {client.name} was answered {answer!r}")
        return None, attempt, asked

    def sign_in(self):
        client, person = self.choose_client(), self.history.owner(person_name(self.person))
        answer, attempt, asked = self.ask_for_code(client)
        text = relying.code_of(answer, attempt) if answer else None
        if answer and not text:
            self.load.trouble("sign-in", answer)
        if not text:
            return None
        self.history.signed_in(self.cookie, person, asked)
        return self.history.code_issued(text, client, person, attempt, asked)

    def see_page(self):
        """A client of whom the person is asked each time: the page is stored before it is shown."""
        client, person = self.history.owner(PAGED), self.history.owner(person_name(self.person))
        answer, attempt, asked = self.ask_for_code(client)
        flow = relying.flow_of(answer) if answer else None
        if flow is None:
            return None
        return self.history.page_shown(flow, self.cookie, (client, person), attempt, asked)

    def press_continue(self):
        page = self.see_page()
        if page and press(self.server, self.history, page, self.browser, self.load.trouble) and self.rng.random() < 0.7:
            self.redeem(self.history.codes[page.code], self.lines[:1])

    def redeem(self, code, lines):
        """The same code on several connections at once."""
        redeem(self.server, self.history, code, lines, self.load.trouble, self.load.was_cut)
        return code.token

    def sign_in_and_redeem(self):
        code = self.sign_in()
        token = self.redeem(code, self.lines[:1]) if code else None
        if token:
            self.ask(token)

    def redeem_in_parallel(self):
        code = self.sign_in()
        token = self.redeem(code, self.lines) if code else None
        if token:
            self.ask(token)

    def ask_userinfo(self):
        tokens = self.history.young_tokens()[-200:]
        if tokens:
            self.ask(self.rng.choice(tokens))

    def ask(self, token):
        before = self.history.token_fate(token)
        answer = self.lines[0].ask(relying.userinfo_request(self.server.host, token.text))
        if answer.status == 503:
            self.load.trouble("question at userinfo", answer)
        else:
            self.history.userinfo_ends(token, before, answer)

    def replay(self):
        codes = self.history.used_codes()[-50:]
        if codes:
            self.redeem(self.rng.choice(codes), self.lines[:1])


# What a client does, and how often: a new endpoint joins here, and with what it promises in history.py and check.py.
ACTS = (
    (Client.sign_in_and_redeem, 50), (Client.sign_in, 15), (Client.redeem_in_parallel, 12), (Client.ask_userinfo, 10),
    (Client.replay, 7), (Client.see_page, 4), (Client.press_continue, 6),
)


class Administrator:
    """The command line, one act after another."""

    def __init__(self, load):
        self.load, self.history, self.server = load, load.history, load.server
        self.rng = random.Random(f"{load.seed}/administrator")

    def run(self):
        while not self.load.stopping:
            self.act()
            time.sleep(self.rng.uniform(0, 0.05))

    def act(self):
        dice = self.rng.random()
        if dice < 0.1:
            self.change_person()
        elif dice < 0.13 and self.load.rotate:
            self.rotate_key()
        else:
            self.change_client(self.history.owner(self.rng.choice(MOVING)))

    def change_client(self, owner):
        if owner.unknown:
            return
        if not owner.there:
            self.add(owner)
        elif not owner.active:
            self.revive(owner, "client", "enable", owner.name)
        elif self.rng.random() < 0.4:
            self.rotate_secret(owner)
        else:
            self.end(owner, "client", self.rng.choice(("remove", "disable")), owner.name)

    def change_person(self):
        owner = self.history.owner(person_name(BLOCKED_PERSON))
        if owner.unknown:
            return
        if owner.there and owner.active:
            self.end(owner, "person", "block", owner.name)
        elif owner.there:
            self.revive(owner, "person", "unblock", owner.name)
        else:
            owner.there = owner.active = any(c.owners[1] is owner for c in list(self.history.codes.values()))

    def command(self, owner, *words):
        """True: done. False: refused. None: nobody knows. Now and then it is killed, wherever it is: it may hold the database's lock."""
        killed = self.rng.uniform(0.004, 0.02) if self.rng.random() < 0.1 else None
        status, out, err = self.server.command(*words, kill_after=killed)
        self.history.note("commands")
        if status == 0:
            return out or "done"
        if status < 0:
            if owner:
                owner.unknown = True
            return None
        if "nothing was changed: " in err or "the database" in err:  # the disk: which is the test's business
            self.load.trouble("command", err.strip())
            return False
        if not owner or not owner.unknown:
            self.history.violate(f"avouch {' '.join(words)}: {err.strip()}")
        return False

    def add(self, owner):
        self.history.act_begins(owner)
        out = self.command(owner, "client", "add", "--client-id", owner.name, "--name", owner.name, "--redirect-uri", server.URI,
                           "--id-token-alg", "ES256", "--json")
        if out:
            owner.secret = json.loads(out)["client_secret"]
            owner.there = owner.active = True
        self.history.act_ends(owner)

    def rotate_secret(self, owner):
        self.history.act_begins(owner)
        out = self.command(owner, "client", "rotate-secret", owner.name, "--json")
        if out:
            owner.secret = json.loads(out)["client_secret"]
        self.history.act_ends(owner)

    def revive(self, owner, *words):
        self.history.act_begins(owner)
        if self.command(owner, *words):
            owner.active = True
        self.history.act_ends(owner)

    def end(self, owner, *words):
        ending = self.history.ending_begins(owner)
        done = self.command(owner, *words)
        if done:
            owner.active = False
            owner.there = words[1] != "remove"
        self.history.ending_ends(owner, ending, "known" if done else "unknown" if done is None else "failed")

    def rotate_key(self):
        """An order that was acknowledged is carried out, by this server or the next."""
        now = self.rng.random() < 0.5
        kids = set(self.server.kids()) if now else set()
        if self.command(None, "key", "rotate", *(["--now"] if now else [])):
            self.load.doomed_kids |= kids


class Load:
    def __init__(self, srv, history, seed, clients=8, pace_s=0.0, rotate=True, tough=False):
        self.server, self.history, self.seed = srv, history, seed
        self.stopping, self.cut_by, self.troubles = False, None, []
        self.pace_s, self.rotate, self.tough = pace_s, rotate, tough
        self.cuts = []  # what a tough one lives with
        self.doomed_kids = set()
        runners = [Client(self, n) for n in range(clients)] + [Administrator(self)]
        self.threads = [threading.Thread(target=self.guarded, args=(r,), daemon=True) for r in runners]

    def guarded(self, runner):
        try:
            runner.run()
        except (Refused, Lost) as e:
            self.was_cut(e)
        except Exception as e:  # a mistake of the test, or an answer nobody thought of
            self.history.violate(f"{type(runner).__name__}: {e!r}")

    def was_cut(self, e):
        self.cuts.append(e)
        if not self.tough:
            self.cut_by = self.cut_by or e
            self.stopping = True

    def trouble(self, what, answer):
        """An answer of the kind that is allowed only while something is wrong."""
        with self.history.lock:
            self.troubles.append((time.monotonic(), what, answer))

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def join(self):
        self.stopping = True
        for t in self.threads:
            t.join(60)
        if any(t.is_alive() for t in self.threads):
            self.history.violate("a client still waits for its answer a minute later")


def prepare(srv, history):
    """The clients that are always there, in the database and in the history."""
    for name, *options in ((STEADY[0], "ES256"), (STEADY[1], "RS256"), (PAGED, "ES256", "--page", "always")):
        owner = history.owner(name)
        if not owner.there:
            owner.secret = srv.add_client(name, *options)
            owner.there = owner.active = True
    for n in range(1, server.PEOPLE):
        owner = history.owner(person_name(n))
        owner.there = owner.active = True
