"""The bed: a control server and a tailnet of a few machines, up and joined.

    idp     kernel mode, tagged tag:idp      where avouch runs in kernel mode
    box     userspace mode, tagged tag:idp   where avouch runs in userspace mode
    alice   alice's machine, an administrator by grant
    bob     bob's machine
    phone   bob's other machine, in userspace mode
    old     carol's, for expiry
    ci      tagged tag:server: nobody's
    mine    avouch's own node: a tailscaled that it starts itself, as an ordinary user

A test that removes a machine makes one of its own: extra()."""
import concurrent.futures
import os

import namespaces
from control import Authority, Control
from node import Node, OwnNode
from waiting import wait_for

CAPABILITY = "tailscale.com/cap/tsidp"
PEOPLE = {"alice": "Alice Example", "bob": "Bob Example", "carol": "Carol Example", "dave": "Dave Example",
          "erin": "Erin Example"}
NODES = {"idp": "tag:idp", "box": "tag:idp", "alice": "alice", "bob": "bob", "phone": "bob", "old": "carol", "ci": "tag:server"}
USERSPACE = ("box", "phone")
ADMIN_GRANT = {"allow_admin_ui": True, "allow_dcr": True, "extraClaims": {"department": "platform"}, "includeInUserInfo": True,
               "groups": ["admins"], "users": ["*"], "resources": ["*"]}


def policy(*grants):
    """Everybody reaches everything; each grant is (source, object of the capability)."""
    return {"groups": {"group:admins": ["alice@"]},
            "tagOwners": {"tag:idp": ["group:admins"], "tag:server": ["group:admins"]},
            "grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}]
            + [{"src": [source], "dst": ["tag:idp"], "app": {CAPABILITY: [what]}} for source, what in grants]}


USUAL_GRANTS = (("autogroup:member", {"groups": ["people"]}), ("group:admins", ADMIN_GRANT))


class Bed:
    def __init__(self, directory, programs):
        self.directory, self.programs = directory, programs
        self.nodes, self.people, self.keys = {}, {}, {}
        self.numbers = iter(range(11, 250))
        namespaces.make_hub("10.77.0.1/24", "fd77:a0::1/64")
        self.ca = Authority(os.path.join(directory, "ca"))
        self.control = Control(self)

    def __getitem__(self, name):
        return self.nodes[name]

    def up(self):
        self.control.start()
        for name, display_name in PEOPLE.items():
            self.people[name] = self.control.add_person(name, display_name)
        self.control.set_policy(policy(*USUAL_GRANTS))
        self.join([self.make(name) for name in NODES], [NODES[name] for name in NODES])
        self.meet(["idp", "box"], ["alice", "bob", "phone", "old", "ci"])

    def make(self, name):
        self.nodes[name] = Node(self, name, next(self.numbers), userspace=name in USERSPACE)
        self.nodes[name].start()
        return self.nodes[name]

    @staticmethod
    def owner(node):
        return NODES[node.name]

    def make_own(self, name):
        self.nodes[name] = OwnNode(self, name, next(self.numbers))
        return self.nodes[name]

    def key_of(self, owner):
        if owner not in self.keys:
            words = ("--tags", owner) if owner.startswith("tag:") else ("--user", self.people[owner])
            self.keys[owner] = self.control.join_key(*words)
        return self.keys[owner]

    def join(self, nodes, owners):
        for node, owner in zip(nodes, owners):
            node.begin_join(self.key_of(owner))
        for node in nodes:
            node.end_join()

    def meet(self, some, others):
        """The first packet between two machines may take 5 s: a lost handshake is repeated then."""
        self.ping((a, b) for a in others for b in some)

    def greet(self, name):
        """A machine that has come back speaks first: the others would use keys that it has forgotten for another 15 s."""
        self.ping((name, other) for other in self.nodes if other != name)

    def meet_directly(self, name, others):
        """No packet, in either direction, goes by way of the control server, which is a relay too."""
        for a, b in [(name, other) for other in others] + [(other, name) for other in others]:
            wait_for(lambda a=a, b=b: self.nodes[a].is_direct(self.nodes[b]), 20, f"a direct path from {a} to {b}")

    def ping(self, names):
        pairs = [(self.nodes[a], self.nodes[b]) for a, b in names]
        with concurrent.futures.ThreadPoolExecutor(len(pairs)) as pool:
            for done in [pool.submit(a.ping, b) for a, b in pairs]:
                done.result()

    @staticmethod
    def wait_known(node, peer, holds):
        """What whois says there of a peer; how long it took."""
        return wait_for(lambda: holds(node.whois(peer.v4)["Node"]), 15, f"{node.name} to hear of it")[1]

    def extra(self, name, owner, near):
        """One more machine, which has met another one."""
        node = self.make(name)
        self.join([node], [owner])
        self.meet([near.name], [name])
        return node

    def drop(self, name):
        self.nodes.pop(name).remove()

    def down(self):
        for node in self.nodes.values():
            if node.daemon is not None:
                node.thaw()
                node.daemon.terminate()
        for node in self.nodes.values():
            if node.daemon is not None:
                node.daemon.wait(10)
        self.control.stop()
