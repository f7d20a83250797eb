"""Changing and deleting networks."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import InUse, ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.address import ip
from cloudwright.infrastructure.model import Zone
from cloudwright.network.model import FirewallRule, Network, NetworkOffering, PublicIp
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.generation import bump
from cloudwright.network.network.mtu import checked_mtu
from cloudwright.network.network.shutdown import DeleteNetwork, refuse_in_use
from cloudwright.network.network.view import NetworkView
from cloudwright.network.rules.check import named

_SERVICE_OF = {"PortForwarding": "PortForwarding", "Firewall": "Firewall", "Egress": "Firewall", "StaticNat": "StaticNat"}


class UpdateNetwork(Command, answers=NetworkView, starts=ApplyNetwork, event="NETWORK.UPDATE"):
    """Changes a network, and has its router do so."""

    id: Ref[Network] = param("the network", use=Use.CHANGE)
    name: str | None = param("a new name")
    display_text: str | None = param("a new description")
    network_domain: str | None = param("a new DNS domain")
    change_cidr: bool = param("true: agree that the addresses change with the offering; here they never do", default=False)
    network_offering: Ref[NetworkOffering] | None = param("another offering")
    guest_vm_cidr: str | None = param("the part of the addresses that machines get")
    update_in_sequence: bool = param("true: one router after the other; here there is one", default=False)
    display_network: bool | None = param("whether its owner is shown it", roles=("Admin",))
    forced: bool = param(
        "true: change the offering even where its rules are lost; they are never lost here", default=False, roles=("Admin",)
    )
    public_mtu: int | None = param("the largest packet towards the outside, in bytes", since="4.18.0")
    private_mtu: int | None = param("the largest packet inside, in bytes", since="4.18.0")
    dns1: str | None = param("the DNS server asked first", since="4.18.0", check=ip)
    dns2: str | None = param("the DNS server asked second", since="4.18.0", check=ip)
    ip6_dns1: str | None = param("the first DNS server over IPv6", since="4.18.0")
    ip6_dns2: str | None = param("the second DNS server over IPv6", since="4.18.0")
    source_nat_ip_address: str | None = param("which of its public addresses shall be that of source NAT", since="4.19", check=ip)
    keep_mac_address_on_public_nic: bool | None = param(
        "keep the router's outer hardware address", roles=("Admin",), since="4.23.0"
    )
    hide_ip_address_usage: bool | None = param("keep its addresses out of usage records", roles=("Admin",))
    custom_id: str | None = param("an id of your own for it", roles=("Admin",))

    def run(self, tx: Tx, caller: Caller) -> Network:
        network = self.id
        for name in (
            "guest_vm_cidr",
            "ip6_dns1",
            "ip6_dns2",
            "keep_mac_address_on_public_nic",
            "hide_ip_address_usage",
            "custom_id",
        ):
            if self.__dict__[name] not in (None, False):
                wire_name = self.api.params[name].wire_name
                raise ParamError(f"Parameter {wire_name}: this is not built yet", param=wire_name)
        if network.state in ("Shutdown", "Destroy"):
            raise WrongState(f"Network {network.name} cannot be changed: it is {network.state}", param="id")
        zone = tx.get(Zone, network.zone_id)
        values = {
            "name": self.name, "display_text": self.display_text, "network_domain": self.network_domain,
            "display": self.display_network, "dns1": self.dns1, "dns2": self.dns2,
            "public_mtu": checked_mtu(tx, zone, caller, "public", self.public_mtu),
            "private_mtu": checked_mtu(tx, zone, caller, "private", self.private_mtu),
        }  # fmt: skip
        bump(tx, network)
        tx.update(network, **{name: value for name, value in values.items() if value is not None})
        if self.network_offering is not None and self.network_offering.id != network.offering_id:
            self._offering(tx, network, self.network_offering)
        if self.source_nat_ip_address is not None:
            self._source(tx, network, self.source_nat_ip_address)
        self.start(tx, ApplyNetwork(network=network.id, wake=False), network, caller)
        return network

    @staticmethod
    def _offering(tx: Tx, network: Network, wanted: NetworkOffering) -> None:
        current = tx.get(NetworkOffering, network.offering_id)
        if wanted.state != "Enabled" or wanted.guest_type != current.guest_type or wanted.specify_vlan != current.specify_vlan:
            raise ParamError(
                f"Network {network.name} cannot change from offering {current.name} to {wanted.name}", param="networkofferingid",
                why=[f"{one.name}: {one.state}, {one.guest_type}, specifyvlan={one.specify_vlan}" for one in (current, wanted)],
            )  # fmt: skip
        if bool(wanted.services) != bool(current.services) and network.state == "Implemented":
            text = f"Network {network.name} gets or loses its router with this offering: that needs it shut down"
            raise WrongState(text, param="networkofferingid", fix=["stop the machines on it and wait until it is Allocated"])
        for rule in tx.all(FirewallRule, FirewallRule.c.network_id == network.id, FirewallRule.c.state != "Revoke"):
            service = _SERVICE_OF[rule.purpose]
            if service not in wanted.services:
                text = f"Offering {wanted.name} has no {service}, which rules of network {network.name} need"
                raise InUse(text, param="networkofferingid", why=[named(tx, rule)], fix=["delete these rules first"])
        if "SourceNat" not in wanted.services and tx.count(PublicIp, PublicIp.c.network_id == network.id):
            text = f"Offering {wanted.name} has no SourceNat, and network {network.name} has public addresses"
            raise InUse(text, param="networkofferingid", fix=["release them with disassociateIpAddress"])
        tx.update(network, offering_id=wanted.id)

    @staticmethod
    def _source(tx: Tx, network: Network, wanted: str) -> None:
        mine = tx.all(PublicIp, PublicIp.c.network_id == network.id, PublicIp.c.state.in_(["Allocating", "Allocated"]))
        chosen = next((one for one in mine if one.address == wanted), None)
        if chosen is None or chosen.static_nat:
            why = [f"{one.address}{' (static NAT)' if one.static_nat else ''}" for one in mine]
            text = f"Parameter sourcenatipaddress: {wanted} is no public address of network {network.name} that is free for it"
            raise ParamError(
                text, param="sourcenatipaddress", why=why or ["it has none"], fix=["take it with associateIpAddress"]
            )
        for one in mine:
            if one.source_nat != (one is chosen):
                tx.update(one, source_nat=one is chosen)


class DeleteNetworkCommand(Command, starts=DeleteNetwork, event="NETWORK.DELETE", name="deleteNetwork"):
    """Deletes a network that no machine has an interface on, with its rules and public addresses."""

    id: Ref[Network] = param("the network", use=Use.CHANGE)
    forced: bool = param("no different: deleting is retried until its host answers", default=False)

    def run(self, tx: Tx, caller: Caller) -> Network:
        refuse_in_use(tx, self.id, running=False)
        self.start(tx, DeleteNetwork(network=self.id.id), self.id, caller)
        return self.id
