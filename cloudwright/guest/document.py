"""How the guest programme reads the document: plain JSON, with a few questions that several services ask."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network
from typing import Any

Json = dict[str, Any]  # the document and its parts; cloudwright/appliance/document.py is the schema

METADATA = "169.254.169.254"


def of_role(document: Json, role: str) -> list[Json]:
    """The interfaces of one role."""
    return [interface for interface in document["interfaces"] if interface["role"] == role]


def interface(document: Json, device: str) -> Json:
    """The interface of a device; an empty one when the document has none."""
    found = [interface for interface in document["interfaces"] if interface["device"] == device]
    return found[0] if found else {"device": device, "mac": "", "role": "", "addresses": [], "gateway": "", "mtu": 1500}


def own_address(document: Json, device: str) -> str:
    """The appliance's primary address on a device, without prefix; empty when it has none."""
    addresses: list[str] = interface(document, device)["addresses"]
    return addresses[0].split("/")[0] if addresses else ""


def networks(interface: Json) -> list[IPv4Network]:
    """The IPv4 networks that an interface is on."""
    return [IPv4Interface(address).network for address in interface["addresses"]]
