"""What roles and keys say: in their order, of themselves alone, without what was removed; and which roles may be given away."""

from __future__ import annotations

import msgspec
import pytest

from cloudwright.core.command import Verb
from cloudwright.core.error import Denied
from cloudwright.core.secret import Secret
from cloudwright.identity import permission
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import KeyPair, KeyRule, Role, RoleRule
from cloudwright.identity.permission import allowed, deciding, guard, lacking, permitted


def role(tx, kind, *rules, **more):
    made = tx.insert(Role(name=f"{kind} {rules} {tx.count(Role)}", role_type=kind, **more))
    for sort, rule in enumerate(rules):
        tx.insert(RoleRule(role_id=made.id, rule=rule[1:], allow=rule[0] == "+", sort=sort))
    return made


def as_(caller, role, **more):
    return msgspec.structs.replace(caller, role_id=role.id, role_type=role.role_type, **more)


def test_a_roles_own_living_rules_decide_in_their_order(undone):
    def look(tx):
        one, other = role(tx, "User", "-listZones", "+list*"), role(tx, "User", "+listZones", "-*")
        assert [allowed(tx, r.id, "User", name) for r in (one, other) for name in ("listZones", "listUsers")] == [
            False, True, True, False,
        ]  # fmt: skip
        position, rule = deciding(tx, one.id, "listZones")
        assert (position, rule.rule, rule.role_id) == (1, "listZones", one.id)
        assert deciding(tx, one.id, "listUsers")[0] == 2
        assert deciding(tx, one.id, "createZone") == (0, None)
        tx.remove(rule)
        assert allowed(tx, one.id, "User", "listZones")
        first = tx.insert(RoleRule(role_id=one.id, rule="*", allow=False, sort=-1))
        assert not allowed(tx, one.id, "User", "listUsers")
        position, rule = deciding(tx, one.id, "listUsers")
        assert (position, rule.uuid) == (1, first.uuid)

    undone(look)


def test_the_root_administrator_is_not_shut_out_by_rules(undone):
    def look(tx):
        tx.insert(RoleRule(role_id=permission.ROOT_ADMIN_ROLE, rule="*", allow=False, sort=-1))
        assert allowed(tx, permission.ROOT_ADMIN_ROLE, "Admin", "deleteZone")

    undone(look)


def test_where_no_rule_speaks_the_command_does(undone):
    for_all = next(name for name, verb in Verb.by_name.items() if "User" in verb.api.authorized)
    for_none = next(name for name, verb in Verb.by_name.items() if not verb.api.authorized)

    def look(tx):
        none = role(tx, "User")
        assert [allowed(tx, none.id, "User", name) for name in (for_all, for_none, "noSuchCommand")] == [True, False, False]
        denied = role(tx, "User", f"-{for_all}", "+noSuchCommand")
        assert [allowed(tx, denied.id, "User", name) for name in (for_all, "noSuchCommand")] == [False, True]

    undone(look)


def test_a_keys_own_living_rules_are_asked_beside_its_roles(scene, undone):
    def look(tx):
        caller = as_(scene.callers["ann"], role(tx, "User", "+list*", "-*"))
        keys = [tx.insert(KeyPair(user_id=caller.user_id, api_key=name, secret_key=Secret("s"), narrowed=True)) for name in "ab"]
        for key, rules in zip(keys, (("-listZones", "+*"), ("+listZones",)), strict=True):
            for sort, rule in enumerate(rules):
                tx.insert(KeyRule(key_pair_id=key.id, rule=rule[1:], allow=rule[0] == "+", sort=sort))
        one, other = (msgspec.structs.replace(caller, key_id=key.id) for key in keys)
        names = ("listZones", "listUsers", "createUser")
        assert [permitted(tx, caller, name) for name in names] == [True, True, False]
        assert [permitted(tx, one, name) for name in names] == [False, True, False]
        assert [permitted(tx, other, name) for name in names] == [True, False, False]
        assert "the rules of this API key do not" in lacking(tx, one, "listZones")[0][0]
        assert "denies *" in lacking(tx, one, "createUser")[0][0]
        tx.remove(tx.find(KeyRule, KeyRule.c.key_pair_id == keys[0].id, KeyRule.c.rule == "listZones"))
        assert permitted(tx, one, "listZones")

    undone(look)


def test_what_is_lacking_is_told(scene, undone):
    def look(tx):
        role_ = role(tx, "User", "+list*")
        why, fix = lacking(tx, as_(scene.callers["ann"], role_), "createUser")
        assert why == [f"Role {role_.name} has no rule that allows createUser"]
        assert f"adds the rule “allow createUser” to role {role_.name}" in fix[0]

    undone(look)


def refused(tx, caller, given):
    """Why a caller may not give a role away; none when it may."""
    try:
        guard(tx, caller, given)
    except Denied as denied:
        return denied.why
    return []


def test_a_role_that_may_more_is_not_given_away(scene, undone):
    def look(tx):
        mine = role(tx, "DomainAdmin", "+list*", "+createUser", "-*")
        caller = as_(scene.callers["eva"], mine)
        reaches = ["its type Admin reaches further than DomainAdmin"]
        more = ["it allows 1 commands that the caller's role does not, the first is deleteZone"]
        for given, why in (
            (mine, []),
            (role(tx, "DomainAdmin", "+createUser", "-*"), []),
            (role(tx, "ResourceAdmin", "+listZones", "-*"), []),
            (role(tx, "User", "+listZones", "-*"), []),
            (role(tx, "User", "+listZones", "+deleteZone", "-*"), more),
            (role(tx, "DomainAdmin", "+deleteZone", "-*", is_default=True), more),
            (role(tx, "User", "+deleteZone", "-*", is_default=True), []),  # the installation's own for those below
            (role(tx, "Admin", "-*"), reaches),
            (role(tx, "Admin", "+deleteZone", "-*", is_default=True), [*reaches, *more]),
        ):
            assert refused(tx, caller, given) == why, given.name
            assert refused(tx, scene.callers["root"], given) == []
        top = role(tx, "Admin", "+*")
        assert refused(tx, as_(scene.callers["root"], top), tx.get(Role, permission.ROOT_ADMIN_ROLE)) == []
        assert refused(tx, as_(scene.callers["root"], role(tx, "Admin", "-*")), top) != []

    undone(look)


def test_what_is_written_but_not_committed_is_known_to_its_writer_alone(scene, undone):
    reader, made = scene.db.read(), []

    def look(tx):
        made.append(role(tx, "User", "+deleteZone").id)
        assert allowed(tx, made[0], "User", "deleteZone")

    undone(look)
    assert not allowed(reader, made[0], "User", "deleteZone")


def test_a_gate_begins_with_what_is_in_force(tenants):
    """Whatever was known of its database before."""
    reader = tenants.cloud.db.read()
    eva = tenants.fresh("eva")
    assert not allowed(reader, eva.role_id, "DomainAdmin", "deleteZone")
    tenants.cloud.db.write(lambda tx: tx.insert(RoleRule(role_id=eva.role_id, rule="deleteZone", allow=True, sort=-1)))
    assert not allowed(reader, eva.role_id, "DomainAdmin", "deleteZone")  # nobody told
    Gatekeeper(tenants.cloud.db)
    assert allowed(reader, eva.role_id, "DomainAdmin", "deleteZone")


@pytest.mark.parametrize("told", [False, True])
def test_other_servers_rules_are_read_anew_when_they_have_changed(tenants, monkeypatch, told):
    reader, eva, keeper = tenants.cloud.db.read(), tenants.fresh("eva"), Gatekeeper(tenants.cloud.db)
    keeper.refresh()  # before anything is known
    assert not allowed(reader, eva.role_id, "DomainAdmin", "deleteZone")

    def change(tx):
        tx.insert(RoleRule(role_id=eva.role_id, rule="deleteZone", allow=True, sort=-1))
        if told:
            tx.update(tx.get(Role, eva.role_id))

    monkeypatch.setattr(tenants.cloud.db, "listeners", {})
    tenants.cloud.db.write(change)
    keeper.refresh()
    assert allowed(reader, eva.role_id, "DomainAdmin", "deleteZone") is told
