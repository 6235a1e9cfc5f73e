"""The certificate from tailscaled: its real refusals, and its real cert API with what an ACME server would have given it."""
from people import answer_over, sign_in, tls_over
from provider import SERVICE, SERVICE_UID
from waiting import wait_for

REFUSED = ("tailscaled gives no certificate: HTTPS must be on for the tailnet, and this user allowed to ask "
           "(TS_PERMIT_CERT_UID or --operator), or set tls.certificate and tls.key")


def refusal(way, before=0):
    """What the log says of it: status and tailscaled's own words."""
    wait_for(lambda: len(way.provider.logged(REFUSED)) > before, 15, "a refusal")
    line = way.provider.logged(REFUSED)[-1]
    return line["status"], line["why"]


def is_listening(way):
    try:
        way.bed["alice"].connect(way.node.v4, 443, 2).close()
        return True
    except OSError:
        return False


def must_find(way, status, words):
    code, findings = way.provider.doctor()
    certificate = findings["certificate"]
    assert code == 1 and certificate["state"] == "bad", certificate
    assert f"({status})" in certificate["finding"] and words in certificate["mend"], certificate


def must_refuse(way, status, why, mend):
    """It says so and waits; nobody is served without a certificate."""
    before = len(way.provider.logged(REFUSED))
    way.provider.begin()
    seen = refusal(way, before)
    assert seen == (status, why), seen
    assert not is_listening(way)
    must_find(way, status, mend)
    way.provider.stop()


def permit(way):
    """Two ways that tailscaled has for letting an ordinary user have certificates; its own user needs neither."""
    if way.name == "kernel":
        way.node.stop()
        way.node.start({"TS_PERMIT_CERT_UID": str(SERVICE_UID)})
        wait_for(way.node.is_running, 30, "the node to run")
        way.bed.greet(way.node.name)
    elif way.name == "userspace":
        way.node.set_prefs(OperatorUser=SERVICE)


def forbid(way):
    if way.name == "kernel":
        way.node.stop()
        way.node.start()
        wait_for(way.node.is_running, 30, "the node to run")
        way.bed.greet(way.node.name)
    elif way.name == "userspace":
        way.node.set_prefs(OperatorUser="")


def open_connection(way):
    return tls_over(way.provider, way.bed["alice"].connect(way.node.v4, 443))


def served_serial(way):
    with open_connection(way) as c:
        return c.getpeercert()["serialNumber"]


def test_certificate_is_refused(way):
    """First by tailscaled to this user, then by the control server to the tailnet: each with what mends it."""
    way.provider.stop()
    way.provider.configure(tls=None)
    try:
        must_refuse(way, 403, "cert access denied", "TS_PERMIT_CERT_UID")
        permit(way)
        must_refuse(way, 500, "your Tailscale account does not support getting TLS certs", "turn HTTPS on")
    finally:
        forbid(way)
        way.provider.configure()
        way.provider.start()


def is_answered(connection, way):
    """A request over a connection that is kept."""
    return answer_over(connection, f"GET /.well-known/jwks.json HTTP/1.1\r\nHost: {way.provider.host}\r\n\r\n".encode())[0] == 200


def renew(way, days):
    """The next certificate, and how long until it is served after the word."""
    before = served_serial(way)
    way.node.give_certificate(way.provider.host, way.bed.ca.issue("DNS:" + way.provider.host, days))
    way.provider.reload()
    return wait_for(lambda: served_serial(way) != before, 60, "the next certificate", every=0.3)[1]


def test_certificate_of_tailscaled(any_way):
    """Had, renewed without a connection dropped, and had again where tailscaled cannot renew what is about to end."""
    way = any_way
    permit(way)
    try:
        way.node.give_certificate(way.provider.host, way.bed.ca.issue("DNS:" + way.provider.host))
        with way.provider.changed(tls=None):
            way.provider.wait_serving(seconds=60)
            way.bed.greet(way.node.name)
            assert sign_in(way.provider, way.bed["alice"], way.bed["ci"])["sub"] == way.bed.people["alice"]
            assert way.provider.doctor()[1]["public"]["state"] == "good", "what the certificate has made public"
            held = open_connection(way)
            assert is_answered(held, way)
            way.say("a renewed certificate: served after", renew(way, 90))
            assert is_answered(held, way), "a connection from before"
            renew(way, 10)  # tailscaled would renew it, which fails: so it is asked without min_validity
            refused = way.node.try_api("GET", f"cert/{way.provider.host}?type=pair&min_validity=720h", seconds=60)
            assert refused[0] == 500, refused
            assert sign_in(way.provider, way.bed["alice"], way.bed["ci"])["sub"] == way.bed.people["alice"]
            assert way.provider.doctor()[1]["certificate"]["state"] == "look", "ten days are few"
            held.close()
    finally:
        wait_for(way.node.is_running, 30, "the node to run")
        way.node.serve_nothing()
        forbid(way)
    way.bed.greet(way.node.name)
