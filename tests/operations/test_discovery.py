"""Discovery: what is told is what is declared, and what the caller may use."""

from __future__ import annotations

import time

import pytest

from cloudwright import __version__
from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Verb
from cloudwright.core.error import ParamError
from cloudwright.identity import permission
from tests.conftest import call


def test_root_is_told_every_command(cloud: Cloud, root: Caller) -> None:
    told = call(cloud, root, "listApis")
    apis = {one["name"]: one for one in told["api"]}
    assert told["count"] == len(apis) == len(Verb.by_name)
    for name, verb in Verb.by_name.items():
        params = {one["name"]: one for one in apis[name]["params"]}
        assert {p.wire_name for p in verb.api.params.values() if not p.roles or "Admin" in p.roles} <= set(params), name
        assert {"dryrun", "clienttoken"} <= set(params) or not issubclass(verb, Command), name
        assert apis[name]["isasync"] is verb.api.is_async
        assert apis[name].get("event", "") == verb.api.event
        assert all(one["name"] and one["type"] for one in apis[name]["response"]), name


def test_the_form(cloud: Cloud, root: Caller) -> None:
    told = call(cloud, root, "listApis", name="listEvents")["api"]
    assert len(told) == 1
    params = {one["name"]: one for one in told[0]["params"]}
    assert params["domainid"]["type"] == "uuid"
    assert "listDomains" in params["domainid"]["related"].split(",") or "listDomains" not in Verb.by_name
    assert {"listall", "isrecursive", "account", "page", "pagesize", "keyword", "startdate"} <= set(params)
    assert params["startdate"]["type"] == "date"
    assert (params["id"]["required"], params["id"]["length"]) == (False, 255)
    fields = {one["name"]: one["type"] for one in told[0]["response"]}
    assert fields["created"] == "date"
    assert fields["archived"] == "boolean"
    assert not any(name.startswith("_") for name in fields)
    with pytest.raises(ParamError, match="no command"):
        call(cloud, root, "listApis", name="noSuchCommand")


def test_others_are_told_what_their_role_allows(cloud: Cloud, ann: Caller, chief: Caller) -> None:
    reader = cloud.db.read()
    for caller in (ann, chief):
        names = {one["name"] for one in call(cloud, caller, "listApis")["api"]}
        assert names == {n for n in Verb.by_name if permission.allowed(reader, caller.role_id, caller.role_type, n)}
        assert "listApis" in names
        assert ("updateConfiguration" in names) is (caller is chief)
    with pytest.raises(ParamError):
        call(cloud, ann, "listApis", name="updateConfiguration")
    fields = {one["name"] for one in call(cloud, ann, "listApis", name="listAsyncJobs")["api"][0]["response"]}
    assert "managementserverid" not in fields


def test_it_is_fast(cloud: Cloud, root: Caller) -> None:
    call(cloud, root, "listApis")
    began = time.perf_counter()
    for _ in range(10):
        cloud.runner.run(Verb.by_name["listApis"], root, _nothing())
    assert (time.perf_counter() - began) / 10 < 0.5


def _nothing():  # type: ignore[no-untyped-def]
    from cloudwright.core.wire import Parameters

    return Parameters({})


def test_openapi(cloud: Cloud, root: Caller, ann: Caller) -> None:
    document = call(cloud, root, "getOpenApi")
    assert document["openapi"].startswith("3.")
    assert len(document["paths"]) == len(Verb.by_name)
    for path, operations in document["paths"].items():
        (method, operation), *rest = operations.items()
        assert not rest
        assert path == f"/?command={operation['operationId']}"
        verb = Verb.by_name[operation["operationId"]]
        assert (method == "post") is issubclass(verb, Command)
        assert all(isinstance(one["schema"], dict) for one in operation["parameters"])
    assert len(call(cloud, ann, "getOpenApi")["paths"]) < len(document["paths"])


def test_capabilities(cloud: Cloud, ann: Caller) -> None:
    told = call(cloud, ann, "listCapabilities")["capability"]
    assert told["cloudstackversion"] == __version__
    assert told["dynamicrolesenabled"] is True
    assert told["securitygroupsenabled"] is False
    declared = set(Verb.by_name["listCapabilities"].api.response)
    assert set(told) <= declared
    assert declared - set(told) <= {"apilimitinterval", "apilimitmax"}


def test_fields_tell_whether_lists_order_by_them(cloud: Cloud, root: Caller) -> None:
    for api in call(cloud, root, "listApis")["api"]:
        orders = [field["name"] for field in api["response"] if field.get("orders")]
        assert not orders or "orderby" in {param["name"] for param in api["params"]}, api["name"]
    for name in ("listVirtualMachines", "listZones", "listEvents", "listUsers"):
        fields = {field["name"]: field for field in call(cloud, root, "listApis", name=name)["api"][0]["response"]}
        for field, told in fields.items():
            if told.get("orders"):
                call(cloud, root, name, orderby=f"{field}:desc", facets=field)
            else:
                with pytest.raises(ParamError, match="is not one of"):
                    call(cloud, root, name, orderby=field)
