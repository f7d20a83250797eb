"""Deploying an instance: the command, its checks, and the rows that are born with the task."""

from __future__ import annotations

import secrets
import uuid as uuids

from cloudwright.compute.affinity import AffinityGroup, groups_given, join_groups
from cloudwright.compute.group import group_called
from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.compute.userdata import Given, UserData, bad_values, columns_of
from cloudwright.compute.vm.boot import DeployVm
from cloudwright.compute.vm.disks import Disks, make_disks
from cloudwright.compute.vm.given import bad_host_name, bad_user_data, new_password, public_keys
from cloudwright.compute.vm.interfaces import Wanted, default_network, wanted_networks
from cloudwright.compute.vm.placing import Pin
from cloudwright.compute.vm.refused import RefusedOfNew
from cloudwright.compute.vm.size import host_tags, size_of
from cloudwright.compute.vm.view import NewVmView
from cloudwright.core.access import Caller
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedBy, check_for, owner
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.network.model import Network, Nic
from cloudwright.network.network.nic import give_nic
from cloudwright.storage.model import DiskOffering, Template, TemplateAt
from cloudwright.storage.quality import check_offered


class MakeVm(Task, rank=50):
    """What is left to do for an instance that shall not start: nothing outside. Its job ends at once."""

    vm: int

    @step
    def made(self, tx: Tx) -> None:
        """It is there, stopped."""
        self.say("made, not started")


class DeployVirtualMachine(RefusedOfNew, OwnedBy, Command, answers=NewVmView, creates=Vm, starts=DeployVm, event="VM.CREATE"):
    """Makes an instance from a template or ISO and starts it, unless told otherwise."""

    zone: Ref[Zone] = param("the zone")
    service_offering: Ref[ServiceOffering] = param("how many processors and how much memory it gets")
    template: Ref[Template] | None = param("the template of its root disk, or a bootable ISO")
    name: str | None = param(
        "its name, also the host name in the guest; one is made where none is given", check=bad_host_name, length=63
    )
    display_name: str | None = param("the name that people are shown")
    group: str | None = param("the name of the instance group it shall be in; one is made where there is none")
    affinity_groups: list[Ref[AffinityGroup]] | None = param("its affinity groups", default=None)
    affinity_group_names: list[str] | None = param("their names, instead of ids", default=None)
    networks: list[Ref[Network]] | None = param("its networks; the first is its default", default=None)
    ip_to_network_list: list[dict[str, str]] | None = param(
        "its networks with addresses: networkid, ip, mac",
        wire_name="iptonetworklist",
        keys=("networkid", "ip", "mac"),
        default=None,
    )
    ip_address: str | None = param("its address on its default network")
    mac_address: str | None = param("the hardware address of its default interface")
    disk_offering: Ref[DiskOffering] | None = param("a data disk of this offering; for an ISO, its root disk")
    size: int | None = param("the size of that disk in GiB, for a custom offering", kind="long", minimum=1, maximum=65536)
    root_disk_size: int | None = param(
        "the size of its root disk in GiB, where larger than the template", kind="long", minimum=1, maximum=65536
    )
    override: Ref[DiskOffering] | None = param(
        "the offering of its root disk, in place of the service offering's", wire_name="overridediskofferingid", since="4.17"
    )
    user_data: str | None = param("data for the guest, base64", length=1048576, check=bad_user_data)
    registered: Ref[UserData] | None = param("registered user data, instead", wire_name="userdataid", since="4.18")
    user_data_details: dict[str, str] | None = param("values of its variables", default=None, check=bad_values, since="4.18")
    key_pair: str | None = param("the name of an SSH key pair")
    key_pairs: list[str] | None = param("the names of several", default=None)
    password: Secret | None = param("its password, where the template takes one")
    start_vm: bool = param("false only makes it", default=True)
    hypervisor: str | None = param("the kind of hypervisor; an ISO fits several")
    host: Ref[Host] | None = param("the host it shall start on", roles=("Admin",))
    cluster: Ref[Cluster] | None = param("the cluster it shall start in", roles=("Admin",))
    pod: Ref[Pod] | None = param("the pod it shall start in", roles=("Admin",))
    display_vm: bool = param("whether its owner is shown it", default=True, roles=("Admin",))
    details: dict[str, str] | None = param("further settings; for a custom offering cpuNumber, cpuSpeed and memory", default=None)
    dynamic_scaling_enabled: bool = param("whether it may be resized while it runs", default=False)
    custom_id: str | None = param("the id it shall have", roles=("Admin",), kind="uuid")

    def run(self, tx: Tx, caller: Caller) -> Vm:
        account = owner(tx, caller, self)
        self._check(tx, account)
        networks = self._networks(tx, caller, account)
        groups = groups_given(tx, account, self.affinity_groups, self.affinity_group_names)
        vm = tx.insert(self._vm(tx, caller, account))
        join_groups(tx, vm, groups)
        make_disks(tx, vm, self._image, self.service_offering, self._disks)
        for want in networks:
            give_nic(tx, want.network, vm, want.ip, want.mac)
        pin = Pin(host=self.host, cluster=self.cluster, pod=self.pod)
        task = DeployVm(vm=vm.id, pin=pin.ids()) if self.start_vm else MakeVm(vm=vm.id)
        self.start(tx, task, vm, caller)
        return vm

    def _check(self, tx: Tx, account: Account) -> None:
        template = self._image
        check_offered(tx, self.service_offering, self.zone, account.domain_id, "serviceofferingid")
        if self.service_offering.system_vm is not None:
            text = f"Parameter serviceofferingid: {self.service_offering.name} is for the system's machines"
            raise ParamError(text, param="serviceofferingid")
        if self.disk_offering is not None:
            check_offered(tx, self.disk_offering, self.zone, account.domain_id)
        if self.override is not None:
            check_offered(tx, self.override, self.zone, account.domain_id, "overridediskofferingid")
            self._check_override(self.service_offering, template)
        here = (TemplateAt.c.template_id == template.id, TemplateAt.c.state == "Ready", TemplateAt.c.zone_id == self.zone.id)
        if tx.find(TemplateAt, *here) is None:
            text = f"Parameter templateid: template {template.name} is not ready in zone {self.zone.name}"
            raise ParamError(
                text, param="templateid", fix=["wait until listTemplates shows isready", "register it for this zone"]
            )
        if template.format == "ISO" and not template.bootable:
            raise ParamError(f"Parameter templateid: nobody can boot from ISO {template.name}", param="templateid")
        if template.format == "ISO" and self.disk_offering is None:
            raise ParamError(
                "Parameter diskofferingid: an instance from an ISO needs one for its root disk", param="diskofferingid"
            )
        if self.password is not None and not template.password_enabled:
            raise ParamError(f"Parameter password: template {template.name} takes no passwords", param="password")
        if self.hypervisor and template.format != "ISO" and self.hypervisor.lower() != template.hypervisor.lower():
            text = f"Parameter hypervisor: template {template.name} is for {template.hypervisor}, not {self.hypervisor}"
            raise ParamError(text, param="hypervisor")

    @staticmethod
    def _check_override(service: ServiceOffering, template: Template) -> None:
        if service.disk_offering_strict:
            text = f"Parameter overridediskofferingid: {service.name} keeps to its own disk offering"
            raise ParamError(text, param="overridediskofferingid", fix=["take another service offering"])
        if template.format == "ISO":
            text = "Parameter overridediskofferingid: the root disk of an instance from an ISO is by diskofferingid"
            raise ParamError(text, param="overridediskofferingid")

    def _networks(self, tx: Tx, caller: Caller, account: Account) -> list[Wanted]:
        wanted = wanted_networks(self, tx, caller) or [Wanted(default_network(tx, caller, account, self.zone))]
        if self.ip_address or self.mac_address:
            wanted[0].ip, wanted[0].mac = self.ip_address or wanted[0].ip, self.mac_address or wanted[0].mac
        for want in wanted:
            check_for(tx, account, want.network, "networkids")
            if want.network.zone_id != self.zone.id:
                text = f"Parameter networkids: network {want.network.name} is not in zone {self.zone.name}"
                raise ParamError(text, param="networkids")
            taken = Nic.c.vm_id == Vm.c.id, Nic.c.network_id == want.network.id, Nic.c.gone == 0, Vm.c.name == (self.name or "")
            if self.name and tx.find(Vm, *taken):
                text = f"Parameter name: there is already an instance {self.name!r} on network {want.network.name}"
                raise ParamError(text, param="name")
        return wanted

    @property
    def _disks(self) -> Disks:
        return Disks(self.disk_offering, self.size, self.root_disk_size, self.override)

    @property
    def _image(self) -> Template:
        if self.template is None:
            text = "Parameter templateid is missing: an instance is made from a template or an ISO"
            raise ParamError(text, param="templateid")
        return self.template

    def _vm(self, tx: Tx, caller: Caller, account: Account) -> Vm:
        template, uuid = self._image, self.custom_id or str(uuids.uuid4())
        size = size_of(self.service_offering, self.details or {})
        scalable = self.dynamic_scaling_enabled and self.service_offering.dynamic_scaling
        names, public_keys = self._keys(tx, account)
        password = (self.password or new_password(tx)) if template.password_enabled else None
        given = columns_of(tx, Given(self.user_data, self.registered, self.user_data_details or {}), template)
        vm = Vm(
            account_id=account.id, domain_id=account.domain_id, name=self.name or f"VM-{uuid}", instance_name=f"i-{uuid}",
            display_name=self.display_name, user_id=caller.user_id, group_id=group_called(tx, account, self.group),
            zone_id=self.zone.id, service_offering_id=self.service_offering.id,
            template_id=template.id, iso_id=template.id if template.format == "ISO" else None,
            hypervisor=self._hypervisor(tx, template), os_type_id=template.os_type_id,
            cpus=size.cpus, cpu_mhz=size.mhz, memory=size.memory, ha=self.service_offering.ha, **given,
            key_pairs=names, public_keys=public_keys, password=password,
            password_serial=secrets.token_hex(8) if password else "", password_enabled=template.password_enabled,
            details=self.details or {}, display=self.display_vm, dynamically_scalable=scalable,
            tally_tags=host_tags(self.service_offering, template),
        )  # fmt: skip
        vm.uuid = uuid
        return vm

    def _hypervisor(self, tx: Tx, template: Template) -> str:
        if template.format != "ISO" or template.hypervisor not in ("", "None", "Any"):
            return template.hypervisor
        cluster = tx.find(Cluster, Cluster.c.zone_id == self.zone.id)
        return self.hypervisor or (cluster.hypervisor if cluster else "KVM")

    def _keys(self, tx: Tx, account: Account) -> tuple[list[str], str]:
        names = list(dict.fromkeys([*(self.key_pairs or []), *([self.key_pair] if self.key_pair else [])]))
        return names, public_keys(tx, account, names)
