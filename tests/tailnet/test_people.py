"""Who is let in, as whom: from each kind of machine, over IPv4 and IPv6."""
from people import Browser, error_of, sign_in, way_back
from test_refused import url_of


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


def test_machine_without_an_interface_signs_in(any_way):
    """Its tailscaled connects for it."""
    for v6 in (False, True):
        claims = sign_in(any_way.provider, any_way.bed["phone"], any_way.bed["ci"], v6)
        assert claims["sub"] == any_way.bed.people["bob"] and claims["groups"] == ["people"], claims


def test_machine_that_routes_for_others_is_asked(any_way):
    """Devices behind it look like its owner, so the page comes each time."""
    bed, browser = any_way.bed, Browser(any_way.provider, any_way.bed["bob"])
    bed["bob"].set_prefs(AdvertiseRoutes=["10.99.0.0/24"])
    try:
        bed.control.approve_routes(bed["bob"], "10.99.0.0/24")
        bed.wait_known(any_way.node, bed["bob"], lambda node: "10.99.0.0/24" in node["AllowedIPs"])
        for _ in range(2):
            page = browser.open(url_of(any_way))
            assert page.status_code == 200 and "carries traffic of other devices" in page.text, (page.status_code, error_of(page.text))
            assert sign_in(any_way.provider, bed["bob"], bed["ci"], browser=browser)["sub"] == bed.people["bob"]
    finally:
        bed.control.approve_routes(bed["bob"], "")
        bed["bob"].set_prefs(AdvertiseRoutes=[])
        bed.wait_known(any_way.node, bed["bob"], lambda node: "10.99.0.0/24" not in node["AllowedIPs"])
    assert way_back(browser.open(url_of(any_way))), "silent again"
