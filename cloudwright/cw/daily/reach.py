"""Where an instance can be reached from outside."""

from __future__ import annotations

from typing import Any, NamedTuple

from cloudwright.cw.failure import Failure
from cloudwright.cw.names import name_of
from cloudwright.cw.session import Session

SSH = 22
Row = dict[str, Any]


class Way(NamedTuple):
    """An address and a port that lead to a port of an instance, and by what."""

    host: str
    port: int
    by: str


def reach(session: Session, machine: Row, port: int = SSH, private: bool = False) -> Way:
    """The way to a port of an instance: a public port that is forwarded to it, its static NAT, or its own address where its
    network is shared; with `private` its own address in whatever network, for callers inside. Raises Failure."""
    name = name_of(machine)
    if machine.get("state") not in (None, "Running"):
        raise Failure(f"{name} is {machine['state']}, not Running", fix=[f"cw vm start {name}"])
    nics = sorted(machine.get("nic") or [], key=lambda nic: not nic.get("isdefault"))
    way = None if private else _forwarded(session, machine, port) or _translated(nics, port)
    way = way or _own(nics, port, private)
    if way is None and private:
        raise Failure(f"{name} has no address of its own", fix=[f"cw list nics virtualmachineid={name}"])
    if way is None:
        raise Failure(
            f"{name} cannot be reached from outside: no port is forwarded to its port {port}, it has no static NAT, and none of "
            "its networks is shared",
            fix=[
                f"forward a port: cw create portforwardingrule virtualmachineid={name} privateport={port} publicport={port} "
                f"protocol=tcp ipaddressid={_address(session, nics) or 'ADDRESS'}",
                f"from inside its network: cw vm ssh {name} --private",
            ],
        )
    return way


def _forwarded(session: Session, machine: Row, port: int) -> Way | None:
    for rule in session.rows("listPortForwardingRules", {"listall": "true"}):
        first, last = int(rule["privateport"]), int(rule.get("privateendport") or rule["privateport"])
        if (
            rule.get("virtualmachineid") == machine["id"]
            and rule.get("protocol", "tcp").lower() == "tcp"
            and first <= port <= last
        ):
            return Way(str(rule["ipaddress"]), int(rule["publicport"]) + port - first, "a forwarded port")
    return None


def _translated(nics: list[Row], port: int) -> Way | None:
    return next((Way(str(nic["publicip"]), port, "static NAT") for nic in nics if nic.get("publicip")), None)


def _own(nics: list[Row], port: int, private: bool) -> Way | None:
    fitting = [nic for nic in nics if private or nic.get("type") == "Shared"]
    addresses = [str(nic.get("ipaddress") or nic.get("ip6address") or "") for nic in fitting]
    return next((Way(address, port, "its own address") for address in addresses if address), None)


def _address(session: Session, nics: list[Row]) -> str:
    """A public address of one of the instance's networks, "" where there is none."""
    if "listPublicIpAddresses" not in session.catalogue:
        return ""
    networks = [nic.get("networkid") for nic in nics]
    rows = session.rows("listPublicIpAddresses", {"listall": "true"})
    fitting = [row for row in rows if row.get("associatednetworkid") in networks and not row.get("isstaticnat")]
    return str(fitting[0]["ipaddress"]) if fitting else ""
