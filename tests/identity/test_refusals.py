"""What commands keep for some callers beside the rules of roles and rows: who is refused, and who is not, by the same words."""

from __future__ import annotations

import pytest

from cloudwright.compute.vm.deploy import DeployVirtualMachine
from cloudwright.compute.vm.destroy import MAY_EXPUNGE
from cloudwright.compute.vm.given import closed_details
from cloudwright.compute.vm.interfaces import wanted_networks
from cloudwright.core import wire
from cloudwright.core.command import Verb
from cloudwright.core.error import Denied, ParamError
from cloudwright.identity.model import SYSTEM_USER, Role, User
from cloudwright.network.model import Network
from cloudwright.storage.volume.command import EXPUNGE_ALLOWED
from tests.identity.test_matrix_shared import Shelf

SYSTEM = {"issystem": "true", "systemvmtype": "domainrouter"}
SIZED = {"cpunumber": "1", "cpuspeed": "500", "memory": "512"}
ROLE = {"rules[0].rule": "listZones", "rules[0].permission": "allow"}
ALL_BUT_ROOT = ("rea", "eva", "ann")
MANAGERS = ("rea", "eva", "root")

CASES = {
    "an offering for the system's machines": ("createServiceOffering", SIZED | SYSTEM, ALL_BUT_ROOT, ("root",)),
    "an offering with tags": ("createServiceOffering", SIZED | {"tags": "fast"}, ALL_BUT_ROOT, ("root",)),
    "an offering with tags of hosts": ("createServiceOffering", SIZED | {"hosttags": "fast"}, ALL_BUT_ROOT, ("root",)),
    "a disk offering with tags": ("createDiskOffering", {"disksize": "1", "tags": "fast"}, ALL_BUT_ROOT, ("root",)),
    "a disk offering": ("createDiskOffering", {"disksize": "1"}, (), MANAGERS),
    "people of a directory below ROOT": ("importLdapUsers", {}, ALL_BUT_ROOT, ("root",)),
    "a directory for all": ("addLdapConfiguration", {"hostname": "127.0.0.1", "port": "1"}, ALL_BUT_ROOT, ("root",)),
    "the end of a directory for all": ("deleteLdapConfiguration", {"hostname": "127.0.0.1"}, ALL_BUT_ROOT, ("root",)),
    "directories, the old way": ("ldapConfig", {"listall": "true"}, ALL_BUT_ROOT, ("root",)),
    "their end, the old way": ("ldapRemove", {}, ALL_BUT_ROOT, ("root",)),
    "a project's limit": ("updateResourceLimit", {"projectid": "PROJECT", "max": "1"}, ("ann",), MANAGERS),
    "one's own limit": ("updateResourceLimit", {"account": "eva", "domainid": "ENG", "max": "1"}, ("eva",), ("rea", "root")),
    "root's own limit": ("updateResourceLimit", {"account": "admin", "domainid": "ROOT", "max": "-1"}, (), ("root",)),
    "an account's end in a project": ("deleteAccountFromProject", {"projectid": "PROJECT", "account": "mem"},
                                      ("alo",), ("mem", "ann")),
    "a user's end in a project": ("deleteUserFromProject", {"projectid": "PROJECT", "userid": "ALO"},
                                  ("mem",), ("alo", "ann")),
    "a role": ("createRole", {"type": "User"}, ALL_BUT_ROOT, ("root",)),
    "a role with rules": ("importRole", ROLE | {"name": "new", "type": "User"}, ALL_BUT_ROOT, ("root",)),
    "a user of the system": ("createUser", {"account": "system", "domainid": "ROOT"}, ("root",), ()),
    "a template recommended": ("registerTemplate", {"isfeatured": "true", "zoneid": "-1"}, ("ann",), MANAGERS),
    "a template of the system": ("registerTemplate", {"templatetype": "SYSTEM", "zoneid": "-1"}, ALL_BUT_ROOT, ("root",)),
    "a machine's end for good": ("destroyVirtualMachine", {"expunge": "true"}, ("ann",), MANAGERS),
    "a machine's end": ("destroyVirtualMachine", {}, (), ("ann", *MANAGERS)),
    "free addresses": ("listPublicIpAddresses", {"state": "Free"}, ALL_BUT_ROOT, ("root",)),
    "addresses": ("listPublicIpAddresses", {"state": "Allocated"}, (), MANAGERS),
    "settings of the cloud": ("listConfigurations", {}, ALL_BUT_ROOT, ("root",)),
    "a setting of the cloud": ("updateConfiguration", {"name": "expunge.delay", "value": "60"}, ALL_BUT_ROOT, ("root",)),
    "a setting of a domain": ("listConfigurations", {"domainid": "ENG"}, (), MANAGERS),
    "words for administrators": ("addAnnotation", {"adminsonly": "true", "annotation": "x", "entitytype": "VM", "entityid": "VM"},
                                 ALL_BUT_ROOT, ("root",)),
    "for whom words are": ("updateAnnotationVisibility", {"adminsonly": "true"}, ALL_BUT_ROOT, ("root",)),
    "an account of more power, by name": ("updateAccount", {"account": "rea", "domainid": "ENG", "newname": "x"},
                                          ("eva",), ("root",)),
    "an account of more power": ("updateAccount", {"id": "REA", "newname": "x"}, ("eva",), ("root",)),
    "the system's account": ("updateAccount", {"account": "system", "domainid": "ROOT", "newname": "x"}, ("root",), ()),
    "the system's lock": ("lockAccount", {"account": "system", "domainid": "ROOT"}, ("root",), ()),
    "the system's keys": ("registerUserKeys", {"id": "SYSTEMS"}, ("root",), ()),
    "the system's user": ("updateUser", {"id": "SYSTEMS", "firstname": "x"}, ("root",), ()),
    "the first administrator's name": ("updateUser", {"id": "ROOTS", "username": "x"}, ("root",), ()),
    "the first administrator": ("updateUser", {"id": "ROOTS", "firstname": "x"}, (), ("root",)),
    "one's own role": ("updateAccount", {"id": "EVA", "roleid": "USERS"}, ("eva",), ("root",)),
    "a role of more power": ("updateAccount", {"id": "ANN", "roleid": "RESOURCE ADMIN"}, ("eva",), ("root",)),
    "one's own lock": ("lockAccount", {"account": "eva", "domainid": "ENG"}, ("eva",), ("root",)),
    "its end": ("deleteAccount", {"id": "REA"}, ("eva",), ("root",)),
    "its lock": ("disableAccount", {"id": "REA", "lock": "true"}, ("eva",), ("root",)),
    "another user of it": ("createUser", {"account": "rea", "domainid": "ENG"}, ("eva",), ("root",)),
    "its user": ("updateUser", {"id": "REAS", "firstname": "x"}, ("eva",), ("root",)),
    "its user's end": ("deleteUser", {"id": "REAS"}, ("eva",), ("root",)),
    "its user's rest": ("disableUser", {"id": "REAS"}, ("eva",), ("root",)),
    "its user's work": ("enableUser", {"id": "REAS"}, ("eva",), ("root",)),
    "its user's lock": ("lockUser", {"id": "REAS"}, ("eva",), ("root",)),
    "its user's keys": ("registerUserKeys", {"id": "REAS"}, ("eva",), ("root",)),
    "its user, by its key": ("getUser", {"userapikey": "key-rea"}, ("eva",), ("root",)),
    "another's move into it": ("moveUser", {"id": "ABE", "account": "rea"}, ("eva",), ("root",)),
    "its user's second factor": ("setupUserTwoFactorAuthentication", {"userid": "REAS", "enable": "false"}, ("eva",), ("root",)),
    "its user's sign-in elsewhere": ("authorizeSamlSso", {"userid": "REAS", "enable": "false"}, ("eva",), ("root",)),
}  # fmt: skip
"""What: the command, what it is told, who is refused by `Denied`, who is not."""


@pytest.mark.parametrize("what", CASES)
def test_a_command_keeps_for_some(scene, what):
    name, given, refused, let = CASES[what]
    verb, domains = Verb.by_name[name], scene.tenants.domains
    role = lambda name: scene.db.read().find(Role, Role.c.name == name).uuid  # noqa: E731
    ids = {
        "PROJECT": scene.project.uuid,
        "ENG": domains["eng"],
        "ROOT": scene.callers["root"].domain_uuid,
        "ROOTS": scene.callers["root"].user_uuid,
        "ABE": scene.callers["abe"].user_uuid,
        "ALO": scene.callers["alo"].user_uuid,
        "REA": scene.callers["rea"].account_uuid,
        "REAS": scene.callers["rea"].user_uuid,
        "ANN": scene.callers["ann"].account_uuid,
        "EVA": scene.callers["eva"].account_uuid,
        "VM": scene.made["ann"]["vm"].uuid,
        "SYSTEMS": scene.db.read().get(User, SYSTEM_USER).uuid,
        "USERS": role("User"),
        "RESOURCE ADMIN": role("Resource Admin"),
    }
    for who in (*refused, *let):
        sent = scene.parameters(verb, who, {key: ids.get(value, value) for key, value in given.items()})
        answer = scene.ask(verb, who, sent)
        assert answer.startswith("('Denied'") is (who in refused), (who, answer[:300])


RIGHTS = {
    "destroyVolume": ("volume", "Ready", {"expunge": "true"}),
    "recoverVolume": ("volume", "Destroy", {}),
    "destroyVirtualMachine": ("vm", "Stopped", {"expunge": "true"}),
    "expungeVirtualMachine": ("vm", "Destroyed", {}),
    "recoverVirtualMachine": ("vm", "Destroyed", {}),
}


@pytest.mark.parametrize("name", RIGHTS)
def test_users_expunge_and_recover_where_a_setting_lets_them(scene, undone, name):
    """Where it does not, administrators of domains still do."""
    verb, (kind, state, more) = Verb.by_name[name], RIGHTS[name]
    row = scene.made["ann"][kind]

    def look(tx, who, let):
        caller = scene.callers[who]
        for setting in (MAY_EXPUNGE, EXPUNGE_ALLOWED):
            setting.set(tx, str(let).lower())
        tx.update(tx.get(type(row), row.id), state=state)
        command = verb.decode(verb.read(wire.Parameters({"id": row.uuid, **more}), caller), tx, caller)
        if who == "ann" and not let:
            with pytest.raises(Denied):
                command.run(tx, caller)
        else:
            command.run(tx, caller)

    for who, let in (("ann", False), ("ann", True), ("eva", False), ("root", False)):
        undone(lambda tx, who=who, let=let: look(tx, who, let))


@pytest.mark.parametrize(("name", "new"), [("updateAccount", {"newname": "anna"}), ("createUser", {"username": "anna"})])
def test_an_account_named_to_be_changed_is_not_its_users(scene, name, new):
    verb, given = Verb.by_name[name], {"account": "ann", "domainid": scene.tenants.domains["eng"], **new}
    sent = scene.parameters(verb, "ann", given)
    assert "there is no account 'ann' in that domain that you may change" in scene.ask(verb, "ann", sent)
    assert "dryrun" in scene.ask(verb, "eva", sent)


def test_details_of_machines_are_closed_to_all_but_root(scene):
    reader = scene.db.read()
    told = {
        who: [
            sorted({"rootdisksize", "rootdiskcontroller"} & closed_details(reader, scene.callers[who], seen))
            for seen in (False, True)
        ]
        for who in ("root", "eva", "ann")
    }
    closed = [["rootdiskcontroller", "rootdisksize"], ["rootdisksize"]]
    assert told == {"root": [[], []], "eva": closed, "ann": closed}


def test_a_network_that_is_shared_may_be_named_in_a_map(scene, undone):
    def look(tx):
        network = Shelf(scene, tx).put(Network, "ann", acl_type="Domain", subdomain_access=False)
        asked = DeployVirtualMachine()
        asked.__dict__.update(networks=[], ip_to_network_list=[{"networkId": network.uuid}])
        assert [want.network.id for want in wanted_networks(asked, tx, scene.callers["amy"])] == [network.id]
        with pytest.raises(ParamError):
            wanted_networks(asked, tx, scene.callers["ods"])

    undone(look)


def test_only_root_gives_a_role_other_rules(scene, undone):
    def look(tx):
        tx.insert(Role(name="custom", role_type="User", public=True))
        verb = Verb.by_name["importRole"]
        for who in ("eva", "root"):
            caller = scene.callers[who]
            sent = wire.Parameters(ROLE | {"name": "custom", "forced": "true"})
            command = verb.decode(verb.read(sent, caller), tx, caller)
            if who == "eva":
                with pytest.raises(Denied):
                    command.run(tx, caller)
            else:
                command.run(tx, caller)

    undone(look)
