"""Address translation as nftables text: static NAT, port forwarding, source NAT, and hairpins."""

from __future__ import annotations

from cloudwright.guest.document import Json, networks, of_role, own_address
from cloudwright.guest.text import token


def block(kind: str, name: str, lines: list[str]) -> list[str]:
    """A named chain, set or map."""
    return [f"  {kind} {name} {{", *(f"    {line}" for line in lines), "  }"]


def elements(items: list[str]) -> str:
    """The elements of a set or map."""
    return f"elements = {{ {', '.join(items)} }}"


def statics(document: Json) -> list[tuple[str, str]]:
    """(public address, guest address) of one-to-one NAT."""
    pairs = [(public["address"], public["static_nat_to"]) for public in document["addresses"] if public["static_nat_to"]]
    return [(token(public), token(private)) for public, private in pairs]


def ports(text: str) -> tuple[int, int]:
    """First and last port of "22" or "8000-8080"."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _forward_maps(document: Json) -> tuple[list[str], list[str]]:
    """Elements of the two maps: single ports to single ports, and ranges that keep their numbers."""
    singles, spans = [], []
    for forward in document["forwards"]:
        key = f"{token(forward['public'])} . {token(forward['protocol'])}"
        (first, last), (to, _) = ports(forward["public_ports"]), ports(forward["private_ports"])
        private = token(forward["private"])
        if first != last and first == to:
            spans.append(f"{key} . {first}-{last} : {private}")
        else:  # the kernel cannot shift a range, so each of its ports has an entry
            singles += [f"{key} . {port} : {private} . {to + port - first}" for port in range(first, last + 1)]
    return singles, spans


def _destination(document: Json) -> list[str]:
    singles, spans = _forward_maps(document)
    chain = ["type nat hook prerouting priority dstnat; policy accept;"]
    key, text = "ipv4_addr . inet_proto . inet_service", []
    match = "meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map"
    if singles:
        text += block("map", "forwards", [f"type {key} : ipv4_addr . inet_service", elements(singles)])
        chain.append(f"{match} @forwards")
    if spans:
        text += block("map", "spans", [f"type {key} : ipv4_addr", "flags interval", elements(spans)])
        chain.append(f"{match} @spans")
    pairs = statics(document)
    if pairs:
        chain.append(f"dnat ip to ip daddr map {{ {', '.join(f'{a} : {b}' for a, b in pairs)} }}")
    return text + block("chain", "destination", chain)


def _source(document: Json) -> list[str]:
    guests = of_role(document, "guest")
    chain = ["type nat hook postrouting priority srcnat; policy accept;"]
    for guest in guests:  # a hairpin's answer must come back through here
        here = f'oifname "{token(guest["device"])}" ct status dnat'
        gateway = own_address(document, guest["device"])
        chain += [f"{here} ip saddr {network} snat ip to {token(gateway)}" for network in networks(guest)]
    for public in of_role(document, "public"):
        mine = [address for address in document["addresses"] if address["device"] == public["device"]]
        out = f'oifname "{token(public["device"])}"'
        pairs = statics({"addresses": mine})
        if pairs:
            chain.append(f"{out} snat ip to ip saddr map {{ {', '.join(f'{b} : {a}' for a, b in pairs)} }}")
        sources = [address["address"] for address in mine if address["source_nat"]]
        if sources:
            for network in [network for guest in guests for network in networks(guest)]:
                chain.append(f"{out} ip saddr {network} snat ip to {token(sources[0])}")
    return block("chain", "source", chain)


def text(document: Json) -> list[str]:
    """The lines of the translation chains and their maps."""
    return _destination(document) + _source(document)
