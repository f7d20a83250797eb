"""What an image file is, by its own bytes, and whether it would make a reader open anything else.

Nothing here opens a file that the image names, and nothing here is a disk library: what is found is still read only in the
confinement (`confine.py`).
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from cloudwright.drivers.error import Refused
from cloudwright.drivers.qcow2 import MAGIC as QCOW2
from cloudwright.drivers.qcow2 import read_header

SECTOR = 512
_ISO_AT, _TAR_AT = 32769, 257
_FOREIGN = {
    b"# Disk Descriptor": "a VMDK descriptor, which only names other files",
    b"COWD": "an ESX sparse VMDK",
    b"LUKS": "an encrypted LUKS volume",
    b"QED\0": "a QED image",
    b"WithoutFreeSpace": "a Parallels image",
    b"WithouFreSpacExt": "a Parallels image",
    b"<<< ": "a VirtualBox image",
}
_EXTENT = re.compile(rb'^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)(?:\s+"([^"]*)")?', re.MULTILINE)
_LONGEST_DESCRIPTOR = 1 << 20
_VHD_DIFFERENCING, _VHD_TYPE_AT = 4, 60
FOUND = {"QCOW2": "qcow2", "RAW": "raw", "VMDK": "vmdk", "VHD": "vpc", "VHDX": "vhdx", "OVA": "ova", "ISO": "iso"}


def detect(path: Path) -> str:
    """qcow2, vmdk, vpc, vhdx, ova, iso or raw. Raises Refused for what is known and not supported."""
    with path.open("rb") as file:
        start = file.read(_ISO_AT + 5)
        file.seek(max(path.stat().st_size - SECTOR, 0))
        end = file.read(SECTOR)
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise Refused(f"the file is {what}, which is not supported")
    if start.startswith(QCOW2):
        return "qcow2"
    if start.startswith(b"KDMV"):
        return "vmdk"
    if start.startswith(b"vhdxfile"):
        return "vhdx"
    if b"conectix" in (start[:8], end[:8]):
        return "vpc"
    if start[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "ova"
    return "iso" if start[_ISO_AT:] == b"CD001" else "raw"


def demand(path: Path, claim: str) -> str:
    """The format found, which must be the one claimed. Raises Refused."""
    found = detect(path)
    if found != FOUND[claim]:
        name = next(name for name, format in FOUND.items() if format == found)
        raise Refused(f"the file was said to be {claim} and is {name if found != 'raw' else 'nothing of the kind'}")
    return found


def stand_alone(path: Path, format: str) -> None:
    """Raises Refused when the image would make a reader open another file, or is broken in a way seen from here."""
    if format == "qcow2":
        _qcow2(path)
    elif format == "vmdk":
        _vmdk(path)
    elif format == "vpc":
        _vpc(path)
    elif format == "raw" and path.stat().st_size % SECTOR:
        raise Refused(f"a raw disk is whole sectors of {SECTOR} bytes, and this file has {path.stat().st_size} bytes")


def _qcow2(path: Path) -> None:
    header = read_header(path)
    if header.backing:
        raise Refused("the image has a backing file: an image must stand alone")
    if header.data_file:
        raise Refused("the image keeps its data in an external file: an image must stand alone")
    if header.encrypted:
        raise Refused("the image is encrypted")


def _vmdk(path: Path) -> None:
    """A sparse extent that describes itself, and only itself."""
    with path.open("rb") as file:
        capacity, _, offset, length = struct.unpack_from("<QQQQ", file.read(SECTOR).ljust(SECTOR, b"\0"), 12)
        if not capacity or not offset or length * SECTOR > _LONGEST_DESCRIPTOR:
            raise Refused("the VMDK does not describe itself: an image must stand alone")
        file.seek(min(offset * SECTOR, path.stat().st_size))
        descriptor = file.read(length * SECTOR)
    parent = re.search(rb"^\s*parentCID\s*=\s*(\w+)", descriptor, re.MULTILINE)
    if b"parentFileNameHint" in descriptor or (parent and parent[1].lower() != b"ffffffff"):
        raise Refused("the VMDK has a parent disk: an image must stand alone")
    extents = _EXTENT.findall(descriptor)
    if len(extents) != 1 or extents[0][0] != b"SPARSE" or b"/" in extents[0][1]:
        raise Refused(f"the VMDK has {len(extents)} extents that point to other files: an image must stand alone")


def _vpc(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - SECTOR, 0))
        footer = file.read(SECTOR)
    if footer[:8] != b"conectix":
        raise Refused("the VHD is cut off: its footer is missing")
    if int.from_bytes(footer[_VHD_TYPE_AT : _VHD_TYPE_AT + 4], "big") == _VHD_DIFFERENCING:
        raise Refused("the VHD is a difference to a parent disk: an image must stand alone")
