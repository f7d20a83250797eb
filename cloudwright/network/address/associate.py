"""Taking public addresses, and letting them go with everything on them."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use, prepared_lookup
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedBy, owner
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone
from cloudwright.network.address.take import take_address
from cloudwright.network.address.view import PublicIpView
from cloudwright.network.model import Network, NetworkOffering, PublicIp
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.generation import bump
from cloudwright.network.network.nic import revoke_all


class AssociateIpAddress(OwnedBy, Command, answers=PublicIpView, creates=PublicIp, starts=ApplyNetwork, event="NET.IPASSIGN"):
    """Takes a public address for a network."""

    zone: Ref[Zone] | None = param("the zone, where the account has one isolated network with source NAT")
    network: Ref[Network] | None = param("the network it shall serve", use=Use.CHANGE)
    ip_address: str | None = param("this address and no other")
    is_portable: bool = param("true: one that may move between zones", default=False)
    regionid: int | None = param("the region of a portable address", check=not_built("portable addresses"))
    for_display: bool = param("whether its owner is shown it", default=True, roles=("Admin",), since="4.4")
    vpcid: str | None = param("the VPC it shall serve", kind="uuid")

    def run(self, tx: Tx, caller: Caller) -> PublicIp:
        for name, what in (("is_portable", "portable addresses"), ("vpcid", "VPCs")):
            if self.__dict__[name]:
                wire_name = self.api.params[name].wire_name
                raise ParamError(f"Parameter {wire_name}: {what} are not built yet", param=wire_name)
        network = self.network or self._only_network(tx, owner(tx, caller, self))
        if network.state in ("Shutdown", "Destroy"):
            raise WrongState(f"Network {network.name} is {network.state}", param="networkid")
        offering = tx.get(NetworkOffering, network.offering_id)
        if "SourceNat" not in offering.services:
            text = f"Network {network.name} has no service SourceNat, so it takes no public addresses"
            raise ParamError(text, param="networkid", why=[f"its offering is {offering.name}"])
        generation = bump(tx, network)
        first = tx.find(PublicIp, PublicIp.c.network_id == network.id, PublicIp.c.source_nat.is_(True)) is None
        address = take_address(
            tx, network.zone_id, tx.get(Account, network.account_id), self.ip_address, network_id=network.id, state="Allocating",
            generation=generation, source_nat=first, display=self.for_display,
        )  # fmt: skip
        task = ApplyNetwork(network=network.id, address=address.id, wake=False)
        self.start(tx, task, network, caller, about=address)
        return address

    def _only_network(self, tx: Tx, account: Account) -> Network:
        if self.zone is None:
            raise ParamError("Parameter networkid is missing: which network shall it serve?", param="networkid")
        nat = sa.select(NetworkOffering.c.id).where(sa.cast(NetworkOffering.c.services, sa.Text).like('%"SourceNat"%'))
        mine = (Network.c.account_id == account.id, Network.c.zone_id == self.zone.id, Network.c.guest_type == "Isolated")
        known = tx.all(Network, *mine, Network.c.offering_id.in_(nat))
        if len(known) != 1:
            raise ParamError(
                f"Parameter networkid is missing: account {account.name} has {len(known)} isolated networks with source NAT in "
                f"zone {self.zone.name}, so it must be said which",
                param="networkid", why=[network.name for network in known[:8]],
            )  # fmt: skip
        return known[0]


class DisassociateIpAddress(Command, starts=ApplyNetwork, event="NET.IPRELEASE"):
    """Lets a public address go, with all rules on it."""

    id: Ref[PublicIp] | None = param("the address's id", use=Use.CHANGE)
    ip_address: str | None = param("the address, instead of its id", since="4.19.0")

    def run(self, tx: Tx, caller: Caller) -> PublicIp:
        address = self.id or self._named(tx, caller)
        if address.source_nat:
            raise ParamError(
                f"Public address {address.address} is for source NAT: the network's machines leave by it", param="id",
                fix=["choose another with updateNetwork sourcenatipaddress=… first", "delete the network"],
            )  # fmt: skip
        if address.network_id is None:
            raise WrongState(f"Public address {address.address} serves no network: the system holds it", param="id")
        network = tx.get(Network, address.network_id)
        generation = bump(tx, network)
        revoke_all(tx, address, generation)
        tx.update(address, state="Releasing", static_nat=False, static_to=None, vm_id=None, nic_id=None, generation=generation)
        self.start(tx, ApplyNetwork(network=network.id, wake=False), network, caller, about=address)
        return address

    def _named(self, tx: Tx, caller: Caller) -> PublicIp:
        if self.ip_address is None:
            raise ParamError("Parameter id is missing", param="id")
        found = prepared_lookup(PublicIp, caller.kind, Use.CHANGE, "address")
        row = tx.one(found, {"value": self.ip_address, **caller.binds()})
        if row is None:
            text = f"Parameter ipaddress: there is no public address {self.ip_address[:64]!r} that you may change"
            raise ParamError(text, param="ipaddress")
        address = PublicIp.load(row)
        self.judge(tx, caller, address)
        return address


class UpdateIpAddress(Command, answers=PublicIpView, starts=ApplyNetwork, event="NET.IPUPDATE"):
    """Changes whether a public address is shown to its owner."""

    id: Ref[PublicIp] = param("the address", use=Use.CHANGE)
    for_display: bool | None = param("whether its owner is shown it", roles=("Admin",), since="4.4")
    custom_id: str | None = param("an id of your own for it", roles=("Admin",))

    def run(self, tx: Tx, caller: Caller) -> PublicIp:
        if self.custom_id is not None:
            raise ParamError("Parameter customid: ids of one's own are not built yet", param="customid")
        address = self.id
        if address.network_id is None:
            raise WrongState(f"Public address {address.address} serves no network", param="id")
        if self.for_display is not None:
            tx.update(address, display=self.for_display)
        network = tx.get(Network, address.network_id)
        self.start(tx, ApplyNetwork(network=network.id, wake=False), network, caller, about=address)
        return address
