"""Why a call is allowed or refused: the same rules that a call meets, asked one by one and told in words."""

from __future__ import annotations

from typing import Any

import msgspec

from cloudwright.core.access import Caller, Kind, Use, lookup
from cloudwright.core.command import Query, Told, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.listing import List
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader
from cloudwright.identity.caller import KINDS, caller_of
from cloudwright.identity.model import Account, Domain, Role, User
from cloudwright.identity.permission import deciding
from cloudwright.identity.project.model import Project
from cloudwright.identity.project.permit import rulings
from cloudwright.identity.seed import ROOT_ADMIN_ROLE
from cloudwright.operations.kinds import kind_named

EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")


class Explained(msgspec.Struct):
    """What was found so far: whether all of it allows the call, the sentences that say why, and the fields of the answer."""

    allowed: bool = True
    why: list[str] = []
    told: dict[str, Any] = {}

    def note(self, allows: bool, sentence: str, **told: Any) -> None:
        """One rule's word."""
        self.allowed = self.allowed and allows
        self.why.append(sentence)
        self.told |= {name: value for name, value in told.items() if value is not None}


class ExplainAccess(
    Query,
    authorized=EVERYBODY,
    response={
        "allowed": ("boolean", "whether the call is allowed"),
        "apiname": ("string", "the command"),
        "username": ("string", "who would call"),
        "account": ("string", "as which account"),
        "roleid": ("string", "the role of that account"),
        "rolename": ("string", "its name"),
        "ruleid": ("string", "the rule of the role that decides"),
        "rule": ("string", "what that rule says"),
        "ruleposition": ("integer", "where it stands among the rules of the role, from 1"),
        "permission": ("string", "allow or deny"),
        "resourceid": ("string", "the thing that was named"),
        "ownerrule": ("string", "whose it is, and what that means here"),
        "projectid": ("string", "the project that owns it"),
        "projectrolename": ("string", "the role in that project that was asked"),
        "reason": ("list", "each rule that was asked, in words"),
    },
):
    """Tells whether a user may call a command, on a thing where one is named, and which rules say so.

    Asked for oneself, or by those who administer the user or account.
    """

    api_name: str = param("the command", wire_name="apiname")
    user: Ref[User] | None = param("the user; without, the caller", use=Use.CHANGE)
    account: Ref[Account] | None = param("an account, instead of a user", use=Use.CHANGE)
    resource_id: str | None = param("the id of a thing, given with resourcetype", kind="uuid")
    resource_type: str | None = param("the kind of that thing, such as VirtualMachine")

    def run(self, reader: Reader, caller: Caller) -> Told:
        verb = next((verb for name, verb in Verb.by_name.items() if name.lower() == self.api_name.lower()), None)
        if verb is None:
            raise ParamError(f"Parameter apiname: there is no command {self.api_name[:64]!r}", param="apiname")
        row = self._thing(reader, caller)
        who = self._who(reader, caller)
        found = Explained(why=[], told={"apiname": verb.api.name, "username": who.username or None, "account": who.account})
        in_force(reader, who, found)
        by_role(reader, who, verb.api.name, found)
        if row is not None:
            by_owner(reader, who, verb, row, found)
            by_project(reader, who, verb.api.name, row, found)
        told = {"allowed": found.allowed, **{k: v for k, v in found.told.items() if v is not None}, "reason": found.why}
        return Told("access", [told], one=True)

    def _who(self, reader: Reader, caller: Caller) -> Caller:
        if self.user is not None and self.account is not None and self.user.account_id != self.account.id:
            raise ParamError("Parameters userid and accountid name two: give one of them", param="accountid")
        if self.user is not None:
            return caller_of(reader, self.user)
        if self.account is None:
            return caller
        domain, role = reader.get(Domain, self.account.domain_id), reader.get(Role, self.account.role_id)
        return Caller(
            user_id=0, user_uuid="", username="", account_id=self.account.id, account_uuid=self.account.uuid,
            account=self.account.name, domain_id=domain.id, domain_uuid=domain.uuid, domain_path=domain.path,
            kind=KINDS[role.role_type], role_id=role.id, role_type=role.role_type,
        )  # fmt: skip

    def _thing(self, reader: Reader, caller: Caller) -> Resource | None:
        """The thing that was named, if the caller itself may look at it."""
        if (self.resource_id is None) != (self.resource_type is None):
            given, other = ("resourceid", "resourcetype") if self.resource_id else ("resourcetype", "resourceid")
            raise ParamError(f"Parameter {given} was given without {other}; they belong together", param=other)
        if self.resource_id is None or self.resource_type is None:
            return None
        kind = kind_named(self.resource_type)
        row = reader.one(lookup(kind, caller.kind, Use.SEE), {"value": self.resource_id, **caller.binds()})
        if row is None:
            text = f"Parameter resourceid: there is no {self.resource_type} {self.resource_id} that you may see"
            raise ParamError(text, param="resourceid")
        return kind.load(row)


def in_force(reader: Reader, who: Caller, found: Explained) -> None:
    """Whether user, account, domain and role are such that their users may call at all."""
    rows: list[tuple[str, Any, str]] = [
        (f"account {who.account}", reader.get(Account, who.account_id), "enabled"),
        (f"domain {who.domain_path}", reader.get(Domain, who.domain_id), "Active"),
        (f"role {reader.get(Role, who.role_id).name}", reader.get(Role, who.role_id), "Enabled"),
    ]
    if who.user_id:
        rows.insert(0, (f"user {who.username}", reader.get(User, who.user_id), "enabled"))
    for name, row, right in rows:
        if row.gone or row.state != right:
            found.note(False, f"{name} is {'removed' if row.gone else row.state.lower()}: it may call nothing")


def by_role(reader: Reader, who: Caller, command: str, found: Explained) -> None:
    """What the role says of the command, by which rule."""
    role = reader.get(Role, who.role_id)
    about = {"roleid": role.uuid, "rolename": role.name}
    if role.id == ROOT_ADMIN_ROLE:
        found.note(True, f"role {role.name} allows every command; its rules are not asked", **about)
        return
    position, rule = deciding(reader, role.id, command)
    if rule is not None:
        word = "allow" if rule.allow else "deny"
        about |= {"ruleid": rule.uuid, "rule": rule.rule, "permission": word}
        text = f"rule {position} of role {role.name}, {word} {rule.rule}, is the first that speaks of {command}"
        found.note(rule.allow, text, ruleposition=position, **about)
        return
    listed = Verb.by_name[command].api.authorized
    says = "allows" if role.role_type in listed else "does not allow"
    text = f"no rule of role {role.name} speaks of {command}, and the command itself {says} roles of type {role.role_type}"
    found.note(role.role_type in listed, text, **about)


def by_owner(reader: Reader, who: Caller, verb: type[Verb], row: Resource, found: Explained) -> None:
    """Whether the thing is within the caller's reach, for what the command does with it."""
    use = _use(verb, type(row))
    kind = row.kind.replace("_", " ").strip()
    if use is None:
        found.note(False, f"{verb.api.name} takes no {kind}", resourceid=row.uuid)
        return
    reached = reader.one(lookup(type(row), who.kind, use, "id"), {"value": row.id, **who.binds()}) is not None
    says = f"{_whose(reader, who, row)}: {who.username or who.account} {'may' if reached else 'may not'} {use} it"
    found.note(reached, f"the {kind} {says}", resourceid=row.uuid, ownerrule=f"the {kind} {says}")


def _use(verb: type[Verb], kind: type[Resource]) -> Use | None:
    """What a command does with a thing of a kind that it is given; None where it takes none."""
    named = [p for p in verb.api.params.values() if p.refers is kind]
    if named:
        return next((p for p in named if p.name == "id"), named[0]).use
    listed = issubclass(verb, List) and verb.api.answers is not None and verb.api.answers.of is kind
    return Use.SEE if listed else None


def _whose(reader: Reader, who: Caller, row: Resource) -> str:
    account_id = row.__dict__.get("account_id")
    if who.kind is Kind.ROOT:
        return "is within the reach of root's administrators, as all is"
    if account_id is None:
        return "is not owned by an account; who may what with it is a rule of its kind"
    account = reader.get(Account, account_id)
    project = reader.find(Project, Project.c.account_id == account_id)
    if who.kind is Kind.DOMAIN:
        path = reader.get(Domain, account.domain_id).path
        below = "is" if path.startswith(who.domain_path) else "is not"
        return f"is of domain {path}, which {below} {who.domain_path} or below it"
    if project is not None:
        return f"is of project {project.name}, of which only members use things"
    return f"is of account {account.name}" if account_id != who.account_id else "is its account's own"


def by_project(reader: Reader, who: Caller, command: str, row: Resource, found: Explained) -> None:
    """What the project says whose the thing is: its state, and the role of the member there."""
    project = reader.find(Project, Project.c.account_id == row.__dict__.get("account_id", 0))
    if project is None or who.kind is not Kind.USER:
        return
    found.told["projectid"] = project.uuid
    said = rulings(reader, who, command).get(project.account_id)
    if said is None:
        found.note(True, f"in project {project.name} no role is asked beside the account's")
        return
    rule = f"rule {said.position}, {'allow' if said.allow else 'deny'} {said.rule.rule}" if said.rule else "no rule"
    text = f"in project {project.name} the member has role {said.role.name}: {rule} speaks of {command}"
    found.note(said.allow, text, projectrolename=said.role.name)
