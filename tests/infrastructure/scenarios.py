"""What the universal proofs play of infrastructure's tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.core.task import TaskRow
from tests.conftest import call, done
from tests.infrastructure.zone import simulated_zone

Begin = Callable[[Cloud], TaskRow]


def _asks(built: Any, command: str, **params: str) -> Begin:
    """Begin by a command."""

    def begin(cloud: Cloud) -> TaskRow:
        job = call(cloud, built.caller, command, **params)["jobid"]
        row = cloud.db.read().find(TaskRow, TaskRow.c.uuid == job)
        assert row is not None
        return row

    return begin


def scenario_Record(cloud: Cloud) -> Begin:
    """A physical network is made."""
    built = simulated_zone(cloud, hosts=1)
    return _asks(built, "createPhysicalNetwork", zoneid=built.zone.uuid, name="second")


def scenario_ReachHost(cloud: Cloud) -> Begin:
    """A host is asked for a sign of life."""
    built = simulated_zone(cloud, hosts=1)
    return _asks(built, "reconnectHost", id=built.hosts[0].uuid)


def scenario_MaintainHost(cloud: Cloud) -> Begin:
    """A host goes into maintenance."""
    built = simulated_zone(cloud)
    return _asks(built, "prepareHostForMaintenance", id=built.hosts[0].uuid)


def scenario_ReopenHost(cloud: Cloud) -> Begin:
    """A host comes out of it."""
    built = simulated_zone(cloud)
    done(cloud, built.caller, "prepareHostForMaintenance", id=built.hosts[0].uuid)
    return _asks(built, "cancelHostMaintenance", id=built.hosts[0].uuid)


def scenario_ProvisionHost(cloud: Cloud) -> Begin:
    """A host gets another certificate."""
    built = simulated_zone(cloud, hosts=1)
    return _asks(built, "provisionCertificate", hostid=built.hosts[0].uuid)
