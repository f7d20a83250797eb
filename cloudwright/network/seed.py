"""What a new installation has of networks: the offerings.

Offerings whose capability is not built (shared networks) are there, disabled, so that what names them finds them and is told.
Those of products that are not supported (NSX, Tungsten Fabric, NetScaler) and of VPCs come with their support.
"""

from __future__ import annotations

from typing import Any

from cloudwright.core.tx import Tx
from cloudwright.network.model import NetworkOffering
from cloudwright.network.services import ROUTER

_GUEST_SERVICES = ("Dhcp", "Dns", "UserData")
_ALL_SERVICES = (*_GUEST_SERVICES, "Firewall", "Gateway", "SourceNat", "StaticNat", "PortForwarding")


def _system(name: str, traffic: str, **values: Any) -> dict[str, Any]:
    required = {"traffic": traffic, "guest_type": None, "availability": "Required", "system_only": True}
    return {"name": name, "display_text": name, **required, **values}


def _guest(name: str, kind: str, text: str, services: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
    return {"name": name, "display_text": text, "guest_type": kind, "services": dict.fromkeys(services, ROUTER), **values}


OFFERINGS: list[dict[str, Any]] = [
    _system("System-Public-Network", "Public", specify_ip_ranges=True),
    _system("System-Management-Network", "Management"),
    _system("System-Control-Network", "Control"),
    _system("System-Storage-Network", "Storage", specify_ip_ranges=True),
    _guest(
        "DefaultIsolatedNetworkOfferingWithSourceNatService", "Isolated", "Offering for isolated networks with source NAT",
        _ALL_SERVICES, availability="Required", egress_allow=False,
    ),
    _guest(
        "DefaultIsolatedNetworkOffering", "Isolated", "Offering for isolated networks without source NAT", _GUEST_SERVICES,
        specify_vlan=True, specify_ip_ranges=True,
    ),
    _guest("DefaultL2NetworkOffering", "L2", "Offering for L2 networks"),
    _guest("DefaultL2NetworkOfferingVlan", "L2", "Offering for L2 networks whose VLAN is asked for", specify_vlan=True),
    _guest(
        "DefaultSharedNetworkOffering", "Shared", "Offering for shared networks", _GUEST_SERVICES,
        specify_vlan=True, specify_ip_ranges=True, state="Disabled",
    ),
    _guest(
        "DefaultSharedNetworkOfferingWithSGService", "Shared", "Offering for shared networks with security groups",
        _GUEST_SERVICES, specify_vlan=True, specify_ip_ranges=True, state="Disabled",
    ),
    _guest(
        "QuickCloudNoServices", "Shared", "Offering for shared networks without services",
        specify_vlan=True, specify_ip_ranges=True, state="Disabled",
    ),
]  # fmt: skip


def seed(tx: Tx) -> None:
    """Store what is missing. What an operator disabled stays so."""
    for known in OFFERINGS:
        if tx.find(NetworkOffering, NetworkOffering.c.name == known["name"]) is None:
            tx.insert(NetworkOffering(**{"state": "Enabled", "is_default": True, **known}))
