import time

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.command import Verb
from cloudwright.core.error import CloudError, Conflict, Denied, InUse, ParamError
from cloudwright.identity import permission
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.permission import Rules, allowed
from tests.conftest import KEY, call
from tests.identity.conftest import PASSWORD


def role(tenants, *rules, kind="User", name="r"):
    id = tenants.call(tenants.root, "createRole", name=name, type=kind)["role"]["id"]
    for rule in rules:
        permit = "allow" if rule[0] == "+" else "deny"
        tenants.call(tenants.root, "createRolePermission", roleid=id, rule=rule[1:], permission=permit)
    return id


def rules(tenants, id, who=None):
    told = tenants.call(who or tenants.root, "listRolePermissions", roleid=id)["rolepermission"]
    return [(row["id"], ("+" if row["permission"] == "allow" else "-") + row["rule"]) for row in told]


@pytest.mark.parametrize(
    ("given", "command", "said"),
    [
        (["+list*", "-*"], "listZones", True),
        (["+list*", "-*"], "LISTzones", True),
        (["+list*", "-*"], "createZone", False),
        (["-listZones", "+list*"], "listZones", False),
        (["+*Role*"], "createRolePermission", True),
        (["+listZones"], "listZonesMetrics", None),
        (["+list.*"], "listZones", None),
        ([], "listZones", None),
    ],
)
def test_the_first_rule_that_matches_decides(given, command, said):
    assert Rules([(rule[1:], rule[0] == "+") for rule in given]).say(command) is said


def test_the_default_roles_say_what_they_should(cloud):
    reader = cloud.db.read()
    cases = [
        (1, "Admin", "deleteZone", True),
        (3, "DomainAdmin", "createAccount", True),
        (3, "DomainAdmin", "createZone", False),
        (3, "DomainAdmin", "createDomain", True),  # no rule: the command says so
        (4, "User", "deployVirtualMachine", True),
        (4, "User", "createUser", False),
        (4, "User", "createDomain", False),
        (5, "Admin", "listUsers", True),
        (5, "Admin", "getUserKeys", True),
        (5, "Admin", "createDomain", False),
        (6, "User", "deployVirtualMachine", False),
    ]
    assert [(id, name, allowed(reader, id, kind, name)) for id, kind, name, _ in cases] == [
        (i, n, said) for i, _, n, said in cases
    ]


def test_a_change_is_in_force_at_once_here(tenants):
    id = role(tenants, "+list*")
    reader = tenants.cloud.db.read()
    number = next(r.id for r in reader.all(permission.Role) if r.uuid == id)
    permission.keep_fresh(tenants.cloud.db)
    assert allowed(reader, number, "User", "listZones")
    tenants.call(tenants.root, "updateRolePermission", roleid=id, ruleid=rules(tenants, id)[0][0], permission="deny")
    assert not allowed(reader, number, "User", "listZones")


def test_a_change_is_in_force_elsewhere_with_the_next_beat(tenants):
    id = role(tenants, "+list*")
    other = Cloud(tenants.cloud.db.url, key=KEY, node="two")
    other.member.each_beat.append(lambda: permission.refresh(other.db))
    permission.keep_fresh(other.db)
    try:
        reader = other.db.read()
        number = next(r.id for r in reader.all(permission.Role) if r.uuid == id)
        assert allowed(reader, number, "User", "listZones")
        tenants.call(tenants.root, "deleteRolePermission", id=rules(tenants, id)[0][0])
        until = time.monotonic() + 60
        while allowed(reader, number, "User", "listZones"):
            assert time.monotonic() < until, "the other server never noticed"
            time.sleep(0.02)
    finally:
        other.stop()


def test_rules_are_added_last_and_put_in_order(tenants):
    id = role(tenants, "+a", "-b", "+c")
    known = rules(tenants, id)
    assert [rule for _, rule in known] == ["+a", "-b", "+c"]
    assert rules(tenants, id, "eva") == known, "administrators of domains look at the roles that they may give"
    turned = ",".join(uuid for uuid, _ in reversed(known))
    tenants.call(tenants.root, "updateRolePermission", roleid=id, ruleorder=turned)
    assert [rule for _, rule in rules(tenants, id)] == ["+c", "-b", "+a"]
    with pytest.raises(Conflict, match="names 2 rules"):
        tenants.call(tenants.root, "updateRolePermission", roleid=id, ruleorder=",".join(uuid for uuid, _ in known[:2]))
    with pytest.raises(ParamError, match="ruleorder alone, or"):
        tenants.call(tenants.root, "updateRolePermission", roleid=id, ruleid=known[0][0])


@pytest.mark.parametrize("rule", ["list Zones", "list.*", "", "a;b"])
def test_a_rule_is_an_api_name(tenants, rule):
    with pytest.raises(Exception, match=r"(?i)rule"):
        role(tenants, "+" + rule)


def test_the_installations_roles_stay(tenants):
    for name in ("Root Admin", "User"):
        id = tenants.call(tenants.root, "listRoles", name=name)["role"][0]["id"]
        for command, extra in (
            ("updateRole", {"name": "x"}),
            ("deleteRole", {}),
            ("disableRole", {}),
        ):
            with pytest.raises(Denied, match=r"came with the installation|own"):
                tenants.call(tenants.root, command, id=id, **extra)
        entry = {"rules[0].rule": "*", "rules[0].permission": "deny"}
        with pytest.raises(Denied, match=r"came with the installation|own"):
            tenants.call(tenants.root, "importRole", name=name, forced="true", **entry)


def test_copy_and_import(tenants):
    id = tenants.call(tenants.root, "listRoles", name="Read-Only Admin - Default")["role"][0]["id"]
    copy = tenants.call(tenants.root, "createRole", name="copy", roleid=id)["role"]
    assert copy["type"] == "Admin"
    assert [rule for _, rule in rules(tenants, copy["id"])][:3] == ["+list*", "-getUploadParamsFor*", "+get*"]
    entries = {"rules[0].rule": "list*", "rules[0].permission": "allow", "rules[1].rule": "*", "rules[1].permission": "deny"}
    first = call(tenants.cloud, tenants.root, "importRole", name="imp", type="User", **entries)["role"]
    with pytest.raises(ParamError, match="same name"):
        call(tenants.cloud, tenants.root, "importRole", name="imp", type="User", **entries)
    again = call(tenants.cloud, tenants.root, "importRole", name="imp", forced="true", **{**entries, "rules[0].rule": "get*"})[
        "role"
    ]
    assert again["id"] == first["id"]
    assert [rule for _, rule in rules(tenants, first["id"])] == ["+get*", "-*"]


def test_a_role_in_use_stays_and_keeps_its_type(tenants):
    id = role(tenants, "+list*")
    about = {"username": "rob", "password": PASSWORD, "email": "e", "firstname": "r", "lastname": "b"}
    tenants.call(tenants.root, "createAccount", roleid=id, **about)
    with pytest.raises(InUse, match=r"1 accounts \(rob\)"):
        tenants.call(tenants.root, "deleteRole", id=id)
    with pytest.raises(InUse):
        tenants.call(tenants.root, "updateRole", id=id, type="DomainAdmin")
    assert tenants.call(tenants.root, "updateRole", id=id, name="other")["role"]["name"] == "other"


def test_a_limited_root_administrator_cannot_give_itself_more(tenants):
    id = role(tenants, "+*Role*", "+createAccount", "+updateUser", "-*", kind="Admin", name="clerk")
    about = {"username": "cleo", "password": PASSWORD, "email": "e", "firstname": "r", "lastname": "b"}
    tenants.call(tenants.root, "createAccount", roleid=id, **about)
    small, large = role(tenants, "+listRoles", "-*", name="small"), role(tenants, "+deploy*", "-*", name="large")
    (_, rest), (deploys, _) = ([uuid for uuid, _ in rules(tenants, one)] for one in (small, large))
    attempts = [
        ("createRolePermission", {"roleid": id, "rule": "*", "permission": "allow"}),
        ("updateRolePermission", {"roleid": small, "ruleid": rest, "permission": "allow"}),
        ("updateRolePermission", {"roleid": large, "ruleid": deploys, "permission": "deny"}),
        ("deleteRolePermission", {"id": deploys}),
        ("updateRole", {"id": large, "name": "larger"}),
        ("deleteRole", {"id": large}),
        ("importRole", {"name": "new", "type": "User", "rules[0].rule": "*", "rules[0].permission": "allow"}),
        ("createAccount", {**about, "username": "two", "accounttype": 1}),
        ("createRole", {"name": "top", "roleid": tenants.call(tenants.root, "listRoles", name="Root Admin")["role"][0]["id"]}),
        ("updateUser", {"id": tenants.root.user_uuid, "password": "mine"}),
    ]
    for command, params in attempts:
        with pytest.raises(CloudError) as refused:
            tenants.call("cleo", command, **params)
        assert isinstance(refused.value, Denied), command
    assert [[rule for _, rule in rules(tenants, one)] for one in (small, large)] == [["+listRoles", "-*"], ["+deploy*", "-*"]]
    tenants.call("cleo", "createRolePermission", roleid=small, rule="listRolePermissions", permission="allow")


def test_the_type_of_a_role_gives_it_no_more_than_its_changer_has(tenants):
    """What no rule speaks of, the type allows."""
    clerk = role(tenants, "+updateRole", "-*", kind="Admin", name="clerk")
    about = {"username": "cleo", "password": PASSWORD, "email": "e", "firstname": "r", "lastname": "b"}
    tenants.call(tenants.root, "createAccount", roleid=clerk, **about)
    denied = [name for name, verb in Verb.by_name.items() if "User" in verb.api.authorized]
    entries = {
        f"rules[{i}].{key}": value for i, name in enumerate(denied) for key, value in (("rule", name), ("permission", "deny"))
    }
    small = tenants.call(tenants.root, "importRole", name="small", type="User", **entries)["role"]["id"]
    tenants.call("cleo", "updateRole", id=small, name="tiny")
    with pytest.raises(Denied, match="tiny may do more"):
        tenants.call("cleo", "updateRole", id=small, type="Admin")


def test_a_role_that_is_off_is_given_to_nobody(tenants):
    id = role(tenants, "+list*")
    tenants.call(tenants.root, "disableRole", id=id)
    about = {"username": "rob", "password": PASSWORD, "email": "e", "firstname": "r", "lastname": "b"}
    with pytest.raises(ParamError, match="role r is disabled"):
        tenants.call(tenants.root, "createAccount", roleid=id, **about)
    tenants.call(tenants.root, "enableRole", id=id)
    rob = tenants.call(tenants.root, "createAccount", roleid=id, **about)["account"]
    keeper = Gatekeeper(tenants.cloud.db)
    assert keeper.by_uuid(rob["user"][0]["id"]) is not None
    tenants.call(tenants.root, "disableRole", id=id)
    assert keeper.by_uuid(rob["user"][0]["id"]) is None


def test_a_private_role_is_roots_alone(tenants):
    id = role(tenants, "+list*")
    assert tenants.call("eva", "listRoles", id=id)["role"][0]["ispublic"] is True
    tenants.call(tenants.root, "updateRole", id=id, ispublic="false")
    assert tenants.call("eva", "listRoles", id=id) == {}
    about = {"username": "rob", "password": PASSWORD, "email": "e", "firstname": "r", "lastname": "b"}
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("eva", "createAccount", roleid=id, **about)
    assert tenants.call(tenants.root, "listRoles", id=id)["role"][0]["ispublic"] is False
