"""What a machine's interface looks like in answers, and the list of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import View, computed, field, many
from cloudwright.network.model import Network, Nic, NicSecondary, PublicIp

_static = PublicIp.t.alias("static_nat")


def _uri(row: dict[str, Any], _caller: Caller) -> str | None:
    number = row.get("_number")
    return None if number is None else f"{row['_kind'].lower()}://{number}"


def _addresses(row: dict[str, Any], caller: Caller) -> list[str] | None:
    own = [row["ipaddress"]] if "ipaddress" in row else []
    return [*own, *(one["ipaddress"] for one in row.get("secondaryip", ()))] or None


class NicView(
    View,
    of=Nic,
    key="nic",
    joins=[
        (Vm, Vm.c.id == Nic.c.vm_id),
        (Network, Network.c.id == Nic.c.network_id),
        (_static, sa.and_(_static.c.nic_id == Nic.c.id, _static.c.static_to == Nic.c.ip, _static.c.gone == 0)),
    ],
):
    """A machine's interface."""

    _number = field(Network.c.segment_number, "")
    _kind = field(Network.c.segment_kind, "")

    id = field(Nic.c.uuid, "the interface's id")
    virtualmachineid = field(Vm.c.uuid, "its machine")
    networkid = field(Network.c.uuid, "its network")
    networkname = field(Network.c.name, "the name of its network")
    ipaddress = field(Nic.c.ip, "its address")
    netmask = field(Nic.c.netmask, "the network's mask")
    gateway = field(Nic.c.gateway, "the network's gateway")
    macaddress = field(Nic.c.mac, "its hardware address")
    deviceid = field(Nic.c.slot, "which interface of the machine it is, from 0", "string", convert=str)
    isdefault = field(Nic.c.is_default, "whether the machine's default route goes through it")
    traffictype = field(Network.c.traffic, "what it carries")
    type = field(Network.c.guest_type, "the kind of its network")
    mtu = field(sa.func.coalesce(Network.c.private_mtu, 1500), "the largest packet", "integer")
    enabled = field(Nic.c.link_up, "whether its link is up")
    publicip = field(_static.c.address, "the public address of its static NAT")
    publicipid = field(_static.c.uuid, "that address's id")
    broadcasturi = computed(_uri, "its segment", admin=True)
    isolationuri = computed(_uri, "its segment", admin=True)
    vlanid = computed(lambda row, caller: row.get("_number"), "its segment's number", "integer", admin=True)
    secondaryip = many(
        NicSecondary, NicSecondary.c.nic_id == Nic.c.id, {"id": NicSecondary.c.uuid, "ipaddress": NicSecondary.c.ip},
        "its further addresses",
    )  # fmt: skip
    ipaddresses = computed(_addresses, "all its addresses", "list")


class ListNics(List, answers=NicView):
    """Lists the interfaces of a machine."""

    nicid: Ref[Nic] | None = where(Nic.c.id, "only this one", wire_name="nicid")
    virtual_machine: Ref[Vm] = param("the machine")
    network: Ref[Network] | None = where(Nic.c.network_id, "only that on this network")
    for_display: bool | None = param("interfaces are always shown", roles=("Admin",), since="4.4")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [("machine", Nic.c.vm_id == sa.bindparam("machine"), {"machine": self.virtual_machine.id})]
