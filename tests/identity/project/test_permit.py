"""What a member's role in a project says, asked of rows: of its own living membership, and of no project that it is not in."""

from __future__ import annotations

import pytest

from cloudwright.core.error import Unsupported, WrongState
from cloudwright.identity.model import Account, User
from cloudwright.identity.project.command import make
from cloudwright.identity.project.membership import Wanted, join
from cloudwright.identity.project.model import DISABLED, SUSPENDED, Project, ProjectMember, ProjectRole, ProjectRule
from cloudwright.identity.project.permit import barred, judge, permitted


class Yard:
    """A new project of eng, in a transaction, and what callers may do in it."""

    def __init__(self, scene, tx, name="yard"):
        self.scene, self.tx = scene, tx
        self.project = make(tx, name, "", tx.get(type(scene.made["ann"]["domain"]), scene.callers["ann"].domain_id))
        self.id = self.project.account_id

    def role(self, who, *rules):
        whose = {"account_id": self.id, "domain_id": self.project.domain_id}
        role = self.tx.insert(ProjectRole(name=f"of {who}", project_id=self.project.id, **whose))
        for sort, rule in enumerate(rules):
            self.tx.insert(ProjectRule(role_id=role.id, rule=rule[1:], allow=rule[0] == "+", sort=sort, **whose))
        return role

    def join(self, who, *rules, alone=False, admin=False):
        caller = self.scene.callers[who]
        user = self.tx.get(User, caller.user_id) if alone else None
        role = self.role(who, *rules) if rules else None
        return join(self.tx, self.project, Wanted(self.tx.get(Account, caller.account_id), user, admin=admin, role=role))

    def open(self, who, command):
        """Whether lists would show what is the project's."""
        shown = permitted(self.tx, self.scene.callers[who], command)
        assert shown == sorted(set(shown) - set(barred(self.tx, self.scene.callers[who], command)))
        return self.id in shown

    def judged(self, who, command="deleteVolume", changes=True):
        judge(self.tx, self.scene.callers[who], command, changes, [self.project])


def test_the_rules_of_ones_own_role_there_are_asked(scene, undone):
    def look(tx):
        yard, beside = Yard(scene, tx), Yard(scene, tx, "beside")
        yard.join("mem", "-deleteVolume", "+*", "-*")
        yard.join("amy", "+deleteVolume", "-*")
        yard.join("gus")
        yard.join("ann", "-*", admin=True)
        yard.join("alo", "-*", alone=True)
        beside.join("mem", "-*")
        told = {who: (yard.open(who, "deleteVolume"), yard.open(who, "listVolumes")) for who in ("mem", "amy", "gus", "ann")}
        assert told == {"mem": (False, True), "amy": (True, False), "gus": (True, True), "ann": (True, True)}
        assert (yard.open("alo", "listVolumes"), yard.open("co", "listVolumes"), yard.open("dan", "listVolumes")) == (False,) * 3
        assert (beside.open("mem", "listVolumes"), beside.open("amy", "listVolumes")) == (False, False)
        for who in ("amy", "gus", "ann", "co", "dan"):
            yard.judged(who)
        yard.judged("mem", "listVolumes")
        for who, rule in (("mem", "deleteVolume"), ("alo", "*")):
            with pytest.raises(Unsupported, match="deleteVolume is not allowed in project yard for members with role of") as no:
                yard.judged(who)
            assert no.value.why == [f"rule 1 of it is deny {rule}"]

    undone(look)


def test_a_user_alone_is_asked_for_its_own_role(scene, undone):
    def look(tx):
        yard = Yard(scene, tx)
        yard.join("alo", "-delete*", alone=True)
        yard.join("co", "-list*", alone=True)
        assert [(yard.open(who, "deleteVolume"), yard.open(who, "listVolumes")) for who in ("alo", "co")] == [
            (False, True), (True, False),
        ]  # fmt: skip

    undone(look)


def test_who_has_left_is_in_it_no_more(scene, undone):
    def look(tx):
        yard = Yard(scene, tx)
        old = yard.join("mem", "-*")
        yard.join("gus", "-*", alone=True)
        assert yard.id in barred(tx, scene.callers["mem"], "listVolumes")
        tx.remove(old)
        assert yard.id not in barred(tx, scene.callers["mem"], "listVolumes")
        assert yard.id not in permitted(tx, scene.callers["mem"], "listVolumes")
        yard.judged("mem")
        yard.join("mem")
        assert yard.open("mem", "listVolumes")
        assert tx.count(ProjectMember, ProjectMember.c.project_id == yard.project.id) == 2

    undone(look)


def test_what_is_in_a_project_that_is_not_active_is_left_alone_by_its_members(scene, undone):
    def look(tx):
        yard = Yard(scene, tx)
        yard.join("mem")
        yard.judged("mem")
        for state in (SUSPENDED, DISABLED):
            tx.update(yard.project, state=state)
            with pytest.raises(WrongState, match=f"Project yard is {state}"):
                yard.judged("mem")
            yard.judged("mem", changes=False)
            yard.judged("mem", "activateProject")
            yard.judged("dan")  # who is not in it has what it has by another way: it is shared with all
            other = tx.get(Project, scene.project.id)
            judge(tx, scene.callers["mem"], "deleteVolume", True, [other])

    undone(look)
