"""Who is let in, as whom."""
from people import sign_in


def test_alice_signs_in_by_ipv4(any_way):
    claims = sign_in(any_way.provider, any_way.bed["alice"], any_way.bed["ci"])
    assert claims["sub"] == any_way.bed.people["alice"], claims
    assert claims["email"] == "alice@example.com" and claims["email_verified"] is True, claims
    assert claims["preferred_username"] == "alice" and claims["name"] == "Alice Example", claims
    assert sorted(claims["groups"]) == ["admins", "people"] and claims["department"] == "platform", claims


def test_alice_signs_in_by_ipv6(any_way):
    claims = sign_in(any_way.provider, any_way.bed["alice"], any_way.bed["ci"], v6=True)
    assert claims["sub"] == any_way.bed.people["alice"], claims


def test_bob_is_somebody_else(any_way):
    claims = sign_in(any_way.provider, any_way.bed["bob"], any_way.bed["ci"])
    assert claims["sub"] == any_way.bed.people["bob"] and claims["email"] == "bob@example.com", claims
    assert claims["groups"] == ["people"] and "department" not in claims, claims
