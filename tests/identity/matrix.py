"""Who there is, what each owns, and what each may therefore see: said here by owners and domains, not by the rules under test."""

from __future__ import annotations

from typing import Any

import msgspec

from cloudwright.cloud import Cloud
from cloudwright.core import wire
from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Verb
from cloudwright.core.error import CloudError
from cloudwright.core.listing import List
from cloudwright.core.param import Param, resolve
from cloudwright.core.resource import Owned, Resource
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.wire import WireError
from cloudwright.identity.model import Account, Domain, KeyPair, User
from cloudwright.identity.project.membership import Wanted, join
from cloudwright.identity.project.model import Project, ProjectRole, ProjectRule
from tests.conftest import call
from tests.identity.conftest import PASSWORD, Tenants, account
from tests.identity.estate import estate, project_of

NOTHING = "00000000-0000-4000-8000-00000000dead"
NO_OTHER = "00000000-0000-4000-8000-00000000beef"

ADMINS = {"rea": (3, "eng"), "eva": (2, "eng"), "dee": (2, "dev"), "ole": (2, "ops")}
USERS = {"ann": "eng", "amy": "eng", "dan": "dev", "ods": "ops", "mem": "eng", "gus": "eng", "co": "eng"}
SECONDS = {"abe": "ann", "alo": "co"}  # further users, of whose accounts
CALLERS = ("root", *ADMINS, *USERS, *SECONDS)
"""A resource and a domain administrator of eng, one of eng/dev below it, one of ops beside it. Of ann's project `mem` is a
regular member, `gus` has a role there that only lists, `alo` is a member without the other user of the account co."""

ALONE = "dan"
"""Who is in no project. Each of the others administers one of its own."""

MEMBERS = {"ann", "abe", "mem", "gus", "alo"}
MANAGED = {"project", "project_role", "project_role_rule", "project_member", "project_invitation"}
"""Kinds that a project's members look at, and its administrators change."""

IDENTITY = {"domain", "account", "user_", "api_key_pair"}
PLAIN = {"string": "x1", "integer": "1", "long": "1", "short": "1", "boolean": "true", "double": "1.0", "date": "2030-01-01"}


class Scene:
    """Everybody with what they own: `made` by owner and kind; the owner "project" is ann's project, "" is of what is shared."""

    def __init__(self, cloud: Cloud, root: Caller) -> None:
        self.cloud, self.db = cloud, cloud.db
        self.tenants = Tenants(cloud=cloud, root=root, domains={})
        self._people(root)
        self.callers = {name: self.tenants.fresh(name) for name in CALLERS if name != "root"} | {"root": root}
        self.owners = {name: self.callers[name] for name in (*ADMINS, *USERS)}
        projects = {
            name: self.db.write(lambda tx, who=who: project_of(tx, who)) for name, who in self.owners.items() if name != ALONE
        }
        self.project: Any = projects["ann"]["project"]
        self.owners["project"] = msgspec.structs.replace(self.callers["ann"], account_id=self.project.account_id)
        self.db.write(self._join)
        self._own(estate(cloud, list(self.owners.values())), projects)

    def _people(self, root: Caller) -> None:
        domains = self.tenants.domains
        for name, parent in (("eng", None), ("dev", "eng"), ("ops", None)):
            above = {"parentdomainid": domains[parent]} if parent else {}
            domains[name] = call(self.cloud, root, "createDomain", name=name, **above)["domain"]["id"]
        for name, (kind, domain) in ADMINS.items():
            account(self.cloud, root, name, kind, domains[domain])
        for name, domain in USERS.items():
            account(self.cloud, root, name, 0, domains[domain])
        about = {"email": "x@example.org", "lastname": "Lee", "password": PASSWORD}
        for name, of in SECONDS.items():
            domain = domains[USERS[of]]
            call(self.cloud, root, "createUser", username=name, account=of, firstname=name, domainid=domain, **about)

    def _join(self, tx: Tx) -> None:
        whose = {"account_id": self.project.account_id, "domain_id": self.project.domain_id}
        looks = tx.insert(ProjectRole(name="looks", project_id=self.project.id, **whose))
        for sort, (rule, allow) in enumerate((("list*", True), ("*", False))):
            tx.insert(ProjectRule(role_id=looks.id, rule=rule, allow=allow, sort=sort, **whose))
        for name, role in (("mem", None), ("gus", looks), ("alo", None)):
            user = tx.get(User, self.callers[name].user_id) if name == "alo" else None
            join(tx, tx.get(Project, self.project.id), Wanted(tx.get(Account, self.callers[name].account_id), user, role=role))

    def _own(self, made: dict[int, dict[str, Resource]], projects: dict[str, dict[str, Resource]]) -> None:
        reader = self.db.read()
        self.made = {name: dict(made[who.account_id]) for name, who in self.owners.items()} | {"": dict(made[0])}
        for name, who in self.owners.items():
            if name == "project":
                continue
            pair = KeyPair(user_id=who.user_id, api_key=f"key-{who.username}", secret_key=Secret("s"))
            self.made[name]["api_key_pair"] = self.db.write(lambda tx, pair=pair: tx.insert(pair))
            own = {"account": Account, "user_": User, "domain": Domain}
            ids = {"account": who.account_id, "user_": who.user_id, "domain": who.domain_id}
            self.made[name] |= {kind: reader.get(of, ids[kind]) for kind, of in own.items()} | projects.get(name, {})

    def rows(self, kind: type[Resource]) -> list[tuple[str, Resource]]:
        """The rows of a kind with their owners' names."""
        return [(name, rows[kind.kind]) for name, rows in self.made.items() if kind.kind in rows]

    def may(self, who: str, owner: str, kind: type[Resource], use: Use) -> bool:
        """Whether somebody may use a row so, told from who owns it."""
        caller, whose = self.callers[who], self.owners.get(owner)
        if caller.kind is Kind.ROOT:
            return True
        if whose is None:
            raise AssertionError(f"{kind.kind} is shared: nothing is expected of it")
        if kind.kind in IDENTITY:
            return self._of_identity(caller, whose, kind.kind, use)
        if kind.kind == "annotation" and use is Use.CHANGE:
            return caller.user_id == whose.user_id
        if caller.kind is Kind.DOMAIN:
            return whose.domain_path.startswith(caller.domain_path)
        of_project = owner == "project" or (owner == "ann" and kind.kind in MANAGED)
        if of_project and kind.kind in MANAGED:
            return who in (MEMBERS if use is not Use.CHANGE else {"ann", "abe"})
        return who in MEMBERS if of_project else caller.account_id == whose.account_id

    def _of_identity(self, caller: Caller, whose: Caller, kind: str, use: Use) -> bool:
        if caller.kind is Kind.DOMAIN:
            return whose.domain_path.startswith(caller.domain_path)
        if kind == "domain":
            return use is not Use.CHANGE and whose.domain_id == caller.domain_id
        if kind == "account":
            return use is not Use.CHANGE and whose.account_id == caller.account_id
        by_user = kind == "api_key_pair" or use is Use.CHANGE
        return whose.user_id == caller.user_id if by_user else whose.account_id == caller.account_id

    def resolved(self, p: Param, who: str, id: str, reader: Reader | None = None) -> str | None:
        """What is wrong with an id as this parameter; None when the row is answered."""
        try:
            resolve(p, [id] if p.several else id, reader or self.db.read(), self.callers[who])
        except CloudError as error:
            return str((error.code, error.text, error.param, error.why, error.fix)).replace(id, "ID")
        return None

    def parameters(self, verb: type[Verb], who: str, given: dict[str, str]) -> dict[str, str]:
        """What a call needs at least, with what is given."""
        sent = dict(given)
        for p in verb.api.params.values():
            if p.wire_name in sent or not p.required:
                continue
            if p.refers is not None:
                mine = (row for _, row in self.rows(p.refers) if self.resolved(p, who, row.uuid) is None)
                sent[p.wire_name] = next((row.uuid for row in mine), NO_OTHER)
            elif p.kind == "map":
                sent[f"{p.wire_name}[0].{(p.keys or ['key'])[0]}"] = "x"
            else:
                sent[p.wire_name] = p.choices[0] if p.choices else PLAIN.get(p.kind, NO_OTHER)
        return sent

    def ask(self, verb: type[Verb], who: str, sent: dict[str, str]) -> str:
        """The answer, or the refusal, as text."""
        if not issubclass(verb, List) and verb.api.http_method == "POST":
            sent = {**sent, "dryrun": "true"}
        try:
            body = self.cloud.runner.run(verb, self.callers[who], wire.Parameters(sent))
        except (CloudError, WireError) as error:
            parts = (type(error).__name__, error.code, error.text, error.param, getattr(error, "why", ()))
            return str((*parts, getattr(error, "fix", ())))
        return msgspec.json.encode(body, enc_hook=str).decode()


def verbs() -> list[type[Verb]]:
    """All commands."""
    return [verb for verb in Verb.by_name.values() if verb.__module__.startswith("cloudwright.")]


def references() -> list[tuple[type[Verb], Param]]:
    """All parameters of all commands that refer to something."""
    return [(verb, p) for verb in verbs() for p in verb.api.params.values() if p.refers is not None]


def owned(kind: type[Resource]) -> bool:
    """Whether it is known from the owner alone who may see a row of a kind."""
    return issubclass(kind, Owned) or kind.kind in IDENTITY | {"nic", "webhook_filter"}
