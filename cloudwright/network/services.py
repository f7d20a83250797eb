"""The network services that are built, who provides them, and what they can: names are the API's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudwright.infrastructure.service import SERVICES

ROUTER = "VirtualRouter"

CAPABILITIES = SERVICES[ROUTER]
"""What the router does today: service -> capability -> value."""

NOT_BUILT = {
    "Lb": "load balancing",
    "Vpn": "VPN",
    "SecurityGroup": "security groups",
    "NetworkACL": "network ACLs",
    "Connectivity": "an SDN controller",
    "CustomAction": "network extensions",
}
WITHOUT = {("SourceNat", "redundantrouter"), ("Gateway", "redundantrouter"), ("StaticNat", "elasticip")}
"""Capabilities that clients ask for with the value false: they are not built."""


def told(services: Mapping[str, str], chosen: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Services as answers tell them: name, provider, capabilities."""
    return [_service(name, provider, chosen.get(name, {})) for name, provider in services.items()]


def _service(name: str, provider: str, chosen: Mapping[str, str]) -> dict[str, Any]:
    capabilities = [
        {"name": key, "value": value, "canchooseservicecapability": False}
        for key, value in {**CAPABILITIES.get(name, {}), **chosen}.items()
    ]
    answer: dict[str, Any] = {"name": name, "provider": [{"name": provider}]}
    return answer | ({"capability": capabilities} if capabilities else {})
