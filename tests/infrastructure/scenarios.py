"""What the universal proofs play of infrastructure's tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.core.task import TaskRow, start
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.host.rolling import AskHost, RollHost, RollingHost, RollingMaintenance
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


def scenario_RollMaintenance(cloud: Cloud) -> Begin:
    """A rolling maintenance of one host; that several follow one another is tested by itself."""
    built = simulated_zone(cloud, hosts=1)
    return _asks(built, "startRollingMaintenance", zoneids=built.zone.uuid)


def _one_of_rolling(cloud: Cloud, task: type[AskHost | RollHost]) -> Begin:
    """A rolling maintenance of one host, of which only that host's part is played."""
    built = simulated_zone(cloud, hosts=1)

    def rows(tx: Tx) -> tuple[RollingMaintenance, RollingHost]:
        whole = tx.insert(RollingMaintenance(seconds=60))
        return whole, tx.insert(RollingHost(rolling_id=whole.id, host_id=built.hosts[0].id))

    whole, one = cloud.db.write(rows)
    return lambda c: c.db.write(lambda tx: start(tx, task(rolling=whole.id, row_id=one.id), one))


def scenario_AskHost(cloud: Cloud) -> Begin:
    """A host is asked whether it can take part in a rolling maintenance."""
    return _one_of_rolling(cloud, AskHost)


def scenario_RollHost(cloud: Cloud) -> Begin:
    """A host's turn in it."""
    return _one_of_rolling(cloud, RollHost)
