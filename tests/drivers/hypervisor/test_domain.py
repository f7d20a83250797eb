"""Domain XML against golden files, and read back. CLOUDWRIGHT_GOLDEN=write writes them anew, to be reviewed as a diff."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloudwright.drivers.error import Refused
from cloudwright.drivers.hypervisor.contract import Disk, Limit, Limits, Machine, Nic
from cloudwright.drivers.hypervisor.kvm import reading
from cloudwright.drivers.hypervisor.kvm.domain import Look, disk_element, render
from cloudwright.drivers.hypervisor.kvm.plug import Wire
from cloudwright.drivers.segment import Segment, SegmentKind

GOLDEN = Path(__file__).parents[2] / "golden" / "kvm"
UUID = "0b6cf7a6-2f0b-4b44-9d4b-6d3f2d6f0c11"
SMALL = Machine(f"i-{UUID}", UUID, 1, 128, [Disk("v-root", "/pool/v-root", 0)])
FULL = Machine(
    name=f"i-{UUID}",
    uuid=UUID,
    cpus=2,
    memory=2048,
    disks=[
        Disk("v-c", "nfs://store/export/v-c", 4, bus="scsi", read_only=True),
        Disk("v-a", "/dev/vg/v-a", 0, "raw", limits=Limits(Limit(1 << 20, 2 << 20, 5), Limit(1 << 20), Limit(500), Limit(400))),
        Disk("t-iso", "/images/t & iso", 3, "iso", bus="ide", cdrom=True),
    ],
    nics=[
        Nic("02:00:00:00:00:02", Segment(SegmentKind.VXLAN, "cloudbr0", 5001, 1450), 1, link_up=False),
        Nic("02:00:00:00:00:01", Segment(SegmentKind.VLAN, "cloudbr0", 100), 0, megabits_per_second=100),
    ],
    cpu_shares=500,
    boot_from_cdrom=True,
    console_password="s3cr3t",
    hostname="web<1>",
    details={"max_cpus": "4", "max_memory": "4096"},
)


def wire(segment: Segment) -> Wire:
    if segment.kind is SegmentKind.VLAN:
        return Wire(segment.label, openvswitch=True, tag=segment.tag, mtu=segment.mtu, offloads=False)
    return Wire(f"br-{segment.tag}", mtu=segment.mtu)


@pytest.mark.parametrize(
    ("name", "machine", "look"),
    [("small", SMALL, Look()), ("full", FULL, Look(accelerated=True, cpu_shares=True)), ("full-tcg", FULL, Look())],
)
def test_a_domain_renders_as_reviewed(name: str, machine: Machine, look: Look) -> None:
    path, xml = GOLDEN / f"{name}.xml", render(machine, look, wire) + "\n"
    if os.environ.get("CLOUDWRIGHT_GOLDEN") == "write":
        path.write_text(xml)
    assert xml == path.read_text()


def test_a_domain_tells_of_its_machine() -> None:
    xml = reading.parse(render(FULL, Look(), wire))
    assert reading.is_ours(xml)
    assert [(disk.volume, disk.slot, disk.path) for disk in reading.disks(xml)] == [
        ("v-a", 0, "/dev/vg/v-a"),
        ("v-c", 4, "/export/v-c"),
    ]
    assert [(nic.mac, nic.slot) for nic in reading.nics(xml)] == [("02:00:00:00:00:01", 0), ("02:00:00:00:00:02", 1)]
    assert reading.cpus(xml) == (2, 4)
    assert not reading.agent_connected(xml)


def test_a_foreign_domain_is_not_ours() -> None:
    assert not reading.is_ours(reading.parse("<domain><name>i-1</name><metadata/></domain>"))


@pytest.mark.parametrize(
    ("disk", "words"),
    [
        (Disk("v-1", "rbd:pool/image", 0), "nfs:// URLs as disks, not rbd"),
        (Disk("v-1", "/p/v-1", 0, bus="floppy"), "disk bus floppy"),
        (Disk("v 1", "/p/v-1", 0), "volume name 'v 1'"),
    ],
)
def test_a_disk_that_cannot_be_is_refused(disk: Disk, words: str) -> None:
    with pytest.raises(Refused, match=words):
        disk_element(disk)
