"""Metadata on port 80 and passwords on port 8080 of every guest interface.

A machine is who its source address says on the interface where it asks; headers are not believed. The firewall lets only
packets through whose hardware address belongs to that source address.
"""

from __future__ import annotations

from cloudwright.guest import metadata
from cloudwright.guest.document import Json
from cloudwright.guest.http import Server
from cloudwright.guest.password import Passwords


class UserData:
    """Holds one pair of servers a device."""

    def __init__(self, directory: str) -> None:
        self._passwords = Passwords(f"{directory}/passwords.json")
        self._hosts: dict[tuple[str, str], Json] = {}  # (device, address) -> host
        self._servers: dict[str, list[Server]] = {}

    def apply(self, document: Json) -> None:
        """Know the document's machines, and serve on its interfaces. Raises Failed."""
        self._hosts = {(dhcp["device"], host["address"]): host for dhcp in document["dhcp"] for host in dhcp["hosts"]}
        self._passwords.keep({host["mac"] for host in self._hosts.values()})
        devices = {dhcp["device"] for dhcp in document["dhcp"]}
        for device in self._servers.keys() - devices:
            for server in self._servers.pop(device):
                server.close()
        for device in sorted(devices - self._servers.keys()):
            self._servers[device] = self._open(device)

    def watch(self) -> None:
        """The servers live as long as this process."""

    def _open(self, device: str) -> list[Server]:
        def tell(address: str, path: str, _: dict[str, str]) -> tuple[int, bytes]:
            return metadata.answer(self._hosts.get((device, address)), path)

        def hand_out(address: str, _: str, headers: dict[str, str]) -> tuple[int, bytes]:
            return self._passwords.answer(self._hosts.get((device, address)), headers)

        return [Server(device, 80, tell), Server(device, 8080, hand_out)]
