"""What an instance looks like in answers, and the list of them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from cloudwright.compute.affinity import AffinityGroup, AffinityMember
from cloudwright.compute.group import InstanceGroup
from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.compute.userdata import UserData
from cloudwright.compute.vm.given import DENIED, READ_ONLY
from cloudwright.core.access import Caller
from cloudwright.core.command import Told
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import Setting, SettingRow
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, field, filled, many, revealed
from cloudwright.drivers.hypervisor.check import CDROM_SLOT
from cloudwright.identity.model import User
from cloudwright.identity.owner import OwnedList, OwnedView
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.network.model import Network, Nic, PublicIp
from cloudwright.storage.model import DiskOffering, OsType, StoragePool, Template, Volume


def _stored_text(declared: Setting[str]) -> Any:
    """The value of a setting for the whole cloud, where it is not the default."""
    mine = (SettingRow.c.name == declared.name, SettingRow.c.scope == "global", SettingRow.c.gone == 0)
    return sa.select(SettingRow.c.value).where(*mine).limit(1).scalar_subquery()


@lru_cache(maxsize=64)
def _names(text: str) -> tuple[str, frozenset[str]]:
    """The names in a setting: as they are told, and in lower case."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return ", ".join(names), frozenset(name.lower() for name in names)


def _seen(row: dict[str, Any], caller: Caller) -> dict[str, str]:
    """The details that a caller is told."""
    details: dict[str, str] = row.get("_details", {})
    if caller.root:
        return details
    hidden = _names(row.get("_denied", DENIED.default))[1]
    return {name: value for name, value in details.items() if name.lower() not in hidden}


def _changeable(row: dict[str, Any], caller: Caller) -> str | None:
    if not (seen := _seen(row, caller)):
        return None
    fixed = frozenset() if caller.root else _names(row.get("_readonly", READ_ONLY.default))[1]
    return ",".join(sorted(name for name in seen if name.lower() not in fixed)) or None


def _read_only(row: dict[str, Any], caller: Caller) -> str | None:
    return None if caller.root else _names(row.get("_readonly", READ_ONLY.default))[0] or None


_iso = Template.t.alias("iso")
_root = Volume.t.alias("root")
_public = (
    sa.select(PublicIp.c.address.concat(" ").concat(PublicIp.c.uuid))
    .where(PublicIp.c.vm_id == Vm.c.id, PublicIp.c.static_nat.is_(True), PublicIp.c.gone == 0)
    .limit(1)
)

NICS: dict[str, Any] = {
    "id": field(Nic.c.uuid, "the interface's id"),
    "networkid": field(Network.c.uuid, "its network"),
    "networkname": field(Network.c.name, "the name of its network"),
    "ipaddress": field(Nic.c.ip, "its address"),
    "netmask": field(Nic.c.netmask, "the network's mask"),
    "gateway": field(Nic.c.gateway, "the network's gateway"),
    "macaddress": field(Nic.c.mac, "its hardware address"),
    "deviceid": field(Nic.c.slot, "which interface of the machine it is, from 0", convert=str),
    "isdefault": field(Nic.c.is_default, "whether the machine's default route goes through it"),
    "traffictype": field(Network.c.traffic, "what it carries"),
    "type": field(Network.c.guest_type, "the kind of its network"),
}


GROUPS: dict[str, Any] = {
    "id": field(AffinityGroup.c.uuid, "the group's id"),
    "name": field(AffinityGroup.c.name, "its name"),
    "description": field(AffinityGroup.c.description, "what it is for"),
    "type": field(AffinityGroup.c.type, "its type"),
}
_asked = sa.bindparam("p_user_data", False, sa.Boolean())  # of the list's parameter userdata


def _pairs(values: dict[str, str]) -> str | None:
    return ",".join(f"{name}={value}" for name, value in values.items()) or None


def _static_nat(row: dict[str, Any], caller: Caller) -> str | None:
    if "_public" not in row:
        return None
    address, _, row["publicipid"] = row["_public"].partition(" ")
    return str(address)


def _isos(row: dict[str, Any], caller: Caller) -> list[dict[str, Any]] | None:
    if "isoid" not in row:
        return None
    named = {"id": row["isoid"], "name": row["isoname"], "displaytext": row["isodisplaytext"]}
    return [{**named, "deviceseq": CDROM_SLOT, "bootable": bool(row["_bootable"])}]


def _default_address(row: dict[str, Any], caller: Caller) -> Any:
    """The address of the default interface."""
    return next((nic.get("ipaddress") for nic in row.get("nic", ()) if nic.get("isdefault")), None)


def _isolated(row: dict[str, Any], caller: Caller) -> bool:
    return any(nic.get("type") == "Isolated" for nic in row["nic"])


class VmView(
    OwnedView,
    of=Vm,
    key="virtualmachine",
    joins=[
        (Zone, Zone.c.id == Vm.c.zone_id),
        (Host, Host.c.id == Vm.c.host_id),
        (ServiceOffering, ServiceOffering.c.id == Vm.c.service_offering_id),
        (Template, Template.c.id == Vm.c.template_id),
        (_iso, _iso.c.id == Vm.c.iso_id),
        (InstanceGroup, InstanceGroup.c.id == Vm.c.group_id),
        (UserData, UserData.c.id == Vm.c.user_data_id),
        (OsType, OsType.c.id == Vm.c.os_type_id),
        (User, User.c.id == Vm.c.user_id),
        (_root, sa.and_(_root.c.vm_id == Vm.c.id, _root.c.slot == 0, _root.c.gone == 0)),
        (StoragePool, StoragePool.c.id == _root.c.pool_id),
        (DiskOffering, DiskOffering.c.id == _root.c.disk_offering_id),
    ],
):
    """An instance."""

    id = field(Vm.c.uuid, "the instance's id")
    name = field(Vm.c.name, "its name, also its host name in the guest")
    displayname = field(sa.func.coalesce(Vm.c.display_name, Vm.c.name), "the name that people are shown")
    userid = field(User.c.uuid, "the user who asked for it")
    username = field(User.c.username, "the name of that user")
    group = field(InstanceGroup.c.name, "the instance group it is in")
    groupid = field(InstanceGroup.c.uuid, "the id of that group")
    affinitygroup = many(
        AffinityMember, AffinityMember.c.vm_id == Vm.c.id, GROUPS, "its affinity groups",
        joins=[(AffinityGroup, AffinityGroup.c.id == AffinityMember.c.group_id)], kind="set",
    )  # fmt: skip
    userdata = field(sa.case((_asked == sa.true(), Vm.c.user_data)), "its user data, base64, where asked for", "string")
    userdataid = field(UserData.c.uuid, "the registered user data that it was given")
    userdataname = field(UserData.c.name, "the name of that user data")
    userdatapolicy = field(
        sa.case((Template.c.user_data_id.is_not(None), Template.c.user_data_policy)),
        "what its template's user data does with what a caller gives", "string",
    )  # fmt: skip
    userdatadetails = field(Vm.c.user_data_details, "the values of its variables", "string", convert=_pairs)
    state = field(Vm.c.state, "its state")
    created = field(Vm.c.created, "when it was made")
    haenable = field(Vm.c.ha, "whether it is started elsewhere when its host dies")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    hostid = field(Host.c.uuid, "the host it runs on", admin=True)
    hostname = field(Host.c.name, "the name of that host", admin=True)
    hostcontrolstate = field(Host.c.state, "what is known of that host", admin=True)
    templateid = field(Template.c.uuid, "the template of its root disk")
    templatename = field(Template.c.name, "the template's name")
    templatedisplaytext = field(Template.c.display_text, "the template's description")
    templatetype = field(Template.c.template_type, "the template's type")
    templateformat = field(Template.c.format, "the template's format")
    isoid = field(_iso.c.uuid, "the ISO in its drive")
    isoname = field(_iso.c.name, "the name of that ISO")
    isodisplaytext = field(_iso.c.display_text, "the description of that ISO")
    _bootable = field(_iso.c.bootable, "")
    isos = computed(_isos, "what is in its drive", "list")
    isomaxcount = field(sa.literal_column("1", sa.Integer), "how many ISOs it takes: it has one drive")
    passwordenabled = field(Vm.c.password_enabled, "whether its password can be reset from outside")
    serviceofferingid = field(ServiceOffering.c.uuid, "its service offering")
    serviceofferingname = field(ServiceOffering.c.name, "the offering's name")
    cpunumber = field(Vm.c.cpus, "how many processors it has", "integer")
    cpuspeed = field(Vm.c.cpu_mhz, "the speed of each in MHz", "integer")
    memory = field(Vm.c.memory, "its memory in MiB", "integer")
    hypervisor = field(Vm.c.hypervisor, "the kind of hypervisor")
    instancename = field(Vm.c.instance_name, "what the hypervisor calls it", admin=True)
    rootdeviceid = field(_root.c.slot, "which device its root disk is", "long")
    rootdevicetype = field(_root.c.vol_type, "what that device is: ROOT, a root disk")
    diskofferingid = field(DiskOffering.c.uuid, "the disk offering of its root disk")
    diskofferingname = field(DiskOffering.c.name, "the name of that offering")
    pooltype = field(StoragePool.c.pool_type, "the kind of storage its root disk is on", admin=True)
    _details = field(Vm.c.details, "")
    _denied = field(_stored_text(DENIED), "")
    _readonly = field(_stored_text(READ_ONLY), "")
    details = computed(_seen, "further settings", "map")
    alloweddetails = computed(_changeable, "those of its details that the caller may change, by comma")
    readonlydetails = computed(_read_only, "details that only administrators set, by comma")
    keypairs = field(Vm.c.key_pairs, "the names of its SSH key pairs", "string", convert=lambda names: ",".join(names) or None)
    guestosid = field(OsType.c.uuid, "its operating system")
    ostypeid = field(OsType.c.uuid, "its operating system")
    osdisplayname = field(OsType.c.name, "the name of its operating system")
    displayvm = field(Vm.c.display, "whether its owner is shown it", admin=True)
    isdynamicallyscalable = field(Vm.c.dynamically_scalable, "whether it may be resized while it runs")
    deleteprotection = field(Vm.c.delete_protection, "whether it is kept from being destroyed")
    _public = field(_public.scalar_subquery(), "", "string")
    publicip = computed(_static_nat, "the public address of its static NAT")
    publicipid = filled("the id of that address", "string")
    nic = many(
        Nic, Nic.c.vm_id == Vm.c.id, NICS, "its interfaces", joins=[(Network, Network.c.id == Nic.c.network_id)], kind="set"
    )
    ipaddress = computed(_default_address, "the address of its default interface")
    forvirtualnetwork = computed(_isolated, "whether it has an interface on an isolated network", "boolean")
    observedstate = field(Vm.c.observed, "what its host last saw it do", admin=True)
    observed = field(Vm.c.observed_at, "when its host last told of it", "date", admin=True)
    arch = field(sa.literal_column("'x86_64'", sa.String), "the processor's architecture")
    boottype = field(sa.literal_column("'BIOS'", sa.String), "what its machine starts with: BIOS")
    bootmode = field(sa.literal_column("'LEGACY'", sa.String), "how that is checked: LEGACY, not at all")
    vmtype = field(sa.literal_column("'User'", sa.String), "User for instances, otherwise the kind of system VM")


class NewVmView(VmView):
    """An instance as told to who asked for the job that gave it a password: else only administrators ever learn it."""

    _password = field(Vm.c.password, "", "string")
    password = revealed("_password", "its password, where its template takes one")


def _on_network(bind: Any) -> Condition:
    return sa.exists().where(Nic.c.vm_id == Vm.c.id, Nic.c.network_id == bind, Nic.c.gone == 0)


def _in_affinity(bind: Any) -> Condition:
    return sa.exists().where(AffinityMember.c.vm_id == Vm.c.id, AffinityMember.c.group_id == bind, AffinityMember.c.gone == 0)


def _with_key(bind: Any) -> Condition:
    """A pair of this name is among its key pairs, which are a list in JSON."""
    names = sa.type_coerce(Vm.c.key_pairs, sa.Text)
    quoted = sa.literal('"').concat(bind).concat('"')
    condition: Condition = sa.func.replace(names, quoted, "") != names
    return condition


def _behind_router(bind: Any) -> Condition:
    inside = sa.select(Nic.c.vm_id).join(Network.t, Network.c.id == Nic.c.network_id)
    condition: Condition = Vm.c.id.in_(inside.where(Network.c.guest_type == "Isolated", Nic.c.gone == 0)) == bind
    return condition


def _stored_on(bind: Any) -> Condition:
    return sa.exists().where(Volume.c.vm_id == Vm.c.id, Volume.c.pool_id == bind, Volume.c.gone == 0)


def _in_cluster(bind: Any) -> Condition:
    return Vm.c.host_id.in_(sa.select(Host.c.id).where(Host.c.cluster_id == bind))


def _in_pod(bind: Any) -> Condition:
    return Vm.c.host_id.in_(sa.select(Host.c.id).where(Host.c.pod_id == bind))


class ListVirtualMachines(OwnedList, answers=VmView, keywords=[Vm.c.name, Vm.c.display_name, Vm.c.instance_name]):
    """Lists instances."""

    id: Ref[Vm] | None = where(Vm.c.id, "only this one")
    ids: list[Ref[Vm]] | None = where(Vm.c.id, "only these")
    name: str | None = where(Vm.c.name, "only the one of this name")
    state: str | None = param("only those in this state; Present means all that are not destroyed", default=None)
    instance_group: Ref[InstanceGroup] | None = where(Vm.c.group_id, "only those in this group", wire_name="groupid")
    affinity_group: Ref[AffinityGroup] | None = where(_in_affinity, "only those in this affinity group")
    registered: Ref[UserData] | None = where(Vm.c.user_data_id, "only those with this user data", wire_name="userdataid")
    user_data: bool | None = where(lambda bind: sa.true(), "true tells user data, too", since="4.18.0")
    zone: Ref[Zone] | None = where(Vm.c.zone_id, "only those in this zone")
    network: Ref[Network] | None = where(_on_network, "only those with an interface on this network")
    hypervisor: str | None = where(Vm.c.hypervisor, "only those on this kind of hypervisor")
    template: Ref[Template] | None = where(Vm.c.template_id, "only those made from this template")
    iso: Ref[Template] | None = where(Vm.c.iso_id, "only those with this ISO in their drive")
    service_offering: Ref[ServiceOffering] | None = where(Vm.c.service_offering_id, "only those of this offering")
    ha_enable: bool | None = where(Vm.c.ha, "only those with (or without) high availability")
    display_vm: bool | None = where(Vm.c.display, "only those shown (or not) to their owners", roles=("Admin",))
    host: Ref[Host] | None = where(Vm.c.host_id, "only those on this host", roles=("Admin",))
    pod: Ref[Pod] | None = where(_in_pod, "only those in this pod", roles=("Admin",))
    cluster: Ref[Cluster] | None = where(_in_cluster, "only those in this cluster", roles=("Admin",))
    storage: Ref[StoragePool] | None = where(_stored_on, "only those with a volume on this storage", roles=("Admin",))
    user: Ref[User] | None = where(Vm.c.user_id, "only those that this user asked for")
    key_pair: str | None = where(_with_key, "only those with an SSH key pair of this name")
    arch: str | None = where(
        lambda bind: sa.literal("x86_64") == sa.func.lower(bind), "only those with such processors", since="4.20.1",
        choices=("x86_64", "aarch64"),
    )  # fmt: skip
    for_virtual_network: bool | None = where(_behind_router, "only those with (or without) an interface on an isolated network")
    details: list[str] | None = param("which groups of fields are wanted; all are told anyway", default=None)
    accumulate: bool | None = param("statistics over time", check=not_built("statistics over time"), since="4.17.0")
    autoscale_group: str | None = param(
        "of this group", wire_name="autoscalevmgroupid", kind="uuid", check=not_built("groups that scale"), since="4.18.0"
    )
    backup_offering: str | None = param(
        "with this backup offering", wire_name="backupofferingid", kind="uuid", check=not_built("backups"), since="4.17"
    )
    extension: str | None = param(
        "of this extension", wire_name="extensionid", kind="uuid", check=not_built("extensions"), since="4.21.0"
    )
    gpu_enabled: bool | None = param("with a GPU", check=not_built("GPUs"), since="4.21.0")
    is_vnf: bool | None = param("network appliances", check=not_built("network appliances as templates"), since="4.19.0")
    leased: bool | None = param("with a lease", check=not_built("leases of machines"), since="4.21.0")
    security_group: str | None = param(
        "in this group", wire_name="securitygroupid", kind="uuid", check=not_built("security groups"), since="4.15"
    )
    vpc: str | None = param("in this VPC", wire_name="vpcid", kind="uuid", check=not_built("VPCs"))
    retrieve_only_resource_count: bool = param("only how many there are, without them", default=False)

    def run(self, reader: Reader, caller: Caller) -> Told:
        page = super().run(reader, caller)
        return Told(page.key, [], page.count) if self.retrieve_only_resource_count else page

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        conditions = super().narrow(reader, caller)
        if self.state == "Present":
            conditions.append(("present", Vm.c.state.not_in(["Destroyed", "Expunging"]), {}))
        elif self.state is not None:
            conditions.append(("state", Vm.c.state == sa.bindparam("state"), {"state": self.state}))
        return conditions
