"""Which addresses a download may go to. What this module answers with is connected to as it stands, never looked up again."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urljoin, urlsplit

from msgspec import Struct

from cloudwright.drivers.error import DriverFault, Refused
from cloudwright.drivers.images.contract import FetchPolicy

_PORTS = {"http": 80, "https": 443}
_LONGEST = 2048
# IPv6 addresses that carry an IPv4 one inside, which a gateway on the way would unwrap: 6to4, Teredo, NAT64, IPv4-compatible.
_TUNNELS = [ipaddress.ip_network(text) for text in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48", "::/96")]


class Address(Struct, frozen=True):
    """A URL taken apart. `target` is path and query, as they go into the request."""

    scheme: str
    host: str
    port: int
    target: str
    url: str


def parse(url: str, policy: FetchPolicy) -> Address:
    """The parts of `url`, without looking anything up. Raises Refused naming the rule that it breaks."""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Refused(f"the address is longer than {_LONGEST} characters or has characters that no URL may have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("the address is not a URL") from None
    if parts.scheme not in policy.schemes or parts.scheme not in _PORTS:
        allowed = [scheme for scheme in policy.schemes if scheme in _PORTS]
        raise Refused(
            f"addresses may be {' or '.join(allowed) or 'of no scheme'} here, not {parts.scheme[:20] or 'without a scheme'}"
        )
    if parts.username is not None or parts.password is not None:
        raise Refused("the address has a user name or password in it, which would be kept in the clear")
    if not parts.hostname:
        raise Refused("the address names no host")
    _refuse_literal(parts.hostname, policy)
    return Address(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], _target(parts), url)


def follow(address: Address, location: str, policy: FetchPolicy) -> Address:
    """Where a redirect leads, held to the same rules. Raises Refused also when it would give up encryption."""
    onward = parse(urljoin(address.url, location), policy)
    if address.scheme == "https" and onward.scheme == "http":
        raise Refused(f"{address.host} redirects from https to http, which gives up encryption")
    return onward


def resolve(address: Address, policy: FetchPolicy) -> list[str]:
    """The IP addresses of the host that may be connected to, best first. Raises Refused when there is none."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DriverFault(f"the host name {address.host[:255]} cannot be resolved") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    open_ones = [text for text in addresses if permitted(text, policy)]
    if not open_ones:
        raise Refused(f"{address.host[:255]} is at {addresses[0]}, an internal address that may not be reached")
    return open_ones


def permitted(text: str, policy: FetchPolicy) -> bool:
    """Whether a download may connect to the IP address: it is public, or the policy allows it by name."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in ipaddress.ip_network(allowed, strict=False) for allowed in policy.allow):
        return True
    tunnelled = any(address in tunnel for tunnel in _TUNNELS)
    return address.is_global and not address.is_multicast and not tunnelled


def _refuse_literal(host: str, policy: FetchPolicy) -> None:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    if not permitted(host, policy):
        raise Refused(f"{host} is an internal address that may not be reached")


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
