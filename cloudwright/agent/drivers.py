"""The drivers that an agent serves, made from its configuration file."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cloudwright.agent.remote import Drivers
from cloudwright.drivers.hypervisor.contract import HostFacts


class BadConfiguration(Exception):
    """What is wrong with the configuration file, in one sentence."""


class Configuration(Struct, forbid_unknown_fields=True):
    """A TOML file with these keys; none is needed.

    `libvirt`: where libvirtd answers. `migration`: the URI by which other hosts' libvirtd reach this one; empty: no live
    migration to here. `images`: the directory of the image store that this host serves, `images_address`: where other hosts
    fetch from it. `underlay`: the device that carries VXLAN, `underlay_address`: its own address, `underlay_peers`: those of
    the other hosts, where multicast does not reach them. `uplinks`: the physical device behind a bridge, by the bridge's name.
    """

    libvirt: str = "qemu:///system"
    migration: str = ""
    images: str = ""
    images_address: str = ""
    underlay: str = ""
    underlay_address: str = ""
    underlay_peers: tuple[str, ...] = ()
    uplinks: dict[str, str] = {}


def read(path: Path | None) -> Configuration:
    """The configuration in a file; without one, the defaults. Raises BadConfiguration."""
    if path is None:
        return Configuration()
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Configuration)
    except (OSError, msgspec.DecodeError) as error:
        raise BadConfiguration(f"the configuration {path} cannot be used: {error}") from error


def real(configuration: Configuration, host: str, state: Path) -> Drivers:
    """libvirt, directories and the kernel's network of this host. What the drivers must remember lies below `state`."""
    from cloudwright.drivers.hypervisor.kvm.driver import KvmHypervisor
    from cloudwright.drivers.images.directory import DirectoryImages
    from cloudwright.drivers.network.host import HostNetwork
    from cloudwright.drivers.network.segments import Underlay
    from cloudwright.drivers.pool.directory import DirectoryPool

    underlay = None
    if configuration.underlay:
        underlay = Underlay(configuration.underlay, configuration.underlay_address, configuration.underlay_peers)
    network = HostNetwork(state / "network", underlay, configuration.uplinks)
    images = DirectoryImages(configuration.images_address)
    if configuration.images:
        images.open(configuration.images)
    hypervisor = KvmHypervisor(configuration.libvirt, network, state / "hypervisor", configuration.migration)
    return Drivers(hypervisor, DirectoryPool(host, state / "pool"), images, network)


def simulated(host: str, state: Path) -> Drivers:
    """Fakes whose world lies below `state` and outlives the agent."""
    from cloudwright.drivers.hypervisor.fake import FakeHypervisor
    from cloudwright.drivers.images.fake import FakeImages
    from cloudwright.drivers.network.fake import FakeHostNetwork
    from cloudwright.drivers.pool.fake import FakePool
    from cloudwright.drivers.world import TableWorld

    world = TableWorld(str(state / "simulated.db"))
    return Drivers(FakeHypervisor(world, host), FakePool(world, host), FakeImages(world, host), FakeHostNetwork(world, host))


def facts(drivers: Drivers) -> HostFacts:
    """What the host is and can do, its network's abilities included, where the network driver has probed them. Blocks."""
    known = drivers.hypervisor.facts()
    probe = getattr(drivers.network, "abilities", None)
    if probe is None:
        return known
    can, cannot = probe()
    return replace(known, can=[*known.can, *can], cannot=known.cannot | cannot)
