"""The network services that are built, who provides them, and what they can: names are the API's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ROUTER = "VirtualRouter"

CAPABILITIES: dict[str, dict[str, str]] = {
    "Dhcp": {"DhcpAccrossMultipleSubnets": "false"},
    "Dns": {"AllowDnsSuffixModification": "true"},
    "UserData": {},
    "Gateway": {"RedundantRouter": "false"},
    "SourceNat": {"SupportedSourceNatTypes": "peraccount", "RedundantRouter": "false"},
    "StaticNat": {"ElasticIp": "false"},
    "PortForwarding": {"SupportedProtocols": "tcp,udp"},
    "Firewall": {
        "TrafficStatistics": "none",
        "SupportedProtocols": "tcp,udp,icmp",
        "SupportedEgressProtocols": "tcp,udp,icmp,all",
        "SupportedTrafficDirection": "ingress,egress",
        "MultipleIps": "true",
    },
}
"""What the router does today, by service."""

NOT_BUILT = {
    "Lb": "load balancing",
    "Vpn": "VPN",
    "SecurityGroup": "security groups",
    "NetworkACL": "network ACLs",
    "Connectivity": "an SDN controller",
    "CustomAction": "network extensions",
}
CHOOSABLE = {("SourceNat", "RedundantRouter"), ("Gateway", "RedundantRouter"), ("StaticNat", "ElasticIp")}


def told(services: Mapping[str, str], chosen: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Services as answers tell them: name, provider, capabilities."""
    return [_service(name, [provider], chosen.get(name, {})) for name, provider in services.items()]


def supported(names: Iterable[str]) -> list[dict[str, Any]]:
    """The services that may be asked for, each with all its providers."""
    return [_service(name, [ROUTER], {}) for name in names]


def _service(name: str, providers: list[str], chosen: Mapping[str, str]) -> dict[str, Any]:
    capabilities = [
        {"name": key, "value": value, "canchooseservicecapability": (name, key) in CHOOSABLE}
        for key, value in {**CAPABILITIES.get(name, {}), **chosen}.items()
    ]
    answer: dict[str, Any] = {"name": name, "provider": [{"name": provider} for provider in providers]}
    return answer | ({"capability": capabilities} if capabilities else {})
