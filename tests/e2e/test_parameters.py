"""parameters.table, cell by cell: each parameter of each endpoint, absent, empty, twice, too long, badly escaped, with a NUL, with a line
end, with bytes that are no UTF-8. Whatever the cell says, there is never a 5xx and never a redirect to an unproven place."""

import os
import re

import browser as browsers
import wire
from support import HERE, basic, equal, shared_dev

TABLE = os.path.join(HERE, "parameters.table")
WAYS = ("absent", "empty", "twice", "long", "escape", "nul", "crlf", "utf8")
LONG = 9000


def read_table():
    """(endpoint, parameter): expectations by way."""
    rows = {}
    with open(TABLE, encoding="ascii") as f:
        for line in f:
            words = line.partition("#")[0].split()
            if words:
                equal(len(words), 2 + len(WAYS), f"columns of {line!r}")
                rows[words[0], words[1]] = dict(zip(WAYS, words[2:]))
    return rows


def spoil(params, name, value, way):
    """The form text with this parameter gone wrong; value: a good one."""
    rest = [(n, v) for n, v in params.items() if n != name and v is not None]
    good = wire.quote(value)
    spoilt = {"absent": None, "empty": "", "twice": good, "long": good + "a" * LONG, "escape": good + "%zz", "nul": good + "%00",
              "crlf": good + "%0d%0aX:%20y", "utf8": good + "%ff"}[way]
    pieces = [wire.encode(rest)] if rest else []
    if spoilt is not None:
        pieces += [f"{name}={spoilt}"] * (2 if way == "twice" else 1)
    return "&".join(pieces)


def compare(what, got, wanted, all_of):
    if got != wanted:
        all_of.append(f"{what}: {got}, not {wanted}")


def cells(endpoint):
    for (where, name), ways in read_table().items():
        if where == endpoint:
            for way, wanted in ways.items():
                yield name, way, wanted


# ---- /authorize and /decision: code, >ERROR (by redirect), ERROR (a page), again (the page once more) ----

GOOD = {"response_mode": "query", "prompt": "consent", "max_age": "100", "id_token_hint": "a.b.c", "request": "x",
        "request_uri": "https://app.example/r",
        "registration": "{}", "login_hint": "alice", "display": "page", "ui_locales": "en", "claims_locales": "en", "acr_values": "1",
        "claims": "{}",
        "resource": "https://mcp.example/", "flow": "x", "unknown": "x"}


def seen(app, landing):
    if isinstance(landing, browsers.Landing):
        assert landing.url.startswith(app.redirect_uri + "?"), f"sent to {landing.url}"
        assert "\r" not in landing.url and "\n" not in landing.url and "\0" not in landing.url, landing.url
        return "code" if landing.code else ">" + landing.error
    assert landing.status < 500 and not landing.answer.location, landing
    return landing.error or ("page" if landing.has("continue") else "?")


def test_parameters_of_authorize():
    server, wrong = shared_dev(), []
    app, browser = server.add(), server.browser()
    app.sign_in(browser)
    for name, way, wanted in cells("authorize"):
        params = app.request(state="some state", nonce="n").params
        text = spoil(params, name, params.get(name) or GOOD[name], way)
        get = seen(app, browser.open(f"{server.issuer}/authorize?{text}"))
        compare(f"GET {name} {way}", get, wanted, wrong)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        post = seen(app, browser.go("POST", server.issuer + "/authorize", headers=headers, body=text.encode()))
        compare(f"POST {name} {way}", post, wanted, wrong)
    assert not wrong, "; ".join(wrong)


def test_parameters_of_decision():
    server, wrong = shared_dev(), []
    app, browser = server.add(page="always"), server.browser()
    headers = {"Origin": server.issuer, "Content-Type": "application/x-www-form-urlencoded"}
    for name, way, wanted in cells("decision"):
        _, fields = app.request().open(browser).form_data("continue")
        text = spoil(dict(fields), name, dict(fields).get(name, "x"), way)
        compare(f"{name} {way}", seen(app, browser.go("POST", server.issuer + "/decision", "same-origin", headers, text.encode())), wanted,
                wrong)
    assert not wrong, "; ".join(wrong)


# ---- /token and /userinfo: STATUS or STATUS:error ----


def told(answer):
    assert answer.status < 500, answer.brief()
    if answer.status == 200:
        return "200"
    equal(answer.header("content-type"), "application/json", answer.brief())
    return f"{answer.status}:{answer.json['error']}"


EXTRA = {"client_id": None, "client_secret": None, "client_assertion": "x.y.z",
         "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:x",
         "resource": "https://mcp.example/", "scope": "openid", "unknown": "x"}


def test_parameters_of_token():
    """Client credentials in the body, so that they are parameters too."""
    server, wrong = shared_dev(), []
    app, browser = server.add(), server.browser()
    for name, way, wanted in cells("token"):
        attempt = app.request()
        code = attempt.silent(browser)
        form = attempt.token_form(code, client_id=app.id, client_secret=app.secret)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = server.post("/token", spoil(form, name, form.get(name) or EXTRA[name], way).encode(), headers)
        compare(f"{name} {way}", told(answer), wanted, wrong)
        equal(answer.header("cache-control"), "no-store", "cache-control")
        if answer.status != 200:  # nothing was consumed by that
            compare(f"{name} {way}, then the right request", told(attempt.redeem(code, basic(app.id, app.secret))), "200", wrong)
    assert not wrong, "; ".join(wrong)


def test_parameters_of_userinfo():
    server, wrong = shared_dev(), []
    token = server.add().sign_in(server.browser())["access_token"]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for name, way, wanted in cells("userinfo"):
        form = {"access_token": token}
        answer = server.post("/userinfo", spoil(form, name, form.get(name, "x"), way).encode(), headers)
        compare(f"{name} {way}", told(answer), wanted, wrong)
        equal(bool(answer.header("www-authenticate")), answer.status != 200, "WWW-Authenticate")
    assert not wrong, "; ".join(wrong)


def test_parameters_table_has_every_parameter():
    """Of the endpoints' own tables in the source."""
    rows = read_table()
    for endpoint, path in (("authorize", "src/request/authorization.c"), ("decision", "src/endpoint/decision.c"),
                           ("token", "src/endpoint/token.c"),
                           ("userinfo", "src/endpoint/userinfo.c")):
        with open(os.path.join(HERE, "..", "..", path), encoding="utf-8") as f:
            names = set(re.findall(r'^\s*\{ "([a-z_]+)", [A-Z_0-9]+, \w+, (?:true|false)', f.read(), re.M))
        assert names, path
        equal(names - {n for e, n in rows if e == endpoint}, set(), f"parameters of /{endpoint} that the table has not")
