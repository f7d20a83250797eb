"""The firewall as nftables text.

Every connection is judged by the addresses and ports with which it began (conntrack's original tuple), whichever way its
packet goes. An allowed connection gets the ruleset's mark and passes by that mark from then on. Another ruleset has another
mark, so it judges every connection once again: those still allowed go on, the others are cut at their next packet, marked
REFUSED and forgotten soon after. So the text alone decides, and nothing is compared with what was before.
"""

from __future__ import annotations

from ipaddress import IPv4Network, collapse_addresses
from zlib import crc32

from cloudwright.guest import nat
from cloudwright.guest.document import METADATA, Json, of_role, own_address
from cloudwright.guest.nat import block, elements, ports, statics
from cloudwright.guest.text import token

REFUSED = 0xDEAD
_TABLE = "table ip cloudwright"
_MARK = "@MARK@"


def ruleset(document: Json) -> str:
    """The whole table, to be loaded in one transaction by `nft -f`."""
    lines = [_TABLE, f"delete {_TABLE}", f"{_TABLE} {{", *nat.text(document), *_verdicts()]
    lines += _ingress(document) + _egress(document) + _forward(document) + _input(document)
    text = "\n".join([*lines, "}"]) + "\n"
    mark = crc32(text.encode())
    return text.replace(_MARK, f"{mark if mark not in (0, REFUSED) else 1:#010x}")


def match(rule: Json) -> str:
    """The condition of one rule, by the original direction of the connection."""
    words = [_addresses("saddr", rule["sources"]), _addresses("daddr", rule["destinations"])]
    protocol = token(rule["protocol"]).lower()
    if protocol != "all":
        words.append(f"meta l4proto {protocol}")
    if protocol in ("tcp", "udp") and rule["ports"]:
        first, last = ports(rule["ports"])
        words.append(f"ct original proto-dst {first}" + (f"-{last}" if last != first else ""))
    if protocol == "icmp":
        words += [f"icmp {name} {int(rule[f'icmp_{name}'])}" for name in ("type", "code") if rule[f"icmp_{name}"] >= 0]
    return " ".join(word for word in words if word)


def _addresses(side: str, cidrs: list[str]) -> str:
    merged = list(collapse_addresses(IPv4Network(cidr, strict=False) for cidr in cidrs))
    if not merged or merged[0].prefixlen == 0:
        return ""
    return f"ct original ip {side} {{ {', '.join(map(str, merged))} }}"


def _verdicts() -> list[str]:
    allow = block("chain", "allow", [f"ct mark set {_MARK} accept"])
    return allow + block("chain", "refuse", [f"ct mark set {REFUSED:#x} drop"])


def _ingress(document: Json) -> list[str]:
    """One chain a public address: the translation must still be wanted, and a rule must let the sender in."""
    text, static = [], dict(statics(document))
    for public in document["addresses"]:
        address = token(public["address"])
        name = address.replace(".", "_")
        live = [f"ct reply ip saddr {static[address]} return"] if address in static else []
        live += [_alive(forward) for forward in document["forwards"] if forward["public"] == address]
        text += block("chain", f"live_{name}", [*live, "goto refuse"])
        rules = [f"{match(rule)} goto allow".strip() for rule in public["ingress"]]
        text += block("chain", f"in_{name}", [f"ct status dnat jump live_{name}", *rules, "goto refuse"])
    return text


def _alive(forward: Json) -> str:
    (first, last), (to, _) = ports(forward["public_ports"]), ports(forward["private_ports"])
    span = f"{first}-{last}" if last != first else f"{first}"
    reply = f"{to}-{to + last - first}" if last != first else f"{to}"
    words = f"meta l4proto {token(forward['protocol'])} ct original proto-dst {span}"
    return f"{words} ct reply ip saddr {token(forward['private'])} ct reply proto-src {reply} return"


def _egress(document: Json) -> list[str]:
    text = []
    for egress in document["egress"]:
        exception, default = ("refuse", "allow") if egress["allow"] else ("allow", "refuse")
        rules = [f"{match(rule)} goto {exception}".strip() for rule in egress["rules"]]
        text += block("chain", f"out_{token(egress['device'])}", [*rules, f"goto {default}"])
    return text


def _forward(document: Json) -> list[str]:
    chain = ["type filter hook forward priority filter; policy drop;", "ct state invalid drop"]
    chain += [f"ct mark {_MARK} accept", "ct state related accept", "meta l4proto icmp ct direction reply accept"]
    pairs = statics(document)
    if pairs:  # a guest that lost its static NAT must not go on under that address
        kept = ", ".join(f"{private} . {public}" for public, private in pairs)
        lost = f"ct original ip saddr . ct reply ip daddr != {{ {kept} }} goto refuse"
        chain.append(f"ct status snat ct reply ip daddr {{ {', '.join(public for public, _ in pairs)} }} {lost}")
    names = [token(public["address"]) for public in document["addresses"]]
    if names:
        ways = ", ".join(f"{name} : goto in_{name.replace('.', '_')}" for name in names)
        chain.append(f"ct original ip daddr vmap {{ {ways} }}")
    for egress in document["egress"]:
        device, cidr = token(egress["device"]), token(egress["cidr"])
        for public in (token(interface["device"]) for interface in of_role(document, "public")):
            rest = f"ct original ip saddr {cidr} goto out_{device}"
            chain.append(f'ct direction original iifname "{device}" oifname "{public}" {rest}')
            chain.append(f'ct direction reply iifname "{public}" oifname "{device}" {rest}')
    return block("chain", "forward", [*chain, "goto refuse"])


def _input(document: Json) -> list[str]:
    """To the appliance itself: guests may ask its services; the outside may ping a public address where a rule says so."""
    chain = ["type filter hook input priority filter; policy drop;", 'iifname "lo" accept']
    text = []
    names = [token(public["address"]) for public in document["addresses"]]
    if names:
        ways = ", ".join(f"{name} : goto in_{name.replace('.', '_')}" for name in names)
        chain.append(f"ct direction original meta l4proto icmp ip daddr vmap {{ {ways} }}")
    for dhcp in document["dhcp"]:
        device = token(dhcp["device"])
        here, own = f'iifname "{device}"', token(own_address(document, dhcp["device"]))
        chain += [f"{here} udp sport 68 udp dport 67 accept", f"{here} ip daddr {own} icmp type echo-request accept"]
        if dhcp["dns_service"]:
            chain.append(f"{here} ip daddr {own} meta l4proto {{ tcp, udp }} th dport 53 ip saddr {token(dhcp['cidr'])} accept")
        if dhcp["hosts"]:
            known = [f"{token(host['mac'])} . {token(host['address'])}" for host in dhcp["hosts"]]
            text += block("set", f"hosts_{device}", ["type ether_addr . ipv4_addr", elements(known)])
            asked = f"ip daddr {{ {own}, {METADATA} }} tcp dport {{ 80, 8080 }}"
            chain.append(f"{here} {asked} ether saddr . ip saddr @hosts_{device} accept")
    chain.append("ct direction reply ct state established,related accept")
    return text + block("chain", "input", chain)
