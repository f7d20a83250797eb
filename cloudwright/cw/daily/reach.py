"""Where an instance can be reached from outside."""

from __future__ import annotations

from typing import Any

from cloudwright.cw.failure import Failure
from cloudwright.cw.names import name_of
from cloudwright.cw.session import Session

SSH = 22


def reach(session: Session, machine: dict[str, Any], port: int = SSH) -> tuple[str, int]:
    """(address, port) that leads to a port of an instance: a port forwarded to it, its static NAT, or its own address where its
    network is shared. Raises Failure."""
    for rule in session.rows("listPortForwardingRules", {"listall": "true"}):
        first, last = int(rule["privateport"]), int(rule.get("privateendport") or rule["privateport"])
        if rule.get("virtualmachineid") == machine["id"] and rule.get("protocol", "tcp") == "tcp" and first <= port <= last:
            return str(rule["ipaddress"]), int(rule["publicport"]) + port - first
    nics = sorted(machine.get("nic") or [], key=lambda nic: not nic.get("isdefault"))
    for nic in nics:
        if nic.get("publicip"):
            return str(nic["publicip"]), port
    for nic in nics:
        if nic.get("type") == "Shared" and nic.get("ipaddress"):
            return str(nic["ipaddress"]), port
    name = name_of(machine)
    forward = f"virtualmachineid={name} privateport={port} publicport={port} protocol=tcp ipaddressid=ADDRESS"
    raise Failure(
        f"{name} cannot be reached from outside: no port is forwarded to its port {port}, and it has no static NAT",
        fix=[f"forward a port: cw create portforwardingrule {forward}"],
    )
