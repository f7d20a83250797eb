"""Forgetting connections by their mark, over netlink (what `conntrack -D --mark` does)."""

from __future__ import annotations

import os
import socket
import struct

_NETFILTER = 12  # NETLINK_NETFILTER
_DELETE = (1 << 8) | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
_REQUEST_ACK = 1 | 4
_MARK, _MARK_MASK = 8, 21  # CTA_MARK, CTA_MARK_MASK


def deletion(mark: int) -> bytes:
    """The netlink message that deletes every connection with exactly this mark."""
    attributes = struct.pack("=HHI", 8, _MARK, socket.htonl(mark)) + struct.pack("=HHI", 8, _MARK_MASK, 0xFFFFFFFF)
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), _DELETE, _REQUEST_ACK, 1, 0) + body


def forget(mark: int) -> None:
    """Delete every connection with this mark. Raises OSError with the kernel's answer."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as link:
        link.settimeout(5)
        link.send(deletion(mark))
        answer = link.recv(4096)
    code = struct.unpack_from("=i", answer, 16)[0]
    if code:
        raise OSError(-code, os.strerror(-code))
