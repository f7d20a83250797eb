"""What several may use though one owns it, or nobody: offerings, templates, networks and zones that are shared, and roles."""

from __future__ import annotations

import pytest

from cloudwright.compute.affinity import DEDICATED, AffinityGroup
from cloudwright.compute.model import ServiceOffering
from cloudwright.core.access import Use
from cloudwright.core.param import Param
from cloudwright.core.secret import Secret
from cloudwright.identity.directory.model import LdapLink, LdapServer
from cloudwright.identity.model import ADMIN, SYSTEM_ACCOUNT, Account, KeyPair, Role, User
from cloudwright.identity.project.model import ProjectInvitation
from cloudwright.infrastructure.model import Dedication, Region, Zone
from cloudwright.infrastructure.offered import Offered
from cloudwright.network.model import Network, NetworkOffering
from cloudwright.operations.word.annotation import Annotation
from cloudwright.storage.model import DiskOffering, OsCategory, OsType, Template, TemplateGrant
from tests.identity.estate import _values
from tests.identity.matrix import CALLERS, NOTHING

ALL = set(CALLERS)
OPS = {"ole", "ods"}
ENG = ALL - OPS
DEV = {"root", "dee", "dan"}
OVER_ENG, OVER_DEV, OVER_OPS = {"root", "rea", "eva"}, {"root", "rea", "eva", "dee"}, {"root", "ole"}
ADMINS = OVER_DEV | OVER_OPS
ANN = {"ann", "abe"}
PROJECT = {*ANN, "mem", "gus", "alo"}


class Shelf:
    """Makes rows in a scene."""

    def __init__(self, scene, tx):
        self.scene, self.tx = scene, tx
        self.eng, self.dev, self.ops = (scene.callers[name].domain_id for name in ("eva", "dee", "ole"))
        self.rows = []

    def put(self, of, owner=None, **given):
        who = self.scene.owners.get(owner)
        known = {**self.scene.made[""], **self.scene.made[owner or "ann"]}
        return self.tx.insert(of(**{**_values(of, who, known), **given}))

    def expect(self, what, row, use, who):
        self.rows.append((what, row, use, set(who)))

    def both(self, what, row, uses, changes):
        self.expect(what, row, Use.USE, uses)
        self.expect(what, row, Use.SEE, uses)
        self.expect(what, row, Use.CHANGE, changes)


def offerings(shelf):
    def offered(kind, *domains, **given):
        row = shelf.put(kind, public=not domains, **given)
        for domain in domains:
            shelf.tx.insert(Offered(offering_kind=kind.kind, offering_id=row.id, domain_id=domain))
        return row

    on = {"state": "Enabled"}
    for kind, more, change in ((ServiceOffering, {}, True), (DiskOffering, {}, True), (NetworkOffering, on, False)):
        for domains, uses, changes in (
            ((), ALL, {"root"}),
            ((shelf.eng,), ENG, OVER_ENG),
            ((shelf.dev,), DEV, OVER_DEV),
            ((shelf.ops,), OPS | {"root"}, OVER_OPS),
            ((shelf.dev, shelf.ops), DEV | OPS, {"root"}),
        ):
            shelf.both(f"for {domains}", offered(kind, *domains, **more), uses, changes if change else {"root"})
    shelf.both("system", offered(ServiceOffering, system_vm="domainrouter"), {"root"}, {"root"})
    shelf.both("disabled", offered(NetworkOffering, state="Disabled"), {"root"}, {"root"})
    shelf.both("the system's", offered(NetworkOffering, system_only=True, **on), {"root"}, {"root"})


def zones(shelf):
    shelf.both("open to all", shelf.put(Zone, domain_id=None, allocation_state="Enabled"), ALL, {"root"})
    shelf.both("disabled", shelf.put(Zone, domain_id=None, allocation_state="Disabled"), {"root"}, {"root"})
    shelf.both("of dev", shelf.put(Zone, domain_id=shelf.dev, allocation_state="Enabled"), DEV, {"root"})
    for account, uses in ((None, {"root", "rea", "eva", *DEV}), ("dan", {"root", "rea", "eva", "dee", "dan"})):
        zone = shelf.put(Zone, domain_id=None, allocation_state="Enabled")
        whose = shelf.scene.callers[account].account_id if account else None
        about = {"of_kind": "zone", "of_id": zone.id, "zone_id": zone.id, "domain_id": shelf.dev, "account_id": whose}
        shelf.tx.insert(Dedication(**about))
        shelf.both(f"dedicated to {account or 'dev'}", zone, uses, {"root"})
    amys = shelf.put(Zone, domain_id=None, allocation_state="Enabled")
    whose = {"domain_id": shelf.eng, "account_id": shelf.scene.callers["amy"].account_id}
    shelf.tx.insert(Dedication(of_kind="zone", of_id=amys.id, zone_id=amys.id, **whose))
    shelf.both("dedicated to amy", amys, {*OVER_ENG, "amy"}, {"root"})
    freed = shelf.put(Zone, domain_id=None, allocation_state="Enabled")
    shelf.tx.remove(shelf.tx.insert(Dedication(of_kind="zone", of_id=freed.id, zone_id=freed.id, domain_id=shelf.dev)))
    shelf.both("dedicated once", freed, ALL, {"root"})
    pod = shelf.put(Zone, domain_id=None, allocation_state="Enabled")
    shelf.tx.insert(Dedication(of_kind="pod", of_id=pod.id, zone_id=pod.id, domain_id=shelf.ops))
    shelf.both("whose number is that of a dedicated pod", pod, ALL, {"root"})
    for kind in (OsType, OsCategory, Region):
        shelf.both("what all look at", shelf.put(kind), ALL, {"root"})


def templates(shelf):
    for what, given, others in (
        ("private", {}, set()),
        ("public", {"public": True}, ALL),
        ("featured", {"featured": True}, ALL),
        ("shared with amy", {"to": "amy"}, {"amy"}),
        ("shared with the project", {"to": "project"}, PROJECT),
        ("shared with amy once", {"to": "amy", "ended": True}, set()),
    ):
        row = shelf.put(Template, "ods", **{name: value for name, value in given.items() if name in ("public", "featured")})
        if "to" in given:
            to = shelf.scene.owners[given["to"]].account_id
            grant = shelf.tx.insert(TemplateGrant(template_id=row.id, account_id=to))
            if "ended" in given:
                shelf.tx.remove(grant)
        shelf.both(what, row, {*OVER_OPS, "ods", *others}, {*OVER_OPS, "ods"})


def networks(shelf):
    own = {*OVER_ENG, *ANN}
    for what, given, uses in (
        ("the account's", {}, own),
        ("the account's, wrongly with subdomain access", {"subdomain_access": True}, own),
        ("the domain's", {"acl_type": "Domain", "subdomain_access": False}, ENG - {"dee", "dan"}),
        ("the domain's and those below", {"acl_type": "Domain", "subdomain_access": True}, ENG),
    ):
        shelf.both(what, shelf.put(Network, "ann", **given), uses, own)


def affinity(shelf):
    about = {"type": DEDICATED, "acl_type": "Domain"}
    for domain, uses, changes in (
        (shelf.eng, ENG, OVER_ENG),
        (shelf.dev, DEV | OVER_DEV, OVER_DEV),
        (shelf.ops, OVER_OPS | OPS, OVER_OPS),
    ):
        row = shelf.put(AffinityGroup, "ann", account_id=SYSTEM_ACCOUNT, domain_id=domain, name=f"of {domain}", **about)
        shelf.both("a domain's group", row, uses, changes)
    shelf.both(
        "an account's group", shelf.put(AffinityGroup, "ann", name="hers", type=DEDICATED), {*OVER_ENG, *ANN}, {*OVER_ENG, *ANN}
    )


def people(shelf):
    for what, given, uses in (
        ("a user's", {"role_type": "User", "public": True}, ADMINS),
        ("a private one", {"role_type": "User", "public": False}, {"root"}),
        ("root's", {"role_type": "Admin", "public": True}, {"root"}),
    ):
        shelf.both(what, shelf.put(Role, **given), uses, {"root"})
    role = shelf.tx.find(Role, Role.c.role_type == "Admin")
    tom = shelf.tx.insert(Account(name="tom", domain_id=shelf.eng, role_id=role.id, type_=ADMIN))
    user = shelf.put(User, username="tom", account_id=tom.id, domain_id=shelf.eng, password=Secret(""))
    for row in (tom, user):
        shelf.both("root's in eng", row, OVER_ENG, {"root"})
    for use in Use:
        shelf.expect("a key of root's in eng", shelf.put(KeyPair, user_id=user.id, api_key=f"tom {use}"), use, {"root"})
        shelf.expect("a key of ann", shelf.put(KeyPair, user_id=shelf.scene.callers["ann"].user_id), use, {*OVER_ENG, "ann"})


def words(shelf):
    ann, mem = shelf.scene.callers["ann"], shelf.scene.callers["mem"]
    shelf.both("by ann", shelf.put(Annotation, "ann"), {*OVER_ENG, *ANN}, {"root", "ann"})
    shelf.both(
        "for administrators",
        shelf.put(Annotation, "ann", user_id=mem.user_id, admins_only=True),
        {"root", "mem"},
        {"root", "mem"},
    )
    project = shelf.scene.project
    about = {"project_id": project.id, "account_id": project.account_id, "domain_id": project.domain_id, "expires": 4e9}
    for what, given, sees in (
        ("of an account", {"member_id": shelf.scene.callers["alo"].account_id}, {"co", "alo"}),
        ("of one user", {"member_id": ann.account_id, "user_id": shelf.scene.callers["abe"].user_id}, set()),
        (
            "of another's user",
            {"member_id": shelf.scene.callers["co"].account_id, "user_id": shelf.scene.callers["alo"].user_id},
            {"alo"},
        ),
        ("of an administrator elsewhere", {"member_id": shelf.scene.callers["ole"].account_id}, {"ole"}),
        ("by mail", {"email": "x@example.org"}, set()),
    ):
        row = shelf.tx.insert(ProjectInvitation(**about, **given))
        shelf.expect(f"invitation {what}", row, Use.SEE, {*OVER_ENG, *ANN, *sees})
        shelf.expect(f"invitation {what}", row, Use.CHANGE, {*OVER_ENG, *ANN})
    for kind, about in ((LdapServer, {"hostname": "h"}), (LdapLink, {})):
        shelf.both("for dev", shelf.put(kind, domain_id=shelf.dev, **about), OVER_DEV, OVER_DEV)
        shelf.both("for all", shelf.put(kind, domain_id=0, **about), {"root"}, {"root"})


@pytest.mark.parametrize("fill", [offerings, zones, templates, networks, affinity, people, words])
def test_who_may_use_and_change_what_is_shared(scene, undone, fill):
    wrong = []

    def look(tx):
        shelf = Shelf(scene, tx)
        fill(shelf)
        for what, row, use, expected in shelf.rows:
            p = Param(use=use, refers=type(row), wire_name="id")
            said = {who: scene.resolved(p, who, row.uuid, tx) for who in CALLERS}
            may = {who for who in CALLERS if said[who] is None}
            assert set(said.values()) <= {None, scene.resolved(p, "gus", NOTHING, tx)}, (row.kind, what, said)
            if may != expected:
                wrong.append((row.kind, what, str(use), "too many", sorted(may - expected), "too few", sorted(expected - may)))

    undone(look)
    assert wrong == []
