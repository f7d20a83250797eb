"""The storage pool contract: volumes on primary storage, as one host reaches them.

A pool is mounted (or merely looked at) on every host that uses it; verbs may be called on any of those hosts. Volumes are
named `v-<uuid>`, installed templates `t-<uuid>`. Sizes are in bytes. Every verb may be called twice.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from cloudwright.drivers.work import Work


class PoolSpec(Struct):
    """A pool as the operator declared it. `kind`: Filesystem, SharedMountPoint, NetworkFilesystem, Simulator …"""

    name: str  # `p-<uuid>`
    kind: str
    path: str
    host: str = ""
    options: dict[str, str] = {}


class PoolFacts(Struct):
    """How full a pool is, in bytes."""

    capacity: int
    used: int


class VolumeSeen(Struct):
    """A volume as it is: `size` is what the guest sees, `used` what it takes."""

    name: str
    size: int
    used: int
    format: str
    backing: str = ""  # the template's name for a linked clone


class Pool(Protocol):
    """About volumes in the pools that one host reaches."""

    def open(self, pool: PoolSpec) -> PoolFacts:
        """Make the pool usable on this host (mount, create the directory layout) and measure it."""

    def close(self, pool: str) -> None:
        """Let go of the pool (unmount). Its contents stay."""

    def facts(self, pool: str) -> PoolFacts:
        """How full it is."""

    def volumes(self, pool: str) -> list[VolumeSeen]:
        """All volumes and installed templates in the pool."""

    def see(self, pool: str, volume: str) -> VolumeSeen:
        """One volume. Raises NotThere."""

    def locate(self, pool: str, volume: str) -> str:
        """The path (or URL) that the hypervisor on this host opens."""

    def create(self, pool: str, volume: str, size: int, format: str = "qcow2", provisioning: str = "thin") -> VolumeSeen:
        """An empty volume. `provisioning`: thin (it grows), sparse (so do its blocks, its tables are there) or fat (all its room
        is taken now)."""

    def clone(self, pool: str, volume: str, template: str, size: int) -> VolumeSeen:
        """A linked clone of an installed template, grown to `size` when that is larger. Takes milliseconds."""

    def begin_copy(self, key: str, pool: str, volume: str, source: str, size: int, provisioning: str = "thin") -> None:
        """Begin a full copy of volume or template `source` in the same pool, grown to `size`. Poll with `work`."""

    def begin_install(self, key: str, pool: str, template: str, url: str, checksum: str) -> None:
        """Begin to bring a ready template image from an image store (`url`, `checksum` sha256) into the pool."""

    def begin_export(self, key: str, pool: str, volume: str, url: str) -> None:
        """Begin to copy a volume out to the image store's `url`."""

    def resize(self, pool: str, volume: str, size: int, shrink: bool = False) -> VolumeSeen:
        """Change a volume that no machine has open. Raises Refused when smaller and `shrink` is not said."""

    def remove(self, pool: str, volume: str) -> None:
        """Delete a volume or an installed template. Gone is done; a template with clones raises Busy."""

    def work(self, key: str) -> Work:
        """How far long work is."""

    def cancel(self, key: str) -> None:
        """Stop long work, remove what it half made, forget it. Unknown is done."""
