"""A volume's room in a pool: `pool_id` is set exactly as long as its size is reserved there."""

from __future__ import annotations

from cloudwright.core.tx import Tx
from cloudwright.infrastructure.capacity import release_pool, reserve_pool
from cloudwright.storage.model import StoragePool, Volume


def take_room(tx: Tx, volume: Volume, pool: StoragePool) -> bool:
    """Reserve a volume's size in a pool and put it there. False: the pool has not that much left."""
    if not reserve_pool(tx, pool.id, volume.size):
        return False
    tx.update(volume, pool_id=pool.id)
    return True


def give_room(tx: Tx, volume: Volume) -> None:
    """Give it back. None taken is done."""
    if volume.pool_id is not None:
        release_pool(tx, volume.pool_id, volume.size)
        tx.update(volume, pool_id=None)
