"""Settings as the API tells and changes them. Only settings that something reads exist; a secret one is never told."""

from __future__ import annotations

from typing import Any, NamedTuple

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Told, Verb
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.event import emit
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import PRINTED
from cloudwright.core.server import Server
from cloudwright.core.setting import SCOPES, Setting, SettingRow
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account, Domain
from cloudwright.infrastructure.model import Cluster, Zone
from cloudwright.operations.paging import Paged, cut
from cloudwright.storage.model import ImageStore, StoragePool

SCOPE_NAMES = {"storagepool": "StoragePool", "imagestore": "ImageStore", "managementserver": "ManagementServer"}
GROUPS = {
    "Access": 1, "Compute": 2, "Storage": 3, "Network": 4, "Hypervisor": 5, "Management Server": 6, "System VMs": 7,
    "Infrastructure": 8, "Usage Server": 9, "Miscellaneous": 999,
}  # fmt: skip
_GROUPED = """
    Access/LDAP: ldap; Access/Project: project; Access/Account: account user 2fa password; Access/Domain: domain;
    System VMs/ConsoleProxyVM: console; System VMs/SecStorageVM: secstorage; System VMs/VirtualRouter: router;
    Storage/Snapshot: snapshot; Storage/Volume: volume; Storage/Images: template iso image;
    Infrastructure/Primary Storage: storage; Infrastructure/Others: capacity overprovisioning threshold;
    Network/VPC: vpc; Network/LoadBalancer: lb; Network/Network: network dns dhcp;
    Compute/Virtual Machine: vm. expunge instance; Compute/High Availability: ha.;
    Hypervisor/KVM: kvm; Hypervisor/Hypervisor: hypervisor;
    Management Server/Jobs: job task; Management Server/Alerts: alert; Management Server/Events: event;
    Management Server/Agent: agent; Management Server/Limits: max.; Management Server/Security: secure cert;
    Management Server/API: api proxy page.size json encode; Usage Server/Usage: usage
"""  # the first whose words occur in a setting's name is its group
_GROUPS_BY_WORD = [(word, *group.strip().split("/")) for group, words in (
    line.split(":") for line in _GROUPED.split(";")) for word in words.split()]  # fmt: skip
RESPONSE = {
    "name": ("string", "the setting's name"),
    "value": ("string", "the value in force; absent for secret settings and for empty ones"),
    "defaultvalue": ("string", "the value where none was set"),
    "description": ("string", "what it does"),
    "displaytext": ("string", "its name, for people"),
    "category": ("string", "its category"),
    "group": ("string", "its group"),
    "subgroup": ("string", "its part of the group"),
    "component": ("string", "the program that reads it"),
    "type": ("string", "the kind of value: Boolean, Number, Decimal, String or Select"),
    "options": ("string", "the values it takes, where those are few"),
    "scope": ("string", "where it can be set"),
    "isdynamic": ("boolean", "always true: a change is in force at once"),
    "parent": ("string", "the setting that must be on for this one to mean something"),
    "id": ("long", "the number of the scope's zone, cluster, storage pool …, where one was named"),
}
SCOPED: dict[str, Any] = {
    "zone": Zone, "cluster": Cluster, "storagepool": StoragePool, "imagestore": ImageStore, "managementserver": Server,
    "domain": Domain, "account": Account,
}  # fmt: skip


class Scope(NamedTuple):
    """For what a value is in force, and the wider ones whose values it takes where it has none."""

    name: str = "global"
    id: int = 0
    wider: dict[str, int | None] = {}


class Scoped(Verb):
    """The parameters that name a scope; without them it is the whole cloud."""

    zone: Ref[Zone] | None = param("for this zone", use=Use.CHANGE)
    cluster: Ref[Cluster] | None = param("for this cluster", use=Use.CHANGE)
    storage: Ref[StoragePool] | None = param("for this storage pool", use=Use.CHANGE)
    image_store: Ref[ImageStore] | None = param("for this image store", wire_name="imagestoreuuid", use=Use.CHANGE)
    domain: Ref[Domain] | None = param("for this domain", use=Use.CHANGE)
    account: Ref[Account] | None = param("for this account", use=Use.CHANGE)
    management_server: Ref[Server] | None = param("for this server", use=Use.CHANGE, since="4.23.0")

    def scope(self, caller: Caller) -> Scope:
        """The scope named. Raises ParamError when several are, Denied where it is not the caller's to speak of."""
        named: list[Scope] = []
        if self.zone is not None:
            named.append(Scope("zone", self.zone.id))
        if self.cluster is not None:
            named.append(Scope("cluster", self.cluster.id, {"zone": self.cluster.zone_id}))
        if self.storage is not None:
            wider = {"cluster": self.storage.cluster_id, "zone": self.storage.zone_id}
            named.append(Scope("storagepool", self.storage.id, wider))
        if self.image_store is not None:
            named.append(Scope("imagestore", self.image_store.id, {"zone": self.image_store.zone_id}))
        if self.domain is not None:
            named.append(Scope("domain", self.domain.id))
        if self.account is not None:
            named.append(Scope("account", self.account.id))
        if self.management_server is not None:
            named.append(Scope("managementserver", self.management_server.id))
        if len(named) > 1:
            scopes = " and ".join(scope.name for scope in named)
            raise ParamError(f"A setting is for one scope at a time, not for {scopes} at once", param="name")
        if not named and not caller.root:
            fix = ["name a domain by domainid", "name an account by accountid"]
            raise Denied("Settings of the whole cloud are for administrators of root", fix=fix)
        return named[0] if named else Scope()


class ListConfigurations(
    Paged, Scoped, Query, response=RESPONSE | {"values": ("list", "with allscopes: each value set, its scope, id and name")}
):
    """Lists settings, with the values in force for the whole cloud or for one scope."""

    name: str | None = param("only the one of this name")
    category: str | None = param("only those of this category")
    group: str | None = param("only those of this group", since="4.18.0")
    sub_group: str | None = param("only those of this part of a group", since="4.18.0")
    parent: str | None = param("only those that mean something only while this one is on", since="4.18.0")
    keyword: str | None = param("only those in whose name this occurs")
    all_scopes: bool = param("root administrators: with every value that was set, in all scopes side by side", default=False)

    def run(self, reader: Reader, caller: Caller) -> Told:
        scope = self.scope(caller)
        found = [declared for name, declared in sorted(Setting.by_name.items()) if self._wanted(name, declared, scope)]
        rows = [told(reader, declared, scope) for declared in cut(self, found, reader)]
        if self.all_scopes:
            own = _values_by_name(reader, [row["name"] for row in rows]) if caller.root else {}
            for row in rows:
                row["values"] = own.get(row["name"], [])
        return Told("configuration", rows, len(found))

    def _wanted(self, name: str, declared: Setting[Any], scope: Scope) -> bool:
        group, part = group_of(name)
        asked = ((self.name, name), (self.category, declared.category), (self.group, group), (self.sub_group, part))
        return (
            all(wanted is None or wanted.lower() == has.lower() for wanted, has in asked)
            and (self.keyword is None or self.keyword.lower() in name.lower())
            and (self.parent is None or self.parent == declared.parent)
            and (scope.name == "global" or scope.name in declared.scopes)
        )


class UpdateConfiguration(Scoped, Command, response=RESPONSE):
    """Sets a setting, for the whole cloud or for one scope. The change is in force at once."""

    name: str = param("the setting's name")
    value: str = param("the value; without one, an empty text", length=4096, default="")

    def run(self, tx: Tx, caller: Caller) -> Told:
        declared, scope = setting_named(self.name), self.scope(caller)
        declared.set(tx, self.value, scope.name, scope.id)
        _note(tx, caller, declared, scope, f"set to {PRINTED if declared.secret else repr(self.value[:200])}")
        return Told("configuration", [told(tx, declared, scope)], one=True)


class ResetConfiguration(Scoped, Command, response=RESPONSE, since="4.16.0"):
    """Takes a setting's value back: the wider scope's is in force again, at last the default."""

    name: str = param("the setting's name")
    image_store: Ref[ImageStore] | None = param("for this image store", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Told:
        declared, scope = setting_named(self.name), self.scope(caller)
        declared.reset(tx, scope.name, scope.id)
        _note(tx, caller, declared, scope, "taken back")
        return Told("configuration", [told(tx, declared, scope)], one=True)


class ListConfigurationGroups(
    Paged,
    Query,
    since="4.18.0",
    response={
        "name": ("string", "the group"),
        "subgroup": ("list", "its parts, by name"),
        "precedence": ("long", "where it stands among the groups"),
        "description": ("string", "what is in it"),
    },
):
    """Lists the groups of settings."""

    group: str | None = param("only this group")
    keyword: str | None = param("only those in whose name this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        parts: dict[str, set[str]] = {}
        for name in Setting.by_name:
            group, part = group_of(name)
            parts.setdefault(group, set()).add(part)
        groups = [
            name
            for name in GROUPS
            if name in parts
            and (self.group is None or self.group.lower() == name.lower())
            and (self.keyword is None or self.keyword.lower() in name.lower())
        ]
        rows = [
            {
                "name": name, "precedence": GROUPS[name], "description": f"Settings of {name.lower()}",
                "subgroup": [{"name": part} for part in sorted(parts[name])],
            }
            for name in cut(self, groups, reader)
        ]  # fmt: skip
        return Told("configurationgroup", rows, len(groups))


def setting_named(name: str) -> Setting[Any]:
    """The setting of this name. Raises ParamError."""
    declared = Setting.by_name.get(name)
    if declared is None:
        raise ParamError(f"Parameter name: there is no setting {name[:64]!r}", param="name")
    return declared


def group_of(name: str) -> tuple[str, str]:
    """The group and its part that a setting belongs to."""
    return next(((group, part) for word, group, part in _GROUPS_BY_WORD if word in name), ("Miscellaneous", "Others"))


def told(reader: Reader, declared: Setting[Any], scope: Scope) -> dict[str, Any]:
    """A setting as the API tells it."""
    group, part = group_of(declared.name)
    value = (
        None
        if declared.secret
        else declared.get(reader, **({} if scope.name == "global" else {scope.name: scope.id}), **scope.wider)
    )
    row = {
        "name": declared.name, "value": None if value is None else _text(value),
        "defaultvalue": None if declared.secret else _text(declared.default),
        "description": declared.doc, "displaytext": declared.name.replace(".", " ").capitalize(), "category": declared.category,
        "group": group, "subgroup": part, "type": _kind(declared), "isdynamic": True,
        "options": ",".join(declared.options) or None, "component": "management-server",
        "scope": ",".join(map(_scope_name, ("global", *declared.scopes))),
        "parent": declared.parent or None, "id": scope.id or None,
    }  # fmt: skip
    return {name: value for name, value in row.items() if value is not None}


def _scope_name(scope: str) -> str:
    return SCOPE_NAMES.get(scope, scope.capitalize())


def _values_by_name(reader: Reader, names: list[str]) -> dict[str, list[dict[str, str]]]:
    """Of each setting: the values that were set, the wider scopes first. Secret ones are told to be there."""
    found: dict[str, list[dict[str, str]]] = {}
    rows = reader.all(SettingRow, SettingRow.c.name.in_(names)) if names else []
    for row in sorted(rows, key=lambda row: (SCOPES.index(row.scope), row.scope_id)):
        value = PRINTED if Setting.by_name[row.name].secret else row.value
        told = {"scope": _scope_name(row.scope), "value": value}
        if row.scope in SCOPED:
            of = reader.find(SCOPED[row.scope], SCOPED[row.scope].c.id == row.scope_id)
            if of is None:
                continue  # what it was set for is gone
            told |= {"id": of.uuid, "name": _name(of)}
        found.setdefault(row.name, []).append(told)
    return found


def _name(of: Any) -> str:
    return str(getattr(of, "name", "") or getattr(of, "node", ""))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(declared: Setting[Any]) -> str:
    return "Select" if declared.options else {bool: "Boolean", int: "Number", float: "Decimal"}.get(declared.kind, "String")


def _note(tx: Tx, caller: Caller, declared: Setting[Any], scope: Scope, what: str) -> None:
    where = ""
    if scope.name != "global":
        of = tx.get(SCOPED[scope.name], scope.id)
        where = f" for {of.kind.replace('_', ' ')} {of.path if isinstance(of, Domain) else _name(of)}"
    emit(tx, "CONFIGURATION.VALUE.EDIT", f"Setting {declared.name} was {what}{where}", caller=caller)
