"""Addresses, links and the default route of the appliance."""

from __future__ import annotations

import json
from pathlib import Path

from cloudwright.guest import arp
from cloudwright.guest.document import METADATA, Json
from cloudwright.guest.process import run
from cloudwright.guest.text import token

_SYSCTL = Path("/proc/sys/net")
_LOOPBACK, _LOOPBACK_MTU = "127.0.0.1/8", 65536


def wanted(document: Json) -> Json:
    """Device -> {mtu, addresses}, and under "" the default route's {via, device}."""
    plan: Json = {}
    for interface in document["interfaces"]:
        plan[interface["device"]] = {"mtu": interface["mtu"], "addresses": list(interface["addresses"])}
    for public in document["addresses"]:
        addresses = plan[public["device"]]["addresses"]
        if public["address"] not in {address.split("/")[0] for address in addresses}:
            addresses.append(public["address"] + "/32")
    if document["dhcp"]:  # on no guest interface, so that several may answer to it
        plan["lo"] = {"mtu": _LOOPBACK_MTU, "addresses": [_LOOPBACK, METADATA + "/32"]}
    ways = [interface for interface in document["interfaces"] if interface["gateway"]]
    ways.sort(key=lambda interface: interface["role"] != "public")
    plan[""] = {"via": ways[0]["gateway"], "device": ways[0]["device"]} if ways else {}
    return plan


def changes(plan: Json, seen: list[Json], default: list[Json]) -> list[str]:
    """Lines for `ip -batch` that lead from what is seen (`ip -j address`, `ip -j route show default`) to the plan."""
    lines = []
    for link in seen:
        want = plan.get(link["ifname"])
        if want is None:
            continue
        device = token(link["ifname"])
        has = {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["family"] == "inet"}
        lines += [f"address add {token(a)} dev {device}" for a in want["addresses"] if a not in has]
        lines += [f"address del {a} dev {device}" for a in sorted(has - set(want["addresses"]))]
        if link["mtu"] != want["mtu"]:
            lines.append(f"link set {device} mtu {int(want['mtu'])}")
        if "UP" not in link["flags"]:
            lines.append(f"link set {device} up")
    way = plan[""]
    if way and [(route.get("gateway"), route["dev"]) for route in default] != [(way["via"], way["device"])]:
        lines.append(f"route replace default via {token(way['via'])} dev {token(way['device'])}")
    if not way and default:
        lines.append("route del default")
    return lines


class Interfaces:
    """Brings the interfaces to the document."""

    def __init__(self) -> None:
        self._plan: Json = {}

    def apply(self, document: Json) -> None:
        """Change what differs and announce the addresses that are new. Raises Failed."""
        plan = wanted(document)
        if plan == self._plan:
            return
        if not self._plan:
            _kernel()
        seen = json.loads(run(["ip", "-j", "address"]) or "[]")
        lines = changes(plan, seen, json.loads(run(["ip", "-j", "route", "show", "default"]) or "[]"))
        if lines:
            run(["ip", "-batch", "-"], "\n".join(lines) + "\n")
        for line in lines:
            words = line.split()
            if words[:2] == ["address", "add"] and words[4] != "lo":
                arp.announce(words[4], words[2].split("/")[0])
        self._plan = plan

    def watch(self) -> None:
        """Nothing fades by itself here."""


def _kernel() -> None:
    """A router forwards, believes no spoofed source, keeps secondary addresses, and speaks no IPv6 yet."""
    settings = {
        "ipv4/ip_forward": "1",
        "ipv4/conf/all/rp_filter": "1",
        "ipv4/conf/all/promote_secondaries": "1",
        "ipv4/conf/all/send_redirects": "0",
        "ipv4/conf/all/accept_redirects": "0",
        "ipv6/conf/all/disable_ipv6": "1",
    }
    for name, value in settings.items():
        file = _SYSCTL / name
        if file.exists():
            file.write_text(value)
    run(["ip", "link", "set", "lo", "up"])
