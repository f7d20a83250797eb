"""Alerts: one for each trouble, settled when it passed."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.operations.raising import TYPES, alert, settle
from tests.conftest import call, done


def test_one_trouble_is_one_alert(cloud: Cloud, root: Caller) -> None:
    host = TYPES["COMPUTE.HOST"]
    for _ in range(3):
        cloud.db.write(lambda tx: alert(tx, host, "host h1", "h1 is silent"))
    cloud.db.write(lambda tx: alert(tx, host, "host h2", "h2 is silent"))
    told = call(cloud, root, "listAlerts")["alert"]
    assert [(one["description"], one["times"], one["type"], one["name"]) for one in told] == [
        ("h2 is silent", 1, 7, "ALERT.COMPUTE.HOST"),
        ("h1 is silent", 3, 7, "ALERT.COMPUTE.HOST"),
    ]
    cloud.db.write(lambda tx: settle(tx, host, "host h1"))
    cloud.db.write(lambda tx: settle(tx, host, "host nobody"))
    cloud.db.write(lambda tx: alert(tx, host, "host h1", "h1 is silent again"))
    told = call(cloud, root, "listAlerts", keyword="h1")["alert"]
    assert [(one["times"], "settled" in one) for one in told] == [(1, False), (3, True)]


def test_archiving_and_deleting(cloud: Cloud, root: Caller, chief: Caller) -> None:
    for name in ("CPU", "MEMORY"):
        cloud.db.write(lambda tx, n=name: alert(tx, TYPES[n], "zone", f"{n} is short"))
    assert call(cloud, chief, "listAlerts") == {}
    call(cloud, root, "archiveAlerts", type="ALERT.CPU")
    assert [one["name"] for one in call(cloud, root, "listAlerts")["alert"]] == ["ALERT.MEMORY"]
    cloud.db.write(lambda tx: alert(tx, TYPES["CPU"], "zone", "again"))
    assert len(call(cloud, root, "listAlerts")["alert"]) == 2
    call(cloud, root, "deleteAlerts", type="0")
    assert [one["times"] for one in call(cloud, root, "listAlerts")["alert"]] == [1]
    call(cloud, root, "deleteAlerts", enddate="2100-01-01")
    assert call(cloud, root, "listAlerts") == {}


def test_raising_one_by_hand(cloud: Cloud, root: Caller) -> None:
    job = done(cloud, root, "generateAlert", type=14, name="disk", description="the disk of the server is full")
    assert call(cloud, root, "queryAsyncJobResult", jobid=job.uuid)["jobresult"] == {"success": True}
    told = call(cloud, root, "listAlerts", name="ALERT.MANAGEMENT")["alert"][0]
    assert told["description"] == "the disk of the server is full"
    assert told["sent"]
    with pytest.raises(ParamError, match="no type of alert number 999"):
        call(cloud, root, "generateAlert", type=999, name="x", description="y")


def test_types(cloud: Cloud, root: Caller) -> None:
    types = call(cloud, root, "listAlertTypes")["alerttype"]
    assert {"alerttypeid": 14, "name": "ALERT.MANAGEMENT", "repetitionallowed": False} in types
    assert len(types) == 43
