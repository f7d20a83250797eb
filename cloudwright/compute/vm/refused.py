"""Parameters of instances that ask for what is not there yet: given, they are refused with a sentence, never taken in silence."""

from __future__ import annotations

from typing import Any

from cloudwright.core.command import Verb
from cloudwright.core.param import param
from cloudwright.infrastructure.absent import not_built

_SETUP = "starts into the firmware's setup"
_GROUPS, _CONFIG, _LEASES = "security groups", "settings handed to the hypervisor as they are", "leases of machines"


def _list(doc: str, what: str, **declared: Any) -> Any:
    return param(doc, default=None, check=not_built(what), **declared)


class RefusedOfBoth(Verb):
    """Of a new instance, and of one that is changed."""

    security_groups: list[str] | None = _list("its security groups", _GROUPS, wire_name="securitygroupids")
    security_group_names: list[str] | None = _list("the names of those", _GROUPS)
    dhcp_options: list[dict[str, str]] | None = _list("by network", "DHCP options", wire_name="dhcpoptionsnetworklist")
    extra_config: str | None = param("for the hypervisor", length=5120, check=not_built(_CONFIG), since="4.12")
    lease_duration: int | None = param("days of its lease", check=not_built(_LEASES), since="4.21.0")
    lease_expiry_action: str | None = param("what its end does", check=not_built(_LEASES), since="4.21.0")


class RefusedOfNew(RefusedOfBoth):
    """Of a new instance."""

    volume: str | None = param(
        "a volume as its root disk", wire_name="volumeid", kind="uuid", check=not_built("machines from volumes"), since="4.21"
    )
    snapshot: str | None = param(
        "a snapshot as that", wire_name="snapshotid", kind="uuid", check=not_built("machines from snapshots"), since="4.21"
    )
    boot_type: str | None = param("what it starts with: BIOS", choices=("BIOS",), since="4.14.0.0")
    boot_mode: str | None = param("how that is checked: LEGACY, not at all", choices=("LEGACY",), since="4.14.0.0")
    boot_into_setup: bool | None = param(_SETUP, check=not_built("starts into the setup"), since="4.15.0.0")
    root_disk_kms_key: str | None = param(
        "a key", wire_name="rootdiskkmskeyid", kind="uuid", check=not_built("encrypted volumes"), since="4.23.0"
    )
    data_disks: list[dict[str, str]] | None = _list(
        "several disks", "several data disks at once", wire_name="datadisksdetails", since="4.21.0"
    )
    data_offerings: list[dict[str, str]] | None = _list(
        "by disk of the template", "templates of several disks", wire_name="datadiskofferinglist", since="4.11"
    )
    ip6_address: str | None = param("its IPv6 address", wire_name="ip6address", check=not_built("IPv6 networks"))
    keyboard: str | None = param("of its console: us", choices=("us",))
    deployment_planner: str | None = param(
        "how its host is chosen", roles=("Admin",), check=not_built("planners of single machines"), since="4.4"
    )
    copy_image_tags: bool | None = param("the template's tags, too", check=not_built("copies of tags"), since="4.13")
    properties: dict[str, str] | None = param("of an OVA", style="kv", default=None, check=not_built("OVAs"), since="4.15")
    nic_networks: list[dict[str, str]] | None = _list("of an OVA", "OVAs", wire_name="nicnetworklist", since="4.15")
    io_threads: bool | None = param("of disks", wire_name="iothreadsenabled", check=not_built("threads of disks"))
    io_policy: str | None = param("of disks", wire_name="iodriverpolicy", check=not_built("policies of disks"))
    nic_queues: int | None = param(
        "of interfaces", wire_name="nicmultiqueuenumber", check=not_built("queues of interfaces"), since="4.18"
    )
    nic_packed: bool | None = param(
        "of interfaces", wire_name="nicpackedvirtqueuesenabled", check=not_built("packed queues"), since="4.18"
    )
    external_details: dict[str, str] | None = param("of extensions", default=None, check=not_built("extensions"), since="4.21.0")
    blank_instance: bool | None = param("without a template", check=not_built("blank machines"), since="4.23.0")


class RefusedOfChanged(RefusedOfBoth):
    """Of one that is changed."""

    instance_name: str | None = param(
        "what the hypervisor calls it", roles=("Admin",), check=not_built("other names at the hypervisor"), since="4.4"
    )
    cleanup_extra_config: bool | None = param("none for the hypervisor", check=not_built(_CONFIG), since="4.23.0")
    custom_id: str | None = param("another id", roles=("Admin",), check=not_built("other ids of what is there"), since="4.4")


class RefusedOfStarted(Verb):
    """Of one that is started."""

    boot_into_setup: bool | None = param(_SETUP, check=not_built("starts into the setup"), since="4.15.0.0")
    deployment_planner: str | None = param(
        "how its host is chosen", roles=("Admin",), check=not_built("planners of single machines"), since="4.4"
    )
    consider_last_host: bool | None = param(
        "where it ran last, if that fits", roles=("Admin",), check=not_built("preferences for the last host"), since="4.18.0"
    )


class RefusedOfScaled(Verb):
    """Of one whose size is changed: its root disk."""

    min_iops: int | None = param("guaranteed", kind="long", check=not_built("guaranteed operations of storage"), since="4.17")
    max_iops: int | None = param("at most", kind="long", check=not_built("guaranteed operations of storage"), since="4.17")
    auto_migrate: bool | None = param("to another pool", check=not_built("moves between pools"), since="4.17")
    shrink_ok: bool | None = param("may become smaller", check=not_built("disks that shrink"), since="4.17")
