"""What a router looks like in answers, and the list of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, field
from cloudwright.identity.owner import OwnedList, OwnedView
from cloudwright.infrastructure.model import Cluster, Host, IpRange, Pod, Zone
from cloudwright.network.model import Network, PublicIp, Router

VERSION = "1"
_source = PublicIp.t.alias("source")


_reported = sa.type_coerce(Router.c.problems, sa.Text) != "{}"
_failing = sa.or_(Router.c.state == "Unknown", sa.and_(Router.c.state == "Running", _reported))


def _always(text: str) -> Any:
    return sa.literal_column(f"'{text}'", sa.String)


def _interfaces(row: dict[str, Any], caller: Caller) -> list[dict[str, Any]]:
    """Those it has: towards the guests and, where there is a public address, towards the outside."""
    guest = {
        "networkid": row.get("guestnetworkid"), "networkname": row.get("guestnetworkname"), "traffictype": "Guest",
        "ipaddress": row.get("guestipaddress"), "netmask": row.get("guestnetmask"), "macaddress": row["guestmacaddress"],
        "isdefault": "publicip" not in row,
    }  # fmt: skip
    outside = {
        "traffictype": "Public", "ipaddress": row.get("publicip"), "netmask": row.get("publicnetmask"),
        "gateway": row.get("gateway"), "macaddress": row["publicmacaddress"], "isdefault": True,
    }  # fmt: skip
    shown = [guest, outside] if "publicip" in row else [guest]
    return [{name: value for name, value in one.items() if value is not None} for one in shown]


def _checks(row: dict[str, Any], caller: Caller) -> list[dict[str, Any]] | None:
    if not row.get("problems"):
        return None
    seen = {"lastupdated": row["_seen"]} if "_seen" in row else {}
    failed = {"checktype": "basic", "success": False, "status": "FAILED"}
    return [{"checkname": name, **failed, "details": text, **seen} for name, text in sorted(row["problems"].items())]


class RouterView(
    OwnedView,
    of=Router,
    key="router",
    joins=[
        (Zone, Zone.c.id == Router.c.zone_id),
        (Network, Network.c.id == Router.c.network_id),
        (Host, Host.c.id == Router.c.host_id),
        (Pod, Pod.c.id == Host.c.pod_id),
        (_source, sa.and_(_source.c.network_id == Router.c.network_id, _source.c.source_nat.is_(True), _source.c.gone == 0)),
        (IpRange, IpRange.c.id == _source.c.range_id),
    ],
):
    """A router."""

    id = field(Router.c.uuid, "the router's id")
    name = field(Router.c.name, "its name")
    state = field(Router.c.state, "its state")
    created = field(Router.c.created, "when it was made")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    dns1 = field(sa.func.coalesce(Network.c.dns1, Zone.c.dns1), "the first DNS server it asks")
    dns2 = field(sa.func.coalesce(Network.c.dns2, Zone.c.dns2), "the second")
    networkdomain = field(Network.c.network_domain, "the domain of its network")
    gateway = field(IpRange.c.gateway, "the gateway towards the outside")
    podid = field(Pod.c.uuid, "the pod of its host")
    podname = field(Pod.c.name, "the name of that pod")
    hostid = field(Host.c.uuid, "the host it lives on")
    hostname = field(Host.c.name, "the name of that host")
    hostcontrolstate = field(Host.c.state, "what is known of that host")
    hypervisor = field(Host.c.hypervisor, "the kind of that host")
    arch = field(Host.c.architecture, "that host's processor")
    publicip = field(_source.c.address, "the address of source NAT")
    publicmacaddress = field(Router.c.public_mac, "the hardware address towards the outside")
    publicnetmask = field(IpRange.c.netmask, "the mask of that address")
    guestipaddress = field(Network.c.gateway, "its address on the guest network")
    guestmacaddress = field(Router.c.guest_mac, "its hardware address there")
    guestnetmask = field(Network.c.netmask, "the guest network's mask")
    guestnetworkid = field(Network.c.uuid, "the guest network")
    guestnetworkname = field(Network.c.name, "the name of that network")
    role = field(_always("VIRTUAL_ROUTER"), "what it is")
    isredundantrouter = field(sa.literal_column("0", sa.Boolean), "whether it has a twin", convert=bool)
    redundantstate = field(Router.c.redundant_state, "which of the twins it is")
    requiresupgrade = field(sa.literal_column("0", sa.Boolean), "whether it is older than the server", convert=bool)
    version = field(_always(VERSION), "the version of its guest programme")
    form = field(Router.c.form, "namespace or system VM")
    generation = field(Router.c.observed_generation, "the generation it was last seen to run")
    problems = field(Router.c.problems, "what it could not do, by service", convert=lambda known: known or None)
    nic = computed(_interfaces, "its interfaces", "set")
    healthchecksfailed = field(_failing, "whether it shall run and does not, or not as it should", "boolean", convert=bool)
    _seen = field(Router.c.observed_at, "when its host told of it last", "date")
    healthcheckresults = computed(_checks, "what it could not do, by service; what is well is not among them", "list")


def _in_cluster(bind: Any) -> Condition:
    return Router.c.host_id.in_(sa.select(Host.c.id).where(Host.c.cluster_id == bind))


def _in_pod(bind: Any) -> Condition:
    return Router.c.host_id.in_(sa.select(Host.c.id).where(Host.c.pod_id == bind))


def _with_problems(bind: Any) -> Condition:
    known: Condition = _failing == bind
    return known


def _of_arch(bind: Any) -> Condition:
    return Router.c.host_id.in_(sa.select(Host.c.id).where(Host.c.architecture == bind))


def _none(bind: Any) -> Condition:
    """Routers of VPCs: there are none yet."""
    known: Condition = sa.literal(False) == bind
    return known


class ListRouters(OwnedList, answers=RouterView, keywords=[Router.c.name]):
    """Lists routers."""

    id: Ref[Router] | None = where(Router.c.id, "only this one")
    name: str | None = where(Router.c.name, "only the one of this name")
    state: str | None = where(Router.c.state, "only those in this state")
    zone: Ref[Zone] | None = where(Router.c.zone_id, "only those in this zone")
    pod: Ref[Pod] | None = where(_in_pod, "only those in this pod")
    cluster: Ref[Cluster] | None = where(_in_cluster, "only those in this cluster")
    host: Ref[Host] | None = where(Router.c.host_id, "only those on this host")
    network: Ref[Network] | None = where(Router.c.network_id, "only the one of this network")
    for_vpc: bool | None = where(_none, "true: only those of VPCs")
    vpcid: str | None = param("only those of this VPC", kind="uuid")
    fetch_health_check_results: bool = param("what failed is told anyway", default=False)
    version: str | None = where(lambda bind: sa.literal(VERSION) == bind, "only those of this version")
    arch: str | None = where(_of_arch, "only those on hosts with this processor")
    health_checks_failed: bool | None = where(_with_problems, "only those that do (or do not) run as they should")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        conditions = super().narrow(reader, caller)
        return conditions if self.vpcid is None else [*conditions, ("vpc", sa.false(), {})]
