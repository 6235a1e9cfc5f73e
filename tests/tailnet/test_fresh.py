"""What the tailnet says is believed for one request: changes show at the next one."""
import time

from bed import USUAL_GRANTS, policy
from people import Browser, sign_in
from waiting import wait_for


def groups_of(way, browser):
    return sorted(sign_in(way.provider, way.bed["bob"], way.bed["ci"], browser=browser)["groups"])


def test_changed_grants(any_way):
    bed, browser = any_way.bed, Browser(any_way.provider, any_way.bed["bob"])
    assert groups_of(any_way, browser) == ["people"]
    try:
        began = time.monotonic()
        bed.control.set_policy(policy(*USUAL_GRANTS, ("autogroup:member", {"groups": ["night"]})))
        wait_for(lambda: groups_of(any_way, browser) == ["night", "people"], 10, "the new group")
        any_way.say("grant added: in the ID token after", time.monotonic() - began)
    finally:
        began = time.monotonic()
        bed.control.set_policy(policy(*USUAL_GRANTS))
        wait_for(lambda: groups_of(any_way, browser) == ["people"], 10, "the group to go")
        any_way.say("grant removed: gone from the ID token after", time.monotonic() - began)
