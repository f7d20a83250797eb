"""A machine as its hypervisor shall make it, from rows."""

from __future__ import annotations

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core.setting import setting
from cloudwright.core.task import Task
from cloudwright.core.tx import Reader
from cloudwright.drivers.hypervisor import contract
from cloudwright.drivers.network.contract import HostNetwork
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Network, NetworkOffering, Nic
from cloudwright.network.segment import segment_of
from cloudwright.storage.model import StoragePool, Template, Volume
from cloudwright.storage.pool.use import on_pool

VM_RATE = setting(
    "vm.network.throttling.rate", 0, "Mb/s of a default interface whose service offering says none; 0: no limit",
    scopes=("zone",), category="Network", minimum=0,
)  # fmt: skip
NETWORK_RATE = setting(
    "network.throttling.rate", 0, "Mb/s of other interfaces whose network offering says none; 0: no limit",
    scopes=("zone",), category="Network", minimum=0,
)  # fmt: skip
CDROM = 3  # the slot of the drive
ROOM = setting(
    "vm.scaling.room", 4, "how many times its size a dynamically scalable instance can grow while it runs", minimum=1, maximum=16
)


def volumes_of(reader: Reader, vm_id: int) -> list[tuple[Volume, StoragePool]]:
    """The attached volumes with their pools, root first."""
    volumes = sorted(reader.all(Volume, Volume.c.vm_id == vm_id), key=lambda volume: volume.slot or 0)
    pools = {id: reader.get(StoragePool, id) for id in {v.pool_id for v in volumes if v.pool_id is not None}}
    return [(volume, pools[volume.pool_id]) for volume in volumes if volume.pool_id is not None]


def located(task: Task, host: Host, pool: StoragePool, name: str) -> str:
    """The path of a volume or image as the host opens it."""
    return on_pool(task, host, pool, lambda driver: driver.locate(pool.pool_name, name))


def disk_of(volume: Volume, path: str) -> contract.Disk:
    """A volume as a disk of a machine; `path` is what its pool answered on the machine's host."""
    return contract.Disk(
        volume=volume.disk_name,
        path=path,
        slot=volume.slot or 0,
        format=volume.format.lower(),
        limits=volume.limits,
        cache="none" if volume.cache_mode == "hypervisor_default" else volume.cache_mode,
    )


def nic_of(reader: Reader, nic: Nic) -> contract.Nic:
    """An interface as its machine's hypervisor plugs it."""
    network, vm = reader.get(Network, nic.network_id), reader.get(Vm, nic.vm_id)
    segment = segment_of(reader, network, vm.hypervisor)
    rate = _rate(reader, nic, network, vm)
    return contract.Nic(mac=nic.mac, segment=segment, slot=nic.slot, link_up=nic.link_up, megabits_per_second=rate)


def _rate(reader: Reader, nic: Nic, network: Network, vm: Vm) -> int:
    """Mb/s of an interface, 0 for no limit: of the default one what the service offering says, of others what the network
    offering does, where they say something; else the settings."""
    if nic.is_default:
        rate = reader.get(ServiceOffering, vm.service_offering_id).network_rate
        return VM_RATE.get(reader, zone=vm.zone_id) if rate is None else rate
    rate = reader.get(NetworkOffering, network.offering_id).rate
    return NETWORK_RATE.get(reader, zone=network.zone_id) if rate is None else rate


def release_segments(task: Task, vm: Vm, host: Host) -> None:
    """Have the host take away bridges that only this machine needed. What others use is left by the driver."""
    network = task.reach(HostNetwork, host)
    for id in {nic.network_id for nic in task.read.all(Nic, Nic.c.vm_id == vm.id)}:
        row = task.read.get(Network, id)
        if row.segment_kind == "FLAT" or row.segment_number is not None:
            network.release(segment_of(task.read, row, vm.hypervisor))


def _room(reader: Reader, vm: Vm) -> dict[str, str]:
    """What a machine is started with so that it can grow."""
    times = ROOM.get(reader) if vm.dynamically_scalable else 1
    return {"max_cpus": str(vm.cpus * times), "max_memory": str(vm.memory * times)} if times > 1 else {}


def specification(task: Task, vm: Vm, host: Host) -> contract.Machine:
    """The whole machine, as it shall run on this host."""
    volumes = volumes_of(task.read, vm.id)
    disks = [disk_of(volume, located(task, host, pool, volume.disk_name)) for volume, pool in volumes]
    nics = task.read.all(Nic, Nic.c.vm_id == vm.id)
    iso = ""
    if vm.iso_id is not None and volumes:
        iso = located(task, host, volumes[0][1], task.read.get(Template, vm.iso_id).image_name)
    disks.append(contract.Disk(volume="cdrom", path=iso, slot=CDROM, format="iso", bus="ide", cdrom=True, read_only=True))
    return contract.Machine(
        name=vm.instance_name,
        uuid=vm.uuid,
        cpus=vm.cpus,
        memory=vm.memory,
        cpu_shares=max(2, vm.cpus * vm.cpu_mhz),
        cpu_limit=vm.cpu_mhz if task.read.get(ServiceOffering, vm.service_offering_id).limit_cpu else 0,
        disks=disks,
        nics=[nic_of(task.read, nic) for nic in sorted(nics, key=lambda nic: nic.slot)],
        boot_from_cdrom=bool(iso) and not any(volume.template_id for volume, _ in volumes),
        hostname=vm.name,
        details={**vm.details, **_room(task.read, vm)},
    )
