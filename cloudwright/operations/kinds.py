"""What the API calls the kinds of resources: `vm` is VirtualMachine there. Answers and filters of jobs and events say these."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use, prepared_lookup
from cloudwright.core.error import ParamError
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader

_IRREGULAR = {
    "vm": "VirtualMachine",
    "router": "DomainRouter",
    "public_ip": "IpAddress",
    "user_": "User",
    "network_provider": "PhysicalNetworkServiceProvider",
    "task": "None",
}


def api_kind(kind: str) -> str:
    """The API's name of a kind (a table's name)."""
    return _IRREGULAR.get(kind) or "".join(word.capitalize() for word in kind.split("_"))


def kind_named(name: str) -> type[Resource]:
    """The kind that the API calls so, in any case. Raises ParamError when there is none."""
    for kind, resource in Resource.by_name.items():
        if api_kind(kind).lower() == name.lower():
            return resource
    raise ParamError(f"Parameter resourcetype: {name[:64]!r} is no kind of resource", param="resourcetype")


def instance_named(reader: Reader, caller: Caller, uuid: str | None, kind: str | None) -> str | None:
    """The key "vm:17" of the resource of that uuid and kind, living or not; None when none was named. Raises ParamError when
    only one of the two is given, or there is no such resource that the caller may see."""
    if uuid is None and kind is None:
        return None
    if uuid is None or kind is None:
        given, other = ("resourceid", "resourcetype") if kind is None else ("resourcetype", "resourceid")
        raise ParamError(f"Parameter {given} was given without {other}; they belong together", param=other)
    of = kind_named(kind)
    row = reader.one(prepared_lookup(of, caller.kind, Use.SEE, gone_too=True), {"value": uuid.lower(), **caller.binds()})
    if row is None:
        raise ParamError(f"Parameter resourceid: there is no {kind} {uuid} that you may see", param="resourceid")
    return f"{of.kind}:{of.load(row).id}"


def kind_of_instance(instance: str) -> str | None:
    """The API's name of the kind in "vm:17"."""
    return api_kind(instance.partition(":")[0]) if instance else None
