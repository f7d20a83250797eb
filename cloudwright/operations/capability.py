"""What this cloud can do, as clients ask before they offer it."""

from __future__ import annotations

from typing import Any

from cloudwright import __version__
from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told, Verb
from cloudwright.core.listing import PAGE_SIZE
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import Setting
from cloudwright.core.tx import Reader
from cloudwright.identity.model import Domain
from cloudwright.infrastructure.model import Zone

_TOLD: dict[str, tuple[str, str, str, Any]] = {
    # field: (type, description, the setting that says it, what holds where nothing reads that setting)
    "userpublictemplateenabled": ("boolean", "whether users may make public templates", "allow.public.user.templates", False),
    "supportELB": ("string", "whether load balancing for shared networks is there", "", "false"),
    "projectinviterequired": ("boolean", "whether joining a project takes an invitation", "project.invite.required", False),
    "allowusercreateprojects": ("boolean", "whether users may make projects", "allow.user.create.projects", False),
    "customdiskofferingminsize": ("long", "the least size of a custom disk, in GiB", "custom.diskoffering.size.min", 1),
    "customdiskofferingmaxsize": ("long", "the largest size of a custom disk, in GiB", "custom.diskoffering.size.max", 1024),
    "regionsecondaryenabled": ("boolean", "whether image stores are of a region", "", False),
    "kvmsnapshotenabled": ("boolean", "whether volumes of KVM can be snapshotted", "kvm.snapshot.enabled", False),
    "snapshotshowchainsize": ("boolean", "whether sizes of snapshots count their chains", "snapshot.show.chain.size", False),
    "allowuserviewdestroyedvm": ("boolean", "whether users see destroyed instances", "allow.user.view.destroyed.vm", False),
    "allowuserexpungerecovervm": (
        "boolean", "whether users may recover and expunge instances", "allow.user.expunge.recover.vm", False
    ),
    "allowuserexpungerecovervolume": (
        "boolean", "whether users may recover and expunge volumes", "allow.user.expunge.recover.volume", False
    ),
    "allowuserviewalldomainaccounts": (
        "boolean", "whether users see all accounts of their domain", "allow.user.view.all.domain.accounts", False
    ),
    "allowuserforcestopvm": ("boolean", "whether users may stop instances by force", "allow.user.force.stop.vm", True),
    "kubernetesserviceenabled": ("boolean", "whether there is a Kubernetes service", "cloud.kubernetes.service.enabled", False),
    "kubernetesclusterexperimentalfeaturesenabled": (
        "boolean", "whether its experiments are offered", "cloud.kubernetes.cluster.experimental.features.enabled", False
    ),
    "customhypervisordisplayname": ("string", "what the custom hypervisor is called", "hypervisor.custom.display.name", "Custom"),
    "defaultuipagesize": ("long", "how many rows the console shows on a page", "default.ui.page.size", 20),
    "instancesstatsretentiontime": ("integer", "minutes that figures of instances are kept", "vm.stats.max.retention.time", 0),
    "instancesstatsuseronly": ("boolean", "whether figures are kept of users' instances only", "vm.stats.user.vm.only", False),
    "instancesdisksstatsretentionenabled": (
        "boolean", "whether figures of disks are kept", "vm.disk.stats.retention.enabled", False
    ),
    "instancesdisksstatsretentiontime": (
        "integer", "minutes that figures of disks are kept", "vm.disk.stats.max.retention.time", 0
    ),
    "sharedfsvmmincpucount": ("integer", "the least processors of a shared file system's VM", "sharedfsvm.min.cpu.count", 0),
    "sharedfsvmminramsize": ("integer", "its least memory, in MiB", "sharedfsvm.min.ram.size", 0),
    "instanceleaseenabled": ("boolean", "whether instances can have a lease", "instance.lease.enabled", False),
    "dynamicscalingenabled": ("boolean", "whether running instances can grow", "enable.dynamic.scale.vm", False),
    "additionalconfigenabled": ("boolean", "whether users may add configuration", "enable.additional.vm.configuration", False),
}  # fmt: skip
_MORE = {
    "securitygroupsenabled": ("boolean", "whether some zone has security groups"),
    "dynamicrolesenabled": ("boolean", "always true: roles are made of rules"),
    "cloudstackversion": ("string", "the version of this software"),
    "apilimitinterval": ("integer", "seconds in which apilimitmax calls are allowed; only where calls are limited"),
    "apilimitmax": ("integer", "how many calls an account may make in apilimitinterval seconds"),
    "dryrunenabled": ("boolean", "whether every changing command takes dryrun and clienttoken"),
    "openapienabled": ("boolean", "whether getOpenApi describes the API"),
    "defaultpagesize": ("integer", "how many rows a list answers at most"),
}


class ListCapabilities(Query, response={name: one[:2] for name, one in _TOLD.items()} | _MORE):
    """Tells what this cloud can do."""

    domain: Ref[Domain] | None = param("as it is for this domain", since="4.23.0")

    def run(self, reader: Reader, caller: Caller) -> Told:
        domain = self.domain.id if self.domain else caller.domain_id
        told = {name: in_force(reader, named, domain, otherwise) for name, (_, _, named, otherwise) in _TOLD.items()}
        told |= {
            "securitygroupsenabled": reader.find(Zone, Zone.c.security_groups.is_(True)) is not None,
            "dynamicrolesenabled": True,
            "dryrunenabled": True,
            "openapienabled": "getOpenApi" in Verb.by_name,
            "defaultpagesize": PAGE_SIZE.get(reader),
        }
        if in_force(reader, "expose.cloudstack.version.api.list.capabilities", domain, True):
            told["cloudstackversion"] = __version__
        if in_force(reader, "api.throttling.enabled", domain, False):
            told["apilimitinterval"] = in_force(reader, "api.throttling.interval", domain, 1)
            told["apilimitmax"] = in_force(reader, "api.throttling.max", domain, 25)
        return Told("capability", [told], one=True)


def in_force(reader: Reader, name: str, domain: int, otherwise: Any) -> Any:
    """The value of a setting, or what holds where nothing declares it."""
    declared = Setting.by_name.get(name)
    return otherwise if declared is None else declared.get(reader, domain=domain)
