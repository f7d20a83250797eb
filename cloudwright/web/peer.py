"""The address a request really comes from, seen past the operator's own reverse proxies."""

from __future__ import annotations

import ipaddress

from cloudwright.web.gate import Request, Settings


def peer_of(request: Request, setting: Settings) -> str:
    """The connection's other end; when that is a trusted proxy (`proxy.header.verify`, `proxy.cidr`), the last address
    in its forwarding header that is not itself a trusted proxy."""
    if not setting("proxy.header.verify"):
        return request.peer
    trusted = _networks(str(setting("proxy.cidr") or ""))
    peer = request.peer
    for name in str(setting("proxy.header.names") or "").split(","):
        for address in reversed(request.headers.get(name.strip().lower(), "").split(",")):
            if not _within(peer, trusted) or not _is_address(address.strip()):
                return peer
            peer = address.strip()
        if peer != request.peer:
            return peer
    return peer


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()]


def _within(address: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
