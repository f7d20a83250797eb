"""A document that uses everything, as the guest programme reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from cloudwright.appliance.document import Dhcp, Document, Egress, Forward, Host, Interface, PublicAddress, Rule

_GOLDEN = Path(__file__).parent / "golden"


def rich() -> dict[str, Any]:
    """Two guest networks, three public addresses, every kind of rule."""
    interfaces = [
        Interface("eth0", "02:00:00:00:00:01", "guest", ["10.1.1.1/24"], mtu=1450, network="n1"),
        Interface("eth2", "02:00:00:00:00:03", "guest", ["10.1.2.1/24"], network="n2"),
        Interface("eth1", "02:00:00:00:00:02", "public", ["203.0.113.10/24", "203.0.113.11/24"], "203.0.113.1"),
    ]
    web = Host("02:00:00:00:01:05", "10.1.1.5", "web1", metadata={"instance-id": "i-2-5-VM"})
    hosts = [web, Host("02:00:00:00:01:06", "10.1.1.6", "db1", default=False)]
    ssh = Rule("tcp", ["198.51.100.0/24", "192.0.2.1/32"], ports="22")
    addresses = [
        PublicAddress("203.0.113.10", "eth1", True, "", [ssh, Rule("icmp", ["0.0.0.0/0"], icmp_type=8, icmp_code=0)]),
        PublicAddress("203.0.113.11", "eth1", False, "10.1.1.6", [Rule("tcp", ports="1-65535"), Rule("all", ["192.0.2.0/24"])]),
        PublicAddress("203.0.113.12", "eth1"),
    ]
    forwards = [
        Forward("203.0.113.10", "tcp", "22", "10.1.1.5", "2222"),
        Forward("203.0.113.10", "udp", "8000-8010", "10.1.1.5", "8000-8010"),
        Forward("203.0.113.12", "tcp", "100-102", "10.1.1.5", "200-202"),
    ]
    egress = [
        Egress("eth0", "10.1.1.0/24", True, [Rule("tcp", ["10.1.1.0/24"], ["0.0.0.0/0"], "25"), Rule("47")]),
        Egress("eth2", "10.1.2.0/24", False, [Rule("udp", ["10.1.2.0/24"], ["198.51.100.7/32"], "53")]),
    ]
    dhcp = [
        Dhcp("eth0", "n1", "10.1.1.0/24", "10.1.1.1", domain="lan.internal", hosts=hosts),
        Dhcp("eth2", "n2", "10.1.2.0/24", "10.1.2.254", dns=["192.0.2.53"], dns_service=False),
    ]
    document = Document("r-1", 7, interfaces, ["192.0.2.53"], dhcp, addresses, forwards, egress)
    built: dict[str, Any] = msgspec.to_builtins(document)
    return built


def empty() -> dict[str, Any]:
    """A document that asks for nothing."""
    built: dict[str, Any] = msgspec.to_builtins(Document("r-1", 1))
    return built


def golden(name: str, text: str) -> str:
    """The text that was agreed on. With GOLDEN=write in the environment, agree on this one."""
    if os.environ.get("GOLDEN") == "write":
        (_GOLDEN / name).write_text(text)
    return (_GOLDEN / name).read_text()
