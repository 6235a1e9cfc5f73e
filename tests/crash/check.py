"""After a restart: is everything still true that somebody was told?"""
import json
import random

import load
import relying
import server

CODES_MAX, TOKENS_MAX, PAGES_MAX, SESSIONS_MAX = 100, 200, 20, 10  # looked at each time
AUDIT_LAST = 3000
KEYS_S = 20


class Checker:
    def __init__(self, srv, history, seed=0):
        self.server, self.history, self.rng = srv, history, random.Random(f"{seed}/check")
        self.audit = {}  # sequence: what was shown

    def check(self, doomed_kids=()):
        self.history.settle_down()
        self.line = self.server.connection()
        self.check_clients()
        self.check_people()
        self.check_codes()
        self.check_pages()
        self.check_sessions()
        self.check_tokens()
        self.check_audit()
        self.check_keys(set(doomed_kids))
        self.line.close()

    # ---- what the command line did ----

    def check_clients(self):
        there = {c["client_id"]: c for c in self.server.command_json("client", "list")}
        for owner in list(self.history.owners.values()):
            if "@" in owner.name:
                continue
            found = there.get(owner.name)
            active = found is not None and not found.get("disabled", False)
            if owner.unknown:
                self.settle_client(owner, found is not None, active)
            elif (owner.there, owner.there and owner.active) != (found is not None, active):
                self.history.violate(f"lost: client {owner.name} should be {self.words(owner.there, owner.active)}"
                                     f" and is {self.words(found is not None, active)}")

    @staticmethod
    def words(is_there, active):
        return "gone" if not is_there else "there" if active else "disabled"

    def settle_client(self, owner, is_there, active):
        """A command was not answered: it is as it is, and from now on it stays so."""
        owner.there, owner.active, owner.unknown = is_there, active, False
        if is_there:
            owner.secret = self.server.command_json("client", "rotate-secret", owner.name)["client_secret"]

    def check_people(self):
        blocked = {p["login"]: p["blocked"] for p in self.server.command_json("person", "list")}
        for owner in list(self.history.owners.values()):
            if "@" not in owner.name:
                continue
            found = blocked.get(owner.name)
            if owner.unknown:
                owner.active, owner.unknown = found is False, False
            elif owner.endings and found != (not owner.active):
                self.history.violate(f"lost: {owner.name} should be {'active' if owner.active else 'blocked'}")
            elif found is None and any(c.owners[1] is owner for c in self.history.codes.values()):
                self.history.violate(f"lost: {owner.name} signed in and is not known")

    # ---- what the server did ----

    def redeem(self, code):
        load.redeem(self.server, self.history, code, [self.line], self.trouble)

    def ask(self, token):
        before = self.history.token_fate(token)
        answer = self.line.ask(relying.userinfo_request(self.server.host, token.text))
        self.history.userinfo_ends(token, before, answer)
        self.history.note(f"tokens checked: {before}")

    def sample(self, things, most):
        return self.rng.sample(things, most) if len(things) > most else things

    def check_codes(self):
        for code in self.sample(self.history.open_codes(), CODES_MAX):
            self.redeem(code)
            if code.token:
                self.ask(code.token)
            if self.rng.random() < 0.3:
                self.redeem(code)
            self.history.note("open codes checked")
        for code in self.sample(self.history.unsure_codes(), CODES_MAX):
            self.redeem(code)
            self.redeem(code)
            self.history.note("unsure codes checked")

    def trouble(self, what, answer):
        self.history.violate(f"after the restart a {what} was answered {answer!r}")

    def check_pages(self):
        """Each still leads to its code, and pressed again to the same one."""
        for page in self.sample(self.history.open_pages(), PAGES_MAX):
            browser = self.server.connection(load.address_of(page.owners[1]))
            for _ in range(2):
                load.press(self.server, self.history, page, browser, self.trouble)
            browser.close()
            self.history.note("pages checked")

    def check_sessions(self):
        """prompt=none: without the session there would be no code."""
        client = self.history.owner(load.STEADY[0])
        for session in self.sample(list(self.history.sessions.values())[-4 * SESSIONS_MAX:], SESSIONS_MAX):
            person, attempt, asked = session.owners[0], relying.Attempt(server.URI), self.history.step()
            browser, fate = self.server.connection(load.address_of(person)), self.history.code_fate(session)
            answer = browser.ask(relying.authorize_request(self.server.host, client.name, attempt, session.cookie, prompt="none"))
            browser.close()
            text = relying.code_of(answer, attempt)
            if text:
                self.history.code_issued(text, client, person, attempt, asked)
            if bool(text) != (fate == "alive") and fate != "maybe":
                self.history.violate(f"lost: a session of {person.name} that is {fate} is answered {relying.error_of(answer) or answer!r}")
            self.history.note("sessions checked")

    def check_tokens(self):
        tokens = self.history.young_tokens()
        for token in self.sample(tokens[-TOKENS_MAX:], TOKENS_MAX // 2) + self.sample(tokens[:-TOKENS_MAX], TOKENS_MAX // 2):
            self.ask(token)

    def check_audit(self):
        """Without a gap, and what was shown before is shown again."""
        status, out, err = self.server.command("audit", "show", "--last", str(AUDIT_LAST), "--json")
        if status != 0:
            self.history.violate(f"avouch audit show: {err.strip()}")
            return
        records = {r["sequence"]: r for r in json.loads(out)}
        if records and sorted(records) != list(range(min(records), max(records) + 1)):
            self.history.violate("the audit log has a gap")
        if self.audit and max(self.audit) > max(records, default=0):
            self.history.violate(f"lost: {max(self.audit) - max(records, default=0)} audit records")
        for sequence, record in self.audit.items():
            if sequence in records and records[sequence] != record:
                self.history.violate(f"audit record {sequence} has changed")
        self.audit = records
        self.history.note("audit records checked", len(records))

    def check_keys(self, doomed):
        try:
            relying.wait_until("old keys to go", lambda: not doomed & set(self.server.kids()), KEYS_S)
        except TimeoutError:
            self.history.violate(f"a rotation that was acknowledged is not carried out {KEYS_S} s later")


def power_cut(journal, data, rng):
    """Takes back some of what was written and not synced. How many of how many writes."""
    import os
    import struct
    with open(journal, "rb") as f:
        noted = f.read()
    entries, at = [], 0
    while at + 32 <= len(noted):
        where, n, old_n, file_n = struct.unpack_from("<4q", noted, at)
        if at + 32 + old_n > len(noted):
            break  # cut short itself: its write did not begin
        entries.append((where, n, noted[at + 32:at + 32 + old_n], file_n))
        at += 32 + old_n
    keep = rng.choice((0, 0, 0.5, 0.9))
    undone = 0
    with open(data, "r+b") as f:
        for where, n, old, _ in reversed(entries):
            if rng.random() < keep:
                continue
            undone += 1
            f.seek(where)
            f.write(old + b"\0" * (n - len(old)))
        if entries and not keep:
            f.truncate(entries[0][3])
    os.truncate(journal, 0)
    return undone, len(entries)


def fresh(work, kind=server.Server, **kw):
    """A server with its first clients, and the history of what it told."""
    srv = kind(work, **kw)
    srv.start()
    history = load.History()
    load.prepare(srv, history)
    return srv, history
