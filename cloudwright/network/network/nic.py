"""A machine's interface on a network: given, taken back, and what hosts are told of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.error import InUse, NoCapacity, ParamError
from cloudwright.core.prepared import Prepared
from cloudwright.core.tx import Reader, Tx
from cloudwright.network.free import Span, pick
from cloudwright.network.model import FirewallRule, Network, Nic, NicSecondary, PublicIp
from cloudwright.network.network.generation import bump
from cloudwright.network.segment import segment_of

__all__ = ["free_address", "give_nic", "new_mac", "segment_of", "take_back"]

_of: sa.BindParameter[int] = sa.bindparam("network")
_among: sa.BindParameter[str] = sa.bindparam("ips", expanding=True)
_first = sa.select(Nic.c.ip).where(Nic.c.network_id == _of, Nic.c.gone == 0, Nic.c.ip.is_not(None))
_second = sa.select(NicSecondary.c.ip).where(NicSecondary.c.network_id == _of, NicSecondary.c.gone == 0)
_TAKEN = Prepared(_first.union_all(_second))
_THESE = Prepared(_first.where(Nic.c.ip.in_(_among)).union_all(_second.where(NicSecondary.c.ip.in_(_among))))


def new_mac() -> str:
    """A locally administered hardware address that nobody has, as far as chance goes (2^40)."""
    return ":".join(["02", *(f"{byte:02x}" for byte in secrets.token_bytes(5))])


def give_nic(tx: Tx, network: Network, vm: Vm, ip: str | None = None, mac: str | None = None) -> Nic:
    """A machine's next interface, with a free address where the network has addresses; its first is its default. Bumps the
    network.

    Raises ParamError (an address that cannot be had), NoCapacity (none is free).
    """
    bump(tx, network)
    address = free_address(tx, network, ip)
    slots = {nic.slot for nic in tx.all(Nic, Nic.c.vm_id == vm.id)}
    nic = Nic(
        vm_id=vm.id, network_id=network.id, ip=address, mac=_checked_mac(tx, mac), is_default=not slots,
        slot=next(number for number in range(len(slots) + 1) if number not in slots),
        gateway=network.gateway, netmask=network.netmask,
    )  # fmt: skip
    return tx.insert(nic)


def take_back(tx: Tx, nic: Nic) -> None:
    """Take an interface away, with its further addresses and the rules that lead to it. Bumps the network; twice is once."""
    if nic.gone:
        return
    network = tx.get(Network, nic.network_id)
    generation = bump(tx, network)
    for secondary in tx.all(NicSecondary, NicSecondary.c.nic_id == nic.id):
        tx.remove(secondary)
    for rule in tx.all(FirewallRule, FirewallRule.c.nic_id == nic.id):
        revoke(tx, rule, generation)
    for address in tx.all(PublicIp, PublicIp.c.nic_id == nic.id):
        tx.update(address, static_nat=False, static_to=None, vm_id=None, nic_id=None)
    tx.remove(nic)


def revoke(tx: Tx, rule: FirewallRule, generation: int) -> None:
    """Take a rule out of force with this generation, and the rules that were opened for it."""
    tx.update(rule, state="Revoke", generation=generation)
    for related in tx.all(FirewallRule, FirewallRule.c.related_id == rule.id, FirewallRule.c.state != "Revoke"):
        tx.update(related, state="Revoke", generation=generation)


def revoke_all(tx: Tx, address: PublicIp, generation: int) -> None:
    """Take all rules on a public address out of force with this generation."""
    here = (FirewallRule.c.public_ip_id == address.id, FirewallRule.c.state != "Revoke")
    statement = FirewallRule.t.update().where(*here, FirewallRule.c.gone == 0)
    tx.execute(statement.values(state="Revoke", generation=generation, version=FirewallRule.c.version + 1))


def free_address(tx: Tx, network: Network, wanted: str | None = None) -> str | None:
    """A free guest address, the wanted one where one is wanted; None on a network without addresses. The caller bumped."""
    if network.cidr is None:
        if wanted is not None:
            raise ParamError(f"Network {network.name} has no addresses: {wanted} cannot be given there", param="ipaddress")
        return None
    if wanted is not None:
        return _checked_ip(tx, network, wanted)
    subnet = IPv4Network(network.cidr)
    hosts = Span(int(subnet.network_address) + 1, int(subnet.broadcast_address) - 1)
    gateway = int(IPv4Address(network.gateway or 0))

    def taken(numbers: Sequence[int] | None) -> set[int]:
        rows = tx.rows(_TAKEN, {"network": network.id}) if numbers is None else _found(tx, network, numbers)
        return {int(IPv4Address(row["ip"])) for row in rows} | {gateway}

    number = pick([hosts], taken)
    if number is None:
        text = f"Network {network.name} has no free address"
        raise NoCapacity(text, why=[f"all {hosts.size} addresses of {network.cidr} are taken"], fix=["use another network"])
    return str(IPv4Address(number))


def _found(reader: Reader, network: Network, numbers: Sequence[int]) -> Sequence[dict[str, Any]]:
    return reader.rows(_THESE, {"network": network.id, "ips": [str(IPv4Address(number)) for number in numbers]})


def _checked_ip(tx: Tx, network: Network, text: str) -> str:
    subnet = IPv4Network(network.cidr or "0.0.0.0/0")
    try:
        address = IPv4Address(text)
    except AddressValueError:
        raise ParamError(f"Parameter ipaddress: {text[:64]!r} is not an IPv4 address", param="ipaddress") from None
    if address not in subnet or address in (subnet.network_address, subnet.broadcast_address):
        raise ParamError(f"Parameter ipaddress: {address} is no address of a machine in {subnet}", param="ipaddress")
    if text == network.gateway:
        raise ParamError(f"Parameter ipaddress: {address} is the gateway of network {network.name}", param="ipaddress")
    if _found(tx, network, [int(address)]):
        raise InUse(f"Address {address} of network {network.name} is taken", param="ipaddress", fix=["leave ipaddress out"])
    return str(address)


def _checked_mac(tx: Tx, mac: str | None) -> str:
    if mac is None:
        fresh = new_mac()
        return fresh if tx.find(Nic, Nic.c.mac == fresh) is None else _checked_mac(tx, None)
    plain = mac.lower().replace("-", ":")
    parts = plain.split(":")
    if len(parts) != 6 or any(len(p) != 2 or not set(p) <= set("0123456789abcdef") for p in parts) or int(parts[0], 16) & 1:
        raise ParamError(f"Parameter macaddress: {mac[:64]!r} is no hardware address of one interface", param="macaddress")
    if tx.find(Nic, Nic.c.mac == plain) is not None:
        raise InUse(f"Hardware address {plain} belongs to another interface", param="macaddress")
    return plain
