"""Expunged instances are forgotten: by command, by their offering, by and by."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.compute.purge import Purge, PurgeByAndBy
from cloudwright.core import loop
from cloudwright.core.error import CloudError
from cloudwright.core.event import Event
from cloudwright.core.setting import Setting
from cloudwright.identity.caller import root_caller
from cloudwright.network.model import Nic
from cloudwright.storage.model import Volume
from tests.conftest import call, done
from tests.infrastructure.zone import simulated_zone


@pytest.fixture
def what(cloud: Cloud) -> dict[str, Any]:
    """What instances are made from."""
    simulated_zone(cloud, hosts=1)
    root = root_caller(cloud.db.read())
    zone = call(cloud, root, "listZones")["zone"][0]["id"]
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    size = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    return {"zoneid": zone, "templateid": template, "serviceofferingid": size}


def expunge(cloud: Cloud, what: dict[str, Any], name: str, **more: Any) -> int:
    root = root_caller(cloud.db.read())
    job = done(cloud, root, "deployVirtualMachine", name=name, startvm="false", **{**what, **more})
    done(cloud, root, "destroyVirtualMachine", id=job.instance_uuid, expunge="true")
    return int(job.instance.split(":")[1])


def left(cloud: Cloud) -> set[int]:
    return {row.id for row in cloud.db.read().rows(sa.select(Vm.c.id))}


def aged(cloud: Cloud, vm: int, days: float) -> None:
    removed = time.time() - days * 86400
    cloud.db.write(lambda tx: tx.execute(sa.update(Vm.t).where(Vm.c.id == vm).values(removed=removed)))


def set_to(cloud: Cloud, name: str, value: str) -> None:
    cloud.db.write(lambda tx: Setting.by_name[name].set(tx, value))


def turned(cloud: Cloud, until: set[int]) -> None:
    cloud.db.write(loop.ensure)
    cloud.db.write(lambda tx: loop.wake(tx, PurgeByAndBy))
    end = time.monotonic() + 60
    while left(cloud) != until and time.monotonic() < end:
        time.sleep(0.005)
    assert left(cloud) == until


def test_a_command_forgets_what_was_expunged_in_a_span(cloud: Cloud, what: dict[str, Any]) -> None:
    root = root_caller(cloud.db.read())
    gone = [expunge(cloud, what, name) for name in "abc"]
    stays = done(cloud, root, "deployVirtualMachine", name="stays", startvm="false", **what)
    living = int(stays.instance.split(":")[1])
    aged(cloud, gone[2], 400)
    job = done(cloud, root, "purgeExpungedResources", batchsize=1, startdate="2026-01-01")
    told = call(cloud, root, "queryAsyncJobResult", jobid=job.uuid)["jobresult"]
    assert told == {"purgeexpungedresourcesresponse": {"resourcecount": 2}}
    assert left(cloud) == {gone[2], living}
    for kind in (Volume, Nic):
        owners = {row.vm_id for row in cloud.db.read().rows(sa.select(kind.c.vm_id))}
        assert not owners & set(gone[:2]), f"{kind.kind} rows went, too"
    assert cloud.db.read().find(Event, Event.c.kind_of == "PURGE.EXPUNGED.RESOURCES") is not None
    done(cloud, root, "purgeExpungedResources", resourcetype="VirtualMachine")
    assert left(cloud) == {living}
    assert [row.resource_count for row in cloud.db.read().all(Purge)] == [2, 1]


def test_by_and_by_where_a_setting_says_so(cloud: Cloud, what: dict[str, Any]) -> None:
    old, young = expunge(cloud, what, "old"), expunge(cloud, what, "young")
    aged(cloud, old, 31)
    set_to(cloud, "expunged.resources.purge.enabled", "true")
    turned(cloud, {young})


def test_soon_where_the_offering_says_so(cloud: Cloud, what: dict[str, Any]) -> None:
    root = root_caller(cloud.db.read())
    sizes = {"name": "s", "displaytext": "s", "cpunumber": 1, "cpuspeed": 500, "memory": 256}
    made = call(cloud, root, "createServiceOffering", **sizes, purgeresources="true")["serviceoffering"]
    assert made["purgeresources"]
    expunge(cloud, what, "brief", serviceofferingid=made["id"])
    kept = expunge(cloud, what, "kept")
    set_to(cloud, "expunged.resources.purge.delay", "0")
    turned(cloud, {kept})


@pytest.mark.parametrize(
    "wrong", [{"resourcetype": "Network"}, {"batchsize": 0}, {"startdate": "2026-02-01", "enddate": "2026-01-01"}]
)
def test_what_cannot_be_purged_is_refused(cloud: Cloud, wrong: dict[str, str]) -> None:
    with pytest.raises(CloudError):
        call(cloud, root_caller(cloud.db.read()), "purgeExpungedResources", **wrong)


def test_settings_are_checked(cloud: Cloud) -> None:
    for name, value, why in (("resources", "Network", "names Network"), ("start.time", "soon", "is no date")):
        with pytest.raises(CloudError, match=why):
            set_to(cloud, f"expunged.resources.purge.{name}", value)
