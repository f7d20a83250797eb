"""What the API offers, told from the declarations: each command's parameters and fields, as the caller may use them."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import Any

from cloudwright.core.access import Caller
from cloudwright.core.command import Api, Command, Query, Told, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.param import Param, param
from cloudwright.core.plan import PLANNED
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader
from cloudwright.core.view import Field, View
from cloudwright.identity import permission

SUCCESS = {"success": ("boolean", "true"), "displaytext": ("string", "more, where there is more to say")}
WHILE_DUE = ("login", "logout", "updateUser", "listApis")  # what sessions may call whose user must change the password first
JOB = {"jobid": ("string", "the id of the job that does it"), "jobstatus": ("integer", "how that job stands")}


class ListApis(
    Query,
    since="4.1.0",
    authorized=("Admin", "ResourceAdmin", "DomainAdmin", "User"),
    response={
        "name": ("string", "the command"),
        "description": ("string", "what it does"),
        "since": ("string", "the version that added it"),
        "isasync": ("boolean", "whether it answers with a job"),
        "related": ("string", "other commands that answer the same kind of object"),
        "params": ("set", "its parameters"),
        "response": ("set", "the fields of its answer"),
        "httprequesttype": ("string", "GET for commands that only read, POST for the others"),
    },
):
    """Lists the commands that the caller may use, with their parameters and the fields of their answers."""

    name: str | None = param("only this command")

    def run(self, reader: Reader, caller: Caller) -> Told:
        names = sorted(Verb.by_name) if self.name is None else [self.name]
        allowed = [name for name in names if may_call(reader, caller, name)]
        if self.name is not None and not allowed:
            raise ParamError(f"Parameter name: there is no command {self.name[:64]!r} that you may call", param="name")
        return Told("api", [described(name, caller.root, caller.role_type) for name in allowed])


def may_call(reader: Reader, caller: Caller, command: str) -> bool:
    """Whether there is such a command, and the caller's role allows it."""
    if caller.password_due and caller.session and command not in WHILE_DUE:
        return False
    return command in Verb.by_name and permission.permitted(reader, caller, command)


@lru_cache(maxsize=8192)
def described(name: str, root: bool, role_type: str) -> dict[str, Any]:
    """A command as `listApis` tells it. Do not change what is answered: it is kept."""
    verb = Verb.by_name[name]
    api = verb.api
    told = {
        "name": name,
        "description": api.doc,
        "since": api.since or None,
        "isasync": api.is_async,
        "related": ",".join(other for other in _telling().get(view_of(api), ()) if other != name),
        "params": [_param(p) for p in offered(verb, role_type)] + (_planned() if issubclass(verb, Command) else []),
        "response": fields_of(api, root),
        "httprequesttype": "POST" if issubclass(verb, Command) else "GET",
        "resource": resource_of(api),
        "states": list(api.states) or None,
        "has": api.has or None,
        "lacks": api.lacks or None,
        "event": api.event or None,
    }
    return {key: value for key, value in told.items() if value is not None}


def resource_of(api: Api) -> str | None:
    """The kind of what a command is about: what it answers, else what its parameter `id` names. Our addition: consoles derive
    pages from it."""
    refers = next((p.refers for p in api.params.values() if p.wire_name in ("id", "ids") and p.refers), None)
    about = refers or (api.answers.of if api.answers else None) or api.creates
    return about.kind if about else None


def offered(verb: type[Verb], role_type: str) -> list[Param]:
    """The parameters that callers of this role type may use, in the order of their names."""
    return sorted((p for p in verb.api.params.values() if not p.roles or role_type in p.roles), key=lambda p: p.wire_name)


def _param(declared: Param) -> dict[str, Any]:
    told = {
        "name": declared.wire_name,
        "description": declared.doc,
        "type": declared.kind,
        "length": declared.length,
        "required": declared.told_required,
        "since": declared.since or None,
        "related": ",".join(_listing().get(declared.refers, ())) if declared.refers else None,
        **_facts(declared),
    }
    return {key: value for key, value in told.items() if value is not None}


def _facts(declared: Param) -> dict[str, Any]:
    """What a form needs to know beyond the API's keys; other clients ignore it."""
    default = declared.default if isinstance(declared.default, str | int | float | bool) else None
    return {
        "entity": declared.refers.kind if declared.refers else None,
        "enum": list(declared.choices) or None,
        "default": None if default == "" else default,
        "min": declared.minimum,
        "max": declared.maximum,
        "secret": declared.secret or None,
        "multiple": declared.several or None,
        "keys": list(declared.keys) or None,
    }


def _planned() -> list[dict[str, Any]]:
    return [
        {"name": name, "description": doc, "type": kind, "length": 255, "required": False}
        for name, (kind, doc) in PLANNED.items()
    ]  # fmt: skip


def fields_of(api: Api, root: bool) -> list[dict[str, Any]]:
    """The fields of a command's answer."""
    view = view_of(api)
    told = [_field(f) for name, f in view.fields.items() if not name.startswith("_") and (root or not f.admin)] if view else []
    plain = {**({} if view or api.response else SUCCESS), **api.response, **({} if api.form == "flat" else JOB)}
    known = {f["name"] for f in told}
    if view and any(p.wire_name == "orderby" for p in api.params.values()):
        told = [f | {"orders": True} if f["name"] in view.stored() else f for f in told]  # lists order and count by it
    return told + [{"name": n, "type": kind, "description": doc} for n, (kind, doc) in plain.items() if n not in known]


def _field(declared: Field, name: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {"name": name or declared.name, "type": declared.kind, "description": declared.doc}
    table = getattr(declared.expr, "table", None)
    if table is not None and declared.expr.name == "uuid" and told["name"] != "id":
        told["entity"] = str(table.name)  # the kind of resource whose id it is
    if declared.fields is not None:
        told["response"] = [_field(inner, inner_name) for inner_name, inner in declared.fields.items()]
    return told


def view_of(api: Api) -> type[View] | None:
    """The view a command answers by."""
    return api.answers


@lru_cache(maxsize=1)
def _telling() -> dict[type[View] | None, list[str]]:
    """The commands that answer by each view."""
    telling: dict[type[View] | None, list[str]] = defaultdict(list)
    for name, verb in sorted(Verb.by_name.items()):
        if verb.api.answers is not None:
            telling[verb.api.answers].append(name)
    return telling


@lru_cache(maxsize=1)
def _listing() -> dict[type[Resource], list[str]]:
    """The commands that answer each kind of resource."""
    listing: dict[type[Resource], list[str]] = defaultdict(list)
    for name, verb in sorted(Verb.by_name.items()):
        if verb.api.answers is not None:
            listing[verb.api.answers.of].append(name)
    return listing
