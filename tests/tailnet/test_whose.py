"""Whose tailnet. The last of all tests: afterwards the other machines and providers are strangers to the control server."""
from bed import USUAL_GRANTS, policy
from people import Browser, Place, error_of, sign_in, take_codes
from test_node import refusal_at
from test_refused import url_of
from waiting import wait_for

ANEW = ("bob", "alice", "carol")  # in another order, so that alice's number is bob's now and his is hers


def set_up_anew(bed):
    """The same server at the same address, which has forgotten everything and counts from 1 again."""
    bed.control.forget()
    bed.keys.clear()
    for name in ANEW:
        bed.people[name] = bed.control.add_person(name, name)
    bed.control.set_policy(policy(*USUAL_GRANTS))
    for name, owner in (("idp", "tag:idp"), ("alice", "alice"), ("bob", "bob"), ("old", "carol"), ("ci", "tag:server")):
        bed[name].forget()
        bed.join([bed[name]], [owner])
    bed.meet(["idp"], ["alice", "bob", "old", "ci"])


def page_for(way, person):
    page = Browser(way.provider, way.bed[person]).open(url_of(way))
    return page.status_code, error_of(page.text)


def test_control_server_is_set_up_anew(kernel):
    """Nobody gets anybody's account, and the operator says who is who."""
    way, bed, before = kernel, kernel.bed, dict(kernel.bed.people)
    app, location = take_codes(way.provider, bed["alice"], bed["ci"], 1)[0]
    sign_in(way.provider, bed["bob"], bed["ci"])
    sign_in(way.provider, bed["old"], bed["ci"])
    set_up_anew(bed)
    assert (bed.people["alice"], bed.people["bob"]) == (before["bob"], before["alice"]), bed.people
    text, _ = wait_for(lambda: refusal_at(way, way.node.v4), 40, "nobody to be signed in", every=0.3)
    assert "avouch tailnet accept" in text, text
    app.place = Place(way.provider, bed["ci"])  # the node has another address
    answer = app.redeem_raw(location)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable"), answer.text
    status, findings = way.provider.doctor()
    assert (status, findings["tailnet"]["state"]) == (1, "bad") and "avouch tailnet accept" in findings["tailnet"]["mend"], findings
    way.provider.command("tailnet", "accept")
    wait_for(lambda: page_for(way, "old")[0] != 503, 10, "the acceptance to be noticed", every=0.3)
    assert sign_in(way.provider, bed["old"], bed["ci"])["sub"] == before["carol"], "the same number and the same login"
    for person in ("alice", "bob"):
        assert page_for(way, person) == (403, "person_held"), person
    assert app.redeem_raw(location).json()["error"] == "invalid_grant", "a code of the alice of before"
    status, findings = way.provider.doctor()
    assert (status, findings["people"]["state"]) == (1, "bad") and "avouch person confirm" in findings["people"]["mend"], findings
    way.provider.command("person", "confirm", bed.people["alice"])
    claims = sign_in(way.provider, bed["alice"], bed["ci"])
    assert (claims["sub"], claims["preferred_username"]) == (before["bob"], "bob"), claims  # the operator's word
    assert page_for(way, "bob") == (403, "person_held"), "the other one goes on waiting"
