"""Which network services there are, and which provider can do what."""

from __future__ import annotations

from typing import Any

from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.param import param
from cloudwright.core.tx import Reader

_ROUTER: dict[str, dict[str, str]] = {
    "Dhcp": {"DhcpAccrossMultipleSubnets": "true"},
    "Dns": {"AllowDnsSuffixModification": "true"},
    "Firewall": {
        "SupportedProtocols": "tcp,udp,icmp",
        "SupportedEgressProtocols": "tcp,udp,icmp,all",
        "SupportedTrafficDirection": "ingress,egress",
        "MultipleIps": "true",
    },
    "Gateway": {},
    "PortForwarding": {"SupportedProtocols": "tcp,udp"},
    "SourceNat": {"SupportedSourceNatTypes": "peraccount"},
    "StaticNat": {},
    "UserData": {},
}
SERVICES: dict[str, dict[str, dict[str, str]]] = {"VirtualRouter": _ROUTER, "VpcVirtualRouter": _ROUTER}
"""Provider -> service -> capability -> value. Every physical network has these providers, disabled to begin with."""

ROUTERS = tuple(SERVICES)
"""Providers whose appliances the zone wizard enables as virtual router elements."""
_CHOSEN = {"SupportedSourceNatTypes"}  # capabilities that an offering chooses a value of


class ListSupportedNetworkServices(
    Query,
    response={
        "name": ("string", "the service"),
        "provider": ("list", "the providers that can do it"),
        "capability": ("list", "what it can"),
    },
):
    """Lists the network services that there are, with their providers and what they can."""

    provider: str | None = param("only those of this provider")
    service: str | None = param("only this one")
    keyword: str | None = param("only those in whose name this occurs")
    page: int | None = param("which page, from 1", minimum=1)
    page_size: int | None = param("how many on a page", minimum=1)

    def run(self, reader: Reader, caller: Caller) -> Told:
        providers = {p: s for p, s in SERVICES.items() if self.provider is None or p.lower() == self.provider.lower()}
        names = sorted({name for services in providers.values() for name in services})
        if self.service is not None:
            names = [name for name in names if name.lower() == self.service.lower()]
        names = [name for name in names if (self.keyword or "").lower() in name.lower()]
        size = self.page_size or len(names)
        start = ((self.page or 1) - 1) * size
        return Told("networkservice", [_told(name, providers) for name in names[start : start + size]], len(names))


def _told(service: str, providers: dict[str, dict[str, dict[str, str]]]) -> dict[str, Any]:
    able = [name for name, services in providers.items() if service in services]
    capabilities = {k: v for name in able for k, v in providers[name][service].items()}
    return {
        "name": service,
        "provider": [{"name": name, "state": "Enabled", "canenableindividualservice": True} for name in able],
        "capability": [
            {"name": name, "value": value, "canchooseservicecapability": name in _CHOSEN} for name, value in capabilities.items()
        ],
    }
