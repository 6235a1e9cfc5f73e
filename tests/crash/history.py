"""What clients and operators were told, kept on their side, and what follows from it.

Every act has a beginning and, if it was answered, an end. What was acknowledged binds: a code can be redeemed (until it expires, is
used or its client or person is ended), a token answers, what was ended stays ended, no code works twice. Where an answer was lost,
either is right, and what is seen first stays so."""
import threading
import time

CODE_S = 60
CODE_SURE_S = 45  # younger ones must work
TOKEN_SURE_S = 480  # of 600
COOKIE_CHARS = 60  # a shorter one names a browser and no session: people have so many at most


class Owner:
    """A client or a person: what ends its codes and tokens (removed, disabled, blocked)."""

    def __init__(self, name):
        self.name = name
        self.endings = []  # [begin, end or None, "known" | "unknown" | "failed"], in order
        self.there = self.active = False
        self.unknown = False  # an act was not answered: `there`, `active` and `secret` are guesses
        self.busy = False  # an act is under way
        self.version = 0  # acts begun and ended
        self.secret = "none"

    def state(self):
        """What an act leaves as it is; None while one is under way, or where nobody knows."""
        return None if self.busy or self.unknown else (self.version, self.there and self.active)

    def had_ended(self, acknowledged, asked):
        """What was acknowledged then, before anybody asked for more."""
        return any(outcome == "known" and acknowledged < end < asked for _, end, outcome in self.endings)

    def fate(self, asked, acknowledged):
        """Of what was asked for and acknowledged at these ticks: "ended", "maybe" or "alive"."""
        worst = "alive"
        for _, end, outcome in list(self.endings):
            if outcome == "known" and acknowledged < end:
                return "ended"
            if outcome != "failed" and (end is None or asked < end):
                worst = "maybe"
        return worst


class Code:
    def __init__(self, text, owners, attempt, asked, acknowledged, reserved):
        self.reserved = reserved  # nobody else plays with it
        self.text, self.owners, self.attempt, self.asked, self.acknowledged = text, owners, attempt, asked, acknowledged
        self.born = time.monotonic()
        self.wins, self.flying, self.lost, self.refused, self.token = 0, 0, 0, 0, None

    @property
    def age(self):
        return time.monotonic() - self.born


class Page:
    """A Continue page that a browser was shown: its flow and the cookie that belongs to it."""

    def __init__(self, flow, cookie, owners, attempt, asked, acknowledged):
        self.flow, self.cookie, self.owners, self.attempt = flow, cookie, owners, attempt
        self.asked, self.acknowledged = asked, acknowledged
        self.born = time.monotonic()
        self.code = None  # what the first press was answered

    @property
    def age(self):
        return time.monotonic() - self.born


class Session:
    """A browser that was signed in by this cookie."""

    def __init__(self, cookie, person, asked, acknowledged):
        self.cookie, self.owners, self.asked, self.acknowledged = cookie, (person,), asked, acknowledged


class Token:
    def __init__(self, text, code, asked, acknowledged):
        self.text, self.code, self.asked, self.acknowledged = text, code, asked, acknowledged
        self.born = time.monotonic()
        self.seen_dead = False


class History:
    def __init__(self):
        self.lock = threading.RLock()
        self.tick = 0
        self.codes, self.tokens, self.owners = {}, {}, {}
        self.pages, self.sessions = {}, {}
        self.cookies = {}  # by browser: one that starts anew is no newcomer
        self.violations = []
        self.count = {}

    def note(self, what, n=1):
        with self.lock:
            self.count[what] = self.count.get(what, 0) + n

    def violate(self, text):
        with self.lock:
            self.violations.append(text)

    def step(self):
        with self.lock:
            self.tick += 1
            return self.tick

    # ---- clients and people ----

    def owner(self, name):
        with self.lock:
            return self.owners.setdefault(name, Owner(name))

    def act_begins(self, owner):
        with self.lock:
            owner.busy = True
            owner.version += 1

    def act_ends(self, owner):
        with self.lock:
            owner.busy = False
            owner.version += 1

    def ending_begins(self, owner):
        with self.lock:
            self.act_begins(owner)
            ending = [self.step(), None, "unknown"]
            owner.endings.append(ending)
            return ending

    def ending_ends(self, owner, ending, outcome):
        with self.lock:
            ending[1], ending[2] = self.step(), outcome
            self.act_ends(owner)

    # ---- codes ----

    def code_issued(self, text, client, person, attempt, asked, reserved=False):
        with self.lock:
            if text in self.codes:
                self.violate(f"the code of one sign-in was given to another ({client.name})")
            self.codes[text] = Code(text, (client, person), attempt, asked, self.step(), reserved)
            self.note("sign-ins")
            return self.codes[text]

    @staticmethod
    def fate(code, asked, acknowledged):
        fates = {o.fate(asked, acknowledged) for o in code.owners}
        return "ended" if "ended" in fates else "maybe" if "maybe" in fates else "alive"

    def code_fate(self, code):
        """Of a page or a session too."""
        return self.fate(code, code.asked, code.acknowledged)

    # ---- pages and sessions ----

    def page_shown(self, flow, cookie, owners, attempt, asked):
        with self.lock:
            self.note("pages")
            page = self.pages[flow] = Page(flow, cookie, owners, attempt, asked, self.step())
            return page

    def pressed(self, page, text):
        """Continue was answered with this code, the first time or again."""
        with self.lock:
            if page.code is None:
                page.code = text
                self.code_issued(text, *page.owners, page.attempt, page.asked)
            elif page.code != text:
                self.violate(f"a page was answered with two codes ({page.owners[0].name})")

    def signed_in(self, cookie, person, asked):
        with self.lock:
            if cookie and len(cookie) > COOKIE_CHARS and cookie not in self.sessions:
                self.sessions[cookie] = Session(cookie, person, asked, self.step())

    def open_pages(self):
        with self.lock:
            return [p for p in self.pages.values() if p.age < TOKEN_SURE_S]

    def redeem_begins(self, code):
        """The attempt, to be given back with what became of it."""
        with self.lock:
            code.flying += 1
            return self.step(), code.owners[0].state()

    def redeem_lost(self, code):
        with self.lock:
            code.flying -= 1
            code.lost += 1
            self.note("redemptions lost")

    def redeem_unsent(self, code):
        with self.lock:
            code.flying -= 1

    def redeem_ends(self, code, begun, answer):
        asked, client_state = begun
        with self.lock:
            code.flying -= 1
            if answer.status == 200:
                self.redeemed(code, asked, answer)
            elif answer.status == 400 and answer.error == "invalid_grant":
                self.refused(code)
            elif answer.status == 401 and answer.error == "invalid_client":
                self.unproven(code.owners[0], client_state)
            else:
                self.violate(f"a redemption was answered {answer!r}")

    def redeemed(self, code, asked, answer):
        code.wins += 1
        self.note("redemptions")
        if code.wins > 1:
            self.violate(f"a code worked twice (client {code.owners[0].name})")
            return
        if any(o.had_ended(code.acknowledged, asked) for o in code.owners):
            self.violate(f"a code of {code.owners[0].name} worked after it was ended")
        code.token = Token(answer.json()["access_token"], code, asked, self.step())
        self.tokens[code.token.text] = code.token

    def refused(self, code):
        others = code.wins + code.flying + code.lost + code.refused
        code.refused += 1
        self.note("redemptions refused")
        if others == 0 and code.age < CODE_SURE_S and self.code_fate(code) == "alive":
            self.violate(f"lost: a code acknowledged {code.age:.1f} s ago to {code.owners[0].name} is refused")

    def unproven(self, client, state):
        self.note("clients refused")
        if state == client.state() and state is not None and state[1]:
            self.violate(f"lost: client {client.name} is not known any more, or not by its secret")

    # ---- tokens ----

    def token_fate(self, token):
        """Before it is asked about: what must hold."""
        with self.lock:
            code, fate = token.code, self.fate(token.code, token.asked, token.acknowledged)
            if token.seen_dead or code.refused or fate == "ended":
                return "ended"
            if code.flying or code.lost or fate == "maybe":
                return "maybe"
            return "alive"

    def userinfo_ends(self, token, before, answer):
        """before: token_fate when it was sent."""
        with self.lock:
            if answer.status not in (200, 401):
                self.violate(f"userinfo was answered {answer!r}")
            elif answer.status == 200 and before == "ended":
                self.violate(f"revoked, and works again: a token of {token.code.owners[0].name}")
            elif answer.status == 401:
                age = time.monotonic() - token.born
                if before == "alive" and age < TOKEN_SURE_S and self.token_fate(token) == "alive":
                    self.violate(f"lost: a token acknowledged {age:.1f} s ago to {token.code.owners[0].name} is refused")
                token.seen_dead = True
            self.note("userinfo")

    # ---- what is there to ask ----

    def open_codes(self):
        """Acknowledged and never sent to /token."""
        with self.lock:
            return [c for c in self.codes.values() if not (c.wins or c.flying or c.lost or c.refused) and c.age < CODE_SURE_S]

    def unsure_codes(self):
        with self.lock:
            return [c for c in self.codes.values() if c.lost and not c.refused and c.wins == 0 and c.age < CODE_SURE_S]

    def used_codes(self):
        with self.lock:
            return [c for c in self.codes.values() if c.wins and not c.reserved and c.age < CODE_SURE_S]

    def young_tokens(self):
        with self.lock:
            return [t for t in self.tokens.values() if time.monotonic() - t.born < TOKEN_SURE_S]

    def settle_down(self):
        """The server and all commands are gone: what was under way is not any more."""
        with self.lock:
            for code in self.codes.values():
                code.lost += code.flying
                code.flying = 0
            for owner in self.owners.values():
                owner.busy = False
