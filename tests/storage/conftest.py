"""A simulated zone with storage, and what tests of storage ask again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Kind
from cloudwright.core.resource import Resource
from cloudwright.identity.caller import root_caller
from cloudwright.storage.model import Volume
from tests.conftest import call, done
from tests.infrastructure.zone import Built, simulated_zone


@pytest.fixture
def zone(cloud: Cloud) -> Built:
    """A zone of two simulated hosts whose storage is ready."""
    built = simulated_zone(cloud, hosts=2)
    until(lambda: call(cloud, built.caller, "listStoragePools", name="primary")["storagepool"][0]["state"] == "Up")
    ready = lambda: call(cloud, built.caller, "listTemplates", templatefilter="executable").get("template")  # noqa: E731
    until(lambda: bool(ready()))
    return built


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


def fresh(cloud: Cloud, row: Resource) -> Any:
    """The row as it is now, living or not."""
    return cloud.db.read().get(type(row), row.id)


def offering(cloud: Cloud, name: str) -> str:
    """The id of a disk offering."""
    return str(call(cloud, root_caller(cloud.db.read()), "listDiskOfferings", name=name)["diskoffering"][0]["id"])


def new_volume(cloud: Cloud, zone: Built, **more: Any) -> Volume:
    """A data disk of the root administrator's, by the offering Small unless `more` says otherwise."""
    given = {"diskofferingid": offering(cloud, "Small"), "zoneid": zone.zone.uuid, "name": "data", **more}
    job = done(cloud, zone.caller, "createVolume", **given)
    volume = cloud.db.read().find(Volume, Volume.c.uuid == job.instance_uuid)
    assert volume is not None
    return volume


def new_machine(cloud: Cloud, zone: Built, **more: Any) -> Vm:
    """A small instance that runs, or, with startvm=false, is stopped."""
    template = call(cloud, zone.caller, "listTemplates", templatefilter="featured")["template"][0]["id"]
    small = call(cloud, zone.caller, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    what = {"zoneid": zone.zone.uuid, "templateid": template, "serviceofferingid": small, **more}
    job = done(cloud, zone.caller, "deployVirtualMachine", **what)
    vm = cloud.db.read().find(Vm, Vm.c.uuid == job.instance_uuid)
    assert vm is not None
    return vm


def in_pools(cloud: Cloud) -> dict[str, Any]:
    """What the simulated pools hold, by name."""
    return {name: value for _, name, value in cloud.world.all("volume")}


def user(cloud: Cloud, zone: Built, name: str = "ann") -> Caller:
    """A caller with an account of its own."""
    from cloudwright.identity.caller import caller_of
    from cloudwright.identity.model import User

    made = call(
        cloud, zone.caller, "createAccount", accounttype=0, username=name, password="Secret-123456", email=f"{name}@example.com",
        firstname=name, lastname="B",
    )["account"]  # fmt: skip
    row = cloud.db.read().find(User, User.c.username == name)
    assert row is not None, made
    caller = caller_of(cloud.db.read(), row)
    assert caller.kind is Kind.USER
    return caller
