"""The API as an OpenAPI 3.1 document, made from the same declarations that check the requests."""

from __future__ import annotations

from typing import Any

from cloudwright import __version__
from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Flat, Query, Verb
from cloudwright.core.param import Param
from cloudwright.core.plan import PLANNED
from cloudwright.core.tx import Reader
from cloudwright.operations.discovery import fields_of, may_call, offered

_TYPES: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "short": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "decimal": {"type": "number"},
    "date": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "list": {"type": "array", "items": {}},
    "set": {"type": "array", "items": {}},
    "map": {"type": "object"},
    "object": {"type": "object"},
}
_ERROR = {
    "type": "object",
    "properties": {
        "errorcode": {"type": "integer"},
        "cserrorcode": {"type": "integer"},
        "errortext": {"type": "string"},
        "uuidList": {"type": "array", "items": {"type": "object"}},
        "param": {"type": "string", "description": "the parameter that is wrong"},
        "explain": {"type": "object", "description": "what, why and fix: sentences for people"},
    },
}


class GetOpenApi(Query, form="flat", authorized=("Admin", "ResourceAdmin", "DomainAdmin", "User"), response={
    "openapi": ("string", "the version of the form of this document"),
    "info": ("object", "title and version of the API"),
    "paths": ("object", "the commands"),
    "components": ("object", "what several commands share"),
}):  # fmt: skip
    """Answers the API that the caller may use as an OpenAPI document."""

    def run(self, reader: Reader, caller: Caller) -> Flat:
        return Flat(document(reader, caller))


def document(reader: Reader, caller: Caller, server: str = "/client/api") -> dict[str, Any]:
    """The document. Every command has a path of its own, `/?command=name`, as OpenAPI wants one path for each operation."""
    names = [name for name in sorted(Verb.by_name) if may_call(reader, caller, name)]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cloudwright", "version": __version__},
        "servers": [{"url": server}],
        "security": [{"apikey": [], "signature": []}, {"session": [], "sessionkey": []}],
        "paths": {f"/?command={name}": _path(Verb.by_name[name], caller) for name in names},
        "components": {"schemas": {"Error": _ERROR}, "securitySchemes": {
            "apikey": {"type": "apiKey", "in": "query", "name": "apikey"},
            "signature": {"type": "apiKey", "in": "query", "name": "signature"},
            "session": {"type": "apiKey", "in": "cookie", "name": "JSESSIONID"},
            "sessionkey": {"type": "apiKey", "in": "query", "name": "sessionkey"},
        }},
    }  # fmt: skip


def _path(verb: type[Verb], caller: Caller) -> dict[str, Any]:
    api = verb.api
    changes = issubclass(verb, Command)
    inputs = [_input(p) for p in offered(verb, caller.role_type)]
    if changes:
        inputs += [{"name": n, "in": "query", "description": doc, "schema": _TYPES.get(k, {"type": "string"})}
                   for n, (k, doc) in PLANNED.items()]  # fmt: skip
    operation = {
        "operationId": api.name,
        "summary": api.doc,
        "tags": [verb.__module__.split(".")[1]],
        "parameters": inputs,
        "responses": {
            "200": _answer(verb, caller),
            "default": _content("refused", api.resp_key, {"$ref": "#/components/schemas/Error"}),
        },
        "x-async": api.is_async,
    }
    return {"post" if changes else "get": operation}


def _input(declared: Param) -> dict[str, Any]:
    schema = dict(_TYPES.get(declared.kind, {"type": "string"}))
    if declared.kind == "list":
        schema["items"] = {"type": "string", **({"format": "uuid"} if declared.refers else {})}
    if declared.kind == "string":
        schema["maxLength"] = declared.length
    limits = {"minimum": declared.minimum, "maximum": declared.maximum, "enum": list(declared.choices) or None}
    schema |= {name: limit for name, limit in limits.items() if limit is not None}
    told = {
        "name": declared.wire_name,
        "in": "query",
        "description": declared.doc,
        "required": declared.told_required,
        "schema": schema,
    }
    if declared.kind == "list":
        told |= {"style": "form", "explode": False}
    return told


def _answer(verb: type[Verb], caller: Caller) -> dict[str, Any]:
    api = verb.api
    if api.is_async:
        ids = {"jobid": _TYPES["uuid"], **({"id": _TYPES["uuid"]} if api.creates else {})}
        return _content("the job was taken", api.ok_resp_key, {"type": "object", "properties": ids})
    fields = {
        f["name"]: {**_TYPES.get(f["type"], {"type": "string"}), "description": f["description"]}
        for f in fields_of(api, caller.root)
    }
    return _content("done", api.ok_resp_key, {"type": "object", "description": "the fields of each object", "properties": fields})


def _content(what: str, key: str, schema: dict[str, Any]) -> dict[str, Any]:
    body = {"type": "object", "properties": {key: schema}}
    return {"description": what, "content": {"application/json": {"schema": body}}}
