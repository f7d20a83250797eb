"""What a guest, or somebody in the internet, does with a network: DHCP, DNS, HTTP, TCP and UDP, over sockets of its namespace."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

from tests.real.host_space import within

WAIT = 2.0  # seconds for an answer that should come
SHORT = 0.4  # seconds for one that should not


class Peer:
    """Somebody in a namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def socket(self, kind: int = socket.SOCK_STREAM, family: int = socket.AF_INET) -> socket.socket:
        """A socket in the namespace."""
        made = within(self.namespace, lambda: socket.socket(family, kind))
        made.settimeout(WAIT)
        return made

    @contextlib.contextmanager
    def listening(self, port: int, address: str = "") -> Iterator[socket.socket]:
        """A TCP listener."""
        with self.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((address, port))
            server.listen(16)
            yield server

    @contextlib.contextmanager
    def receiving(self, port: int) -> Iterator[socket.socket]:
        """A UDP receiver."""
        with self.socket(socket.SOCK_DGRAM) as receiver:
            receiver.bind(("", port))
            yield receiver

    @contextlib.contextmanager
    def connected(self, address: str, port: int, timeout: float = WAIT) -> Iterator[socket.socket]:
        """A TCP connection; raises TimeoutError where it is dropped."""
        with self.socket() as client:
            client.settimeout(timeout)
            client.connect((address, port))
            client.settimeout(WAIT)
            yield client

    def reaches(self, address: str, port: int) -> bool:
        """Whether a TCP connection is answered at all (accepted or refused), not dropped."""
        try:
            with self.connected(address, port, SHORT):
                return True
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False

    def pings(self, address: str) -> bool:
        """Whether an echo request is answered."""
        number = int.from_bytes(os.urandom(2), "big")
        with within(self.namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)) as raw:
            raw.settimeout(SHORT)
            head = struct.pack("!BBHHH", 8, 0, 0, number, 1)
            raw.sendto(struct.pack("!BBHHH", 8, 0, _checksum(head), number, 1), (address, 0))
            deadline = time.monotonic() + SHORT
            while time.monotonic() < deadline:
                try:
                    packet = raw.recv(2048)[20:]
                except TimeoutError:
                    return False
                if packet[0] == 0 and struct.unpack("!H", packet[4:6])[0] == number:
                    return True
        return False

    def get(self, address: str, path: str, port: int = 80, headers: str = "") -> tuple[int, bytes]:
        """Status and body of a GET request."""
        with self.connected(address, port) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n".encode())
            data = b"".join(iter(lambda: client.recv(65536), b""))
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def resolve(self, server: str, name: str, kind: int = 1, wait: float = WAIT) -> list[str]:
        """The answers to an A (1) or PTR (12) question; raises TimeoutError when nobody answers."""
        with self.socket(socket.SOCK_DGRAM) as client:
            client.settimeout(wait)
            question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
            client.sendto(struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack("!HH", kind, 1), (server, 53))
            return answers(client.recv(4096))


def answers(packet: bytes) -> list[str]:
    """The A and PTR records of a DNS answer."""
    count = struct.unpack("!6H", packet[:12])[3]
    at = _name(packet, 12)[1] + 4
    found = []
    for _ in range(count):
        at = _name(packet, at)[1]
        kind, _, _, size = struct.unpack("!HHIH", packet[at : at + 10])
        at += 10
        if kind == 1:
            found.append(socket.inet_ntoa(packet[at : at + 4]))
        if kind == 12:
            found.append(_name(packet, at)[0])
        at += size
    return found


def _name(packet: bytes, at: int) -> tuple[str, int]:
    parts = []
    while packet[at]:
        if packet[at] >= 0xC0:
            offset = struct.unpack("!H", packet[at : at + 2])[0] & 0x3FFF
            return ".".join([*parts, _name(packet, offset)[0]]), at + 2
        parts.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(parts), at + 1


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def frame(source_mac: str, source: str, target: str, ports: tuple[int, int], payload: bytes, target_mac: str = "") -> bytes:
    """An Ethernet frame with a UDP packet, as a guest that lies may send it."""
    mac = bytes.fromhex(source_mac.replace(":", ""))
    to = bytes.fromhex(target_mac.replace(":", "")) if target_mac else b"\xff" * 6
    udp = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 69, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
    ip = ip[:10] + struct.pack("!H", _checksum(ip)) + ip[12:]
    return to + mac + b"\x08\x00" + ip + udp


def dhcp(peer: Peer, mac: str, wait: float = WAIT, device: str = "eth0") -> dict[int, bytes] | None:
    """Discover, request, and the options of the acknowledgement (0 is the address); None when nobody offers."""
    with peer.socket(socket.SOCK_RAW, socket.AF_PACKET) as raw:
        raw.bind((device, 0x0800))
        offer = _exchange(raw, mac, [(53, b"\x01")], wait)
        if offer is None:
            return None
        wanted = [(53, b"\x03"), (50, offer[0]), (54, offer[54])]
        return _exchange(raw, mac, wanted, wait)


def _exchange(raw: socket.socket, mac: str, options: list[tuple[int, bytes]], wait: float) -> dict[int, bytes] | None:
    number = os.urandom(4)
    hardware = bytes.fromhex(mac.replace(":", ""))
    asked = [*options, (55, bytes([1, 3, 6, 12, 15, 26, 121]))]
    tail = b"".join(bytes([code, len(value)]) + value for code, value in asked) + b"\xff"
    head = struct.pack("!BBBB4sHH16x16s192x", 1, 1, 6, 0, number, 0, 0x8000, hardware)
    payload = head + bytes.fromhex("63825363") + tail
    raw.send(frame(mac, "0.0.0.0", "255.255.255.255", (68, 67), payload))
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        raw.settimeout(left)
        try:
            packet = raw.recv(4096)[14:]
        except TimeoutError:
            return None
        answer = packet[28:]
        if packet[9] == 17 and packet[20:24] == struct.pack("!HH", 67, 68) and answer[4:8] == number:
            return {0: answer[16:20]} | _options(answer[240:])
    return None


def _options(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(data) and data[at] != 255:
        if data[at]:
            found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
            at += 1 + data[at + 1]
        at += 1
    return found
