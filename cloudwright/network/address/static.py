"""Static NAT: a public address that is one machine's own."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import Conflict, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.network.model import FirewallRule, Network, PublicIp
from cloudwright.network.network.apply import ApplyNetwork, tell
from cloudwright.network.network.generation import bump
from cloudwright.network.network.nic import revoke_all
from cloudwright.network.rules.check import named, network_of
from cloudwright.network.rules.forward import same_network, target


class EnableStaticNat(Command, lacks="isstaticnat", event="STATICNAT.ENABLE"):
    """Makes a public address one machine's own. Its firewall rules still say who may reach it."""

    ip_address: Ref[PublicIp] = param("the public address", use=Use.CHANGE)
    virtual_machine: Ref[Vm] = param("the machine", use=Use.CHANGE)
    network: Ref[Network] | None = param("the network of machine and address")
    vm_guest_ip: str | None = param("the machine's address, where it has several")

    def run(self, tx: Tx, caller: Caller) -> Success:
        address, vm = self.ip_address, self.virtual_machine
        network, _ = network_of(tx, address, "StaticNat")
        same_network(self.network, network, address)
        nic, guest_ip = target(tx, network, vm, self.vm_guest_ip)
        if address.source_nat:
            text = f"Public address {address.address} is for source NAT of network {network.name}"
            raise Conflict(text, param="ipaddressid", fix=["take another address with associateIpAddress"])
        self._refuse_others(tx, address, guest_ip)
        generation = bump(tx, network)
        values = {"vm_id": vm.id, "nic_id": nic.id, "static_to": guest_ip, "generation": generation}
        tx.update(address, static_nat=True, **values)
        tell(tx, network)
        return Success()

    @staticmethod
    def _refuse_others(tx: Tx, address: PublicIp, guest_ip: str) -> None:
        if address.static_nat and address.static_to != guest_ip:
            text = f"Public address {address.address} has static NAT to {address.static_to}"
            raise Conflict(text, param="ipaddressid", fix=["end that static NAT first (disableStaticNat)"])
        here = (FirewallRule.c.public_ip_id == address.id, FirewallRule.c.state != "Revoke")
        rule = tx.find(FirewallRule, *here, FirewallRule.c.purpose == "PortForwarding")
        if rule is not None:
            text = f"Public address {address.address} has port forwarding rules"
            raise Conflict(text, param="ipaddressid", why=[named(tx, rule)], fix=["delete them, or take another address"])
        same = (PublicIp.c.network_id == address.network_id, PublicIp.c.static_nat.is_(True), PublicIp.c.static_to == guest_ip)
        other = tx.find(PublicIp, *same, PublicIp.c.id != address.id)
        if other is not None:
            text = f"{guest_ip} has static NAT already, with public address {other.address}"
            raise Conflict(text, param="virtualmachineid", fix=[f"end static NAT of {other.address} first (disableStaticNat)"])


class DisableStaticNat(Command, has="isstaticnat", starts=ApplyNetwork, event="STATICNAT.DISABLE"):
    """Makes a public address no machine's own any more; rules on it are deleted."""

    ip_address: Ref[PublicIp] = param("the public address", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> PublicIp:
        address = self.ip_address
        if not address.static_nat or address.network_id is None:
            raise WrongState(f"Public address {address.address} has no static NAT", param="ipaddressid")
        network = tx.get(Network, address.network_id)
        generation = bump(tx, network)
        revoke_all(tx, address, generation)
        tx.update(address, static_nat=False, static_to=None, vm_id=None, nic_id=None, generation=generation)
        self.start(tx, ApplyNetwork(network=network.id, wake=False), network, caller, about=address)
        return address
