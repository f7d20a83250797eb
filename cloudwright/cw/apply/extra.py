"""Fields that need calls of their own, and what must be done before a thing can be deleted."""

from __future__ import annotations

from typing import Any

from cloudwright.cw.apply.kind import Caller, Extra, Row, at, rows_of

ON = ("Enabled", "Disabled")


def _provider_state(caller: Caller, row: Row, value: Any) -> None:
    wanted = str(value).capitalize()
    if wanted == "Enabled":
        for element in rows_of(caller.call("listVirtualRouterElements", nspid=row["id"])):
            if not element.get("enabled"):
                caller.job("configureVirtualRouterElement", id=element["id"], enabled=True)
    caller.job("updateNetworkServiceProvider", id=row["id"], state=wanted)


PROVIDER_STATE = Extra("string", "Enabled or Disabled", lambda caller, row: row.get("state"), _provider_state, choices=ON)


def _host_state(caller: Caller, row: Row, value: Any) -> None:
    caller.call("updateHost", id=row["id"], allocationstate="Enable" if str(value).lower() == "enabled" else "Disable")


HOST_STATE = Extra(
    "string", "Enabled, or Disabled: no instance is placed there", lambda caller, row: row.get("resourcestate"), _host_state,
    choices=ON, create="allocationstate",
)  # fmt: skip


def disable_host(caller: Caller, row: Row) -> None:
    """A host is deleted only when nothing is placed there any more."""
    if row.get("resourcestate") == "Enabled":
        _host_state(caller, row, "Disabled")


def remove_builtin_images(caller: Caller, row: Row) -> None:
    """What the server itself laid into an image store is in nobody's files: it goes with the last store of its zone."""
    if len(rows_of(caller.call("listImageStores", zoneid=row.get("zoneid")))) > 1:
        return
    for template in rows_of(caller.call("listTemplates", templatefilter="all", zoneid=row.get("zoneid"), listall=True)):
        if template.get("templatetype") in ("BUILTIN", "SYSTEM"):
            caller.job("deleteTemplate", id=template["id"], zoneid=row.get("zoneid"))


def _networks(caller: Caller, row: Row, value: Any) -> None:
    has = {nic["networkid"]: nic["id"] for nic in row.get("nic", ())}
    for network in value:
        if network not in has:
            caller.job("addNicToVirtualMachine", virtualmachineid=row["id"], networkid=network)
    for network, nic in has.items():
        if network not in value:
            caller.job("removeNicFromVirtualMachine", virtualmachineid=row["id"], nicid=nic)


NETWORKS = Extra(
    "list", "the networks that it is on; the first is its default when it is made", lambda caller, row: at(row, "nic.networkid"),
    _networks, ref="network", many=True, create="networkids",
)  # fmt: skip


def _power(caller: Caller, row: Row, value: Any) -> None:
    wanted = str(value).capitalize()
    if row.get("state") != wanted:
        caller.job("startVirtualMachine" if wanted == "Running" else "stopVirtualMachine", id=row["id"])


POWER = Extra(
    "string", "Running or Stopped", lambda caller, row: row.get("state"), _power, choices=("Running", "Stopped")
)  # fmt: skip


def _attach(caller: Caller, row: Row, value: Any) -> None:
    detach(caller, row)
    caller.job("attachVolume", id=row["id"], virtualmachineid=value)


def detach(caller: Caller, row: Row) -> None:
    """A volume is deleted, or attached elsewhere, only when no instance has it."""
    if row.get("virtualmachineid"):
        caller.job("detachVolume", id=row["id"])


ATTACHED = Extra(
    "string", "the instance that it is attached to", lambda caller, row: row.get("virtualmachineid"), _attach, "instance"
)


def _rules(caller: Caller, row: Row) -> list[str]:
    rules = rows_of(caller.call("listRolePermissions", roleid=row["id"]))
    return [f"{rule['permission'].lower()} {rule['rule']}" for rule in rules]


def _put_rules(caller: Caller, row: Row, value: Any) -> None:
    there = {f"{rule['permission'].lower()} {rule['rule']}": rule["id"] for rule in _permissions(caller, row)}
    for text in value:
        if text not in there:
            permission, _, rule = text.partition(" ")
            caller.call("createRolePermission", roleid=row["id"], rule=rule, permission=permission)
    for text, id in there.items():
        if text not in value:
            caller.call("deleteRolePermission", id=id)
    order = {f"{rule['permission'].lower()} {rule['rule']}": rule["id"] for rule in _permissions(caller, row)}
    if value:
        caller.call("updateRolePermission", roleid=row["id"], ruleorder=",".join(order[text] for text in dict.fromkeys(value)))


def _permissions(caller: Caller, row: Row) -> list[Row]:
    return rows_of(caller.call("listRolePermissions", roleid=row["id"]))


RULES = Extra("rules", "texts such as 'allow list*' and 'deny *', in the order in which they are asked", _rules, _put_rules)
