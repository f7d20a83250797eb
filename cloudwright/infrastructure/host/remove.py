"""deleteHost."""

from __future__ import annotations

from collections.abc import Callable

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.infrastructure import authority
from cloudwright.infrastructure.dedication import forget
from cloudwright.infrastructure.host.maintain import occupants
from cloudwright.infrastructure.host.tag import set_tags
from cloudwright.infrastructure.model import EnrolToken, Host
from cloudwright.storage.model import StoragePool, Volume

on_forced: list[Callable[[Tx, Host], object]] = []
"""Called when an operator says that a host is gone for good: each must leave nothing of its kind on the host."""


class DeleteHost(Command):
    """Deletes a host: an empty one in maintenance, disabled or never enrolled; `forced`, one that is gone for good."""

    id: Ref[Host] = param("the host", use=Use.CHANGE)
    forced: bool = param("the operator vouches that the host is gone: what ran there runs no more", default=False)
    force_destroy_local_storage: bool = param("the volumes on its own disks are lost with it", default=False)

    def run(self, tx: Tx, caller: Caller) -> Success:
        host = self.id
        idle = host.resource_state in ("Maintenance", "Disabled") or host.state == "Creating"
        if not idle and not self.forced:
            text = f"Host {host.name} is {host.resource_state}; it must be in Maintenance or Disabled to be deleted"
            raise WrongState(
                text,
                param="id",
                fix=["put it into maintenance first (prepareHostForMaintenance)", "forced=true for a host that is gone for good"],
            )
        if self.forced:
            for fn in on_forced:
                fn(tx, host)
        left = occupants(tx, host)
        if left:
            raise InUse(f"Host {host.name} is not empty: {len(left)} machines and routers are on it", param="id", why=left[:20])
        self._local_storage(tx, host)
        set_tags(tx, host, [])
        for token in tx.all(EnrolToken, EnrolToken.c.host_id == host.id):
            tx.remove(token)
        if host.certificate_serial:
            authority.revoke(tx, host.certificate_serial, host.id, "the host was deleted")
        forget(tx, "host", host.id)
        tx.remove(host)
        return Success()

    def _local_storage(self, tx: Tx, host: Host) -> None:
        for pool in tx.all(StoragePool, StoragePool.c.host_id == host.id):
            count = tx.count(Volume, Volume.c.pool_id == pool.id)
            if count:
                text = f"Host {host.name} has {count} volumes on its own disks, in pool {pool.name}"
                fix = ["migrate or delete them first"]
                if self.force_destroy_local_storage:
                    fix.append("losing volumes with their host is not there yet")
                raise InUse(text, param="id", fix=fix)
            tx.remove(pool)
