"""Taking a volume from its pool, for good."""

from __future__ import annotations

from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import NotThere
from cloudwright.storage.model import StoragePool, Volume
from cloudwright.storage.pool.use import host_for, on_pool
from cloudwright.storage.volume.room import give_room


class RemoveVolume(Task, rank=20):
    """Volume → gone from its pool, its room given back, its row removed. Once it is being deleted there is no way back."""

    volume: int
    host: int = 0
    was: str = ""

    @step
    def begin(self, tx: Tx) -> None:
        """Nobody may use it any more."""
        volume = tx.get(Volume, self.volume)
        if not volume.gone and volume.state != "Expunging":
            self.was = volume.state
            tx.update(volume, state="Expunging")

    @begin.undo
    def unbegin(self, tx: Tx) -> None:
        volume = tx.get(Volume, self.volume)
        if self.was and volume.state == "Expunging":
            tx.update(volume, state=self.was)

    @step(final=True)
    def delete(self) -> None:
        """Delete it from the pool."""
        volume = self.read.get(Volume, self.volume)
        if volume.gone or volume.pool_id is None:
            return
        pool = self.read.get(StoragePool, volume.pool_id)
        if pool.gone:
            return
        host = host_for(self.read, pool, self.host)
        try:
            on_pool(self, host, pool, lambda p: p.remove(pool.pool_name, volume.disk_name))
        except NotThere:
            self.say(f"{volume.name} was not there any more", pool=pool.name)
        else:
            self.say(f"{volume.name} deleted", pool=pool.name, bytes=volume.size)

    @step
    def forget(self, tx: Tx) -> None:
        """Give its room back."""
        volume = tx.get(Volume, self.volume)
        if not volume.gone:
            give_room(tx, volume)
            tx.update(volume, state="Expunged", vm_id=None, slot=None)
            tx.remove(volume)
