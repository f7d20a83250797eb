"""Which networks a new instance gets, from the three ways in which callers say so."""

from __future__ import annotations

from typing import Protocol

import msgspec

from cloudwright.core.access import Caller, Use, prepared_lookup
from cloudwright.core.error import ParamError
from cloudwright.core.event import emit
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account
from cloudwright.identity.owner import naming
from cloudwright.infrastructure.model import Zone
from cloudwright.network.model import Network, NetworkOffering
from cloudwright.network.network.create import CreateNetwork

FIRST_OFFERING = "DefaultIsolatedNetworkOfferingWithSourceNatService"


class Wanted(msgspec.Struct):
    """A network and, where the caller chose them, the addresses on it."""

    network: Network
    ip: str | None = None
    mac: str | None = None


class Asked(Protocol):
    """The parameters of a command that names networks."""

    networks: list[Network] | None
    ip_to_network_list: list[dict[str, str]] | None

    def judge(self, reader: Reader, caller: Caller, *rows: Resource) -> None: ...


def wanted_networks(asked: Asked, tx: Tx, caller: Caller) -> list[Wanted]:
    """The networks asked for; none when the caller left it open."""
    if asked.networks and asked.ip_to_network_list:
        raise ParamError("Parameter networkids: give networkids or iptonetworklist, not both", param="networkids")
    if asked.networks:
        return [Wanted(network) for network in asked.networks]
    return [_entry(asked, tx, caller, entry) for entry in asked.ip_to_network_list or []]


def _entry(asked: Asked, tx: Tx, caller: Caller, entry: dict[str, str]) -> Wanted:
    entry = {key.lower(): value for key, value in entry.items()}
    row = tx.one(prepared_lookup(Network, caller.kind, Use.USE), {"value": entry.get("networkid", "").lower(), **caller.binds()})
    if row is None:
        text = f"Parameter iptonetworklist: there is no network {entry.get('networkid', '')!r} that you may use"
        raise ParamError(text, param="iptonetworklist")
    network = Network.load(row)
    asked.judge(tx, caller, network)
    return Wanted(network, entry.get("ip") or None, entry.get("mac") or None)


def default_network(tx: Tx, caller: Caller, account: Account, zone: Zone) -> Network:
    """The account's own isolated network in the zone; made where it has none yet. Raises ParamError where it has several."""
    own = (
        Network.c.account_id == account.id,
        Network.c.zone_id == zone.id,
        Network.c.guest_type == "Isolated",
        Network.c.vpc_id.is_(None),
    )
    networks = tx.all(Network, *own)
    if len(networks) > 1:
        names = ", ".join(network.name for network in networks[:10])
        raise ParamError("Parameter networkids: the account has several networks in this zone", param="networkids", why=[names])
    return networks[0] if networks else _made(tx, caller, account, zone)


def _made(tx: Tx, caller: Caller, account: Account, zone: Zone) -> Network:
    offering = tx.find(NetworkOffering, NetworkOffering.c.name == FIRST_OFFERING, NetworkOffering.c.state == "Enabled")
    if offering is None:
        text = "Parameter networkids: the account has no network in this zone, and the offering of a first one is not enabled"
        raise ParamError(
            text,
            param="networkids",
            why=[f"network offering {FIRST_OFFERING}"],
            fix=["create a network (createNetwork), then name it"],
        )
    what = {"name": f"{account.name}-network", "networkofferingid": offering.uuid, "zoneid": zone.uuid}
    network = CreateNetwork.sent(tx, caller, **naming(tx, account), **what).run(tx, caller)
    emit(tx, "NETWORK.CREATE", f"Made {network.name}, the account's first network", about=network, caller=caller)
    return network
