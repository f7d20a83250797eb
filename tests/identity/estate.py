"""One row of each kind, written directly: the shared ones once, the owned ones for each owner."""

from __future__ import annotations

import itertools
import typing
from collections import defaultdict
from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.resource import _ABSENT, Owned, Resource, _plain
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Account, Domain
from cloudwright.identity.project.command import make
from cloudwright.identity.project.membership import Wanted, join
from cloudwright.identity.project.model import ProjectInvitation, ProjectRole, ProjectRule

IDENTITY = {"domain", "role", "role_rule", "account", "user_", "login_session", "api_key_pair"}
PROJECTS = {"project", "project_member", "project_role", "project_role_rule", "project_invitation"}
"""Kinds that a project's own account owns: the scene makes a project for each owner."""

MACHINERY = {"task_story", "setting", "server", "client_token", "loop", "toy", "storage_upkeep", "network_care"}
"""Kinds that nobody lists, or that a running server would act upon."""

ONCE = {"second_factor", "saml_authorization", "ldap_configuration"}
"""Kinds of which a user or a domain has one."""

PARTS = {"nic", "webhook_filter"}
"""Kinds without an owner's columns that are part of an owned thing."""

_NET = {
    "gateway": "192.0.2.1",
    "netmask": "255.255.255.0",
    "start_ip": "192.0.2.10",
    "end_ip": "192.0.2.20",
    "cidr": "192.0.2.0/24",
}
"""Texts that are read as addresses, wherever they are columns."""

SPECIAL: dict[str, dict[str, Any]] = {
    "task": {"live": 0, "state": "done", "kind_name": "CloseUser", "subject": "none:0", "command": "disableUser"},
    "firewall_rule": {"purpose": "Firewall", "protocol": "tcp", "start_port": 1, "end_port": 2},
    "template": {"format": "QCOW2", "hypervisor": "KVM"},
    "volume": {"vol_type": "DATADISK", "state": "Ready"},
    "vm_schedule": {"schedule": "0 0 * * *", "timezone": "UTC", "action": "STOP", "enabled": False},
    "storage_pool": {"pool_type": "Filesystem", "url": "file:///x"},
    "ldap_configuration": {"hostname": "127.0.0.1", "port": 1},  # refuses at once
    "host": {"hypervisor": "Simulator", "state": "Up"},
}
_numbers = itertools.count(1000)


def estate(cloud: Cloud, owners: list[Caller]) -> dict[int, dict[str, Resource]]:
    """The rows made: those of each owner by account id, the shared ones under 0; inside by kind."""
    return cloud.db.write(lambda tx: _make(tx, owners))


def _make(tx: Tx, owners: list[Caller]) -> dict[int, dict[str, Resource]]:
    made: dict[int, dict[str, Resource]] = defaultdict(dict)
    tx.limited = False
    for kind in Resource.by_name.values():
        if kind.kind in IDENTITY | PROJECTS | MACHINERY or not kind.__module__.startswith("cloudwright."):
            continue
        if kind.kind in ONCE and tx.count(kind):
            continue
        whose: list[Caller | None] = list(owners) if "account_id" in kind.c or kind.kind in PARTS else [None]
        for who in whose:
            known = {**made[0], **(made[who.account_id] if who else made[owners[0].account_id])}
            row = tx.insert(kind(**_values(kind, who, known)))
            made[who.account_id if who else 0][kind.kind] = row
    return made


def _values(kind: type[Resource], who: Caller | None, known: dict[str, Resource]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    values = {name: text for name, text in _NET.items() if name in kind.c} | SPECIAL.get(kind.kind, {})
    for name, declared in kind._columns.items():
        if declared.default is _ABSENT and name not in values:
            about = known.get(name.removesuffix("_id"))
            values[name] = about.id if about is not None and name.endswith("_id") else _value(kind, name, _plain(hints[name])[0])
    if who is not None:
        mine = {"account_id": who.account_id, "domain_id": who.domain_id, "user_id": who.user_id}
        values |= {name: value for name, value in mine.items() if name in kind.c}
    return values


def _value(kind: type[Resource], name: str, of: Any) -> Any:
    if name == "address":
        return "198.18.{}.{}".format(*divmod(next(_numbers), 250))
    if of is int:
        return 1 if name.endswith("_id") and not name.startswith("address") else next(_numbers)
    made: dict[Any, Any] = {float: 1.0, bool: False, Secret: Secret("s")}
    if of in made:
        return made[of]
    if isinstance(of, type) and issubclass(of, str):
        return f"{kind.kind}-{next(_numbers)}"
    origin = typing.get_origin(of) or of
    return origin()


def project_of(tx: Any, who: Caller) -> dict[str, Resource]:
    """A project that a caller administers, with a role and an invitation."""
    domain, account = tx.get(Domain, who.domain_id), tx.get(Account, who.account_id)
    project = make(tx, f"of {who.username}", "", domain)
    member = join(tx, project, Wanted(account, admin=True))
    whose = {"project_id": project.id, "account_id": project.account_id, "domain_id": domain.id}
    role = tx.insert(ProjectRole(name="guest", **whose))
    del whose["project_id"]
    rule = tx.insert(ProjectRule(role_id=role.id, rule="list*", allow=True, sort=0, **whose))
    invitation = tx.insert(ProjectInvitation(project_id=project.id, email="x@example.org", expires=4e9, **whose))
    rows = (project, member, role, rule, invitation)
    return {row.kind: row for row in rows}


def is_owned(kind: type[Resource]) -> bool:
    """Whether rows of a kind are one account's alone."""
    return issubclass(kind, Owned)
