"""Telling the neighbours of an address that moved here, so that none waits for its cache to expire."""

from __future__ import annotations

import socket
import struct

_BROADCAST = b"\xff" * 6
_ARP = 0x0806


def announcement(mac: bytes, address: str) -> bytes:
    """A gratuitous ARP request (RFC 5227) as an Ethernet frame."""
    own = socket.inet_aton(address)
    header = struct.pack("!6s6sHHHBBH", _BROADCAST, mac, _ARP, 1, 0x0800, 6, 4, 1)
    return header + struct.pack("!6s4s6s4s", mac, own, bytes(6), own)


def announce(device: str, address: str) -> None:
    """Send it; a link that is down hears nothing and needs nothing."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        try:
            raw.bind((device, _ARP))
            raw.send(announcement(raw.getsockname()[4], address))
        except OSError:
            return
