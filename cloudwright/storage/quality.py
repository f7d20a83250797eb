"""What service and disk offerings say alike about disks: where they lie, how they are made, how fast they may be."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from cloudwright.core.access import Caller
from cloudwright.core.command import Verb
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed
from cloudwright.drivers.hypervisor.contract import Limit, Limits
from cloudwright.identity.model import ADMIN, DOMAIN_ADMIN, Account, Domain
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone
from cloudwright.infrastructure.offered import OfferedView, check_fits

TAGGED = setting(
    "allow.domain.admins.to.create.tagged.offerings", False, "whether domain administrators may make offerings with tags",
    scopes=("account",),
)  # fmt: skip
STORAGE = ("shared", "local")
PROVISIONING = ("thin", "sparse", "fat")
CACHES = ("none", "writeback", "writethrough", "hypervisor_default")
STATES = {"active": "Active", "inactive": "Inactive"}
LIMITED = {
    "read_bytes": "bytes_read", "write_bytes": "bytes_write", "read_operations": "iops_read", "write_operations": "iops_write",
}  # fmt: skip
_IOPS = "storage that guarantees operations per second"


class Rates(Verb):
    """How fast a disk may be."""

    bytes_read_rate: int | None = param("bytes a second that may be read", kind="long", minimum=0)
    bytes_read_rate_max: int | None = param("bytes a second that may be read in a burst", kind="long", minimum=0)
    bytes_read_rate_max_length: int | None = param("how many seconds a burst may last", kind="long", minimum=0)
    bytes_write_rate: int | None = param("bytes a second that may be written", kind="long", minimum=0)
    bytes_write_rate_max: int | None = param("bytes a second that may be written in a burst", kind="long", minimum=0)
    bytes_write_rate_max_length: int | None = param("how many seconds a burst may last", kind="long", minimum=0)
    iops_read_rate: int | None = param("reads a second", kind="long", minimum=0)
    iops_read_rate_max: int | None = param("reads a second in a burst", kind="long", minimum=0)
    iops_read_rate_max_length: int | None = param("how many seconds a burst may last", kind="long", minimum=0)
    iops_write_rate: int | None = param("writes a second", kind="long", minimum=0)
    iops_write_rate_max: int | None = param("writes a second in a burst", kind="long", minimum=0)
    iops_write_rate_max_length: int | None = param("how many seconds a burst may last", kind="long", minimum=0)
    cache_mode: str | None = param("how the host caches the disk", choices=CACHES)


class Quality(Rates):
    """What a new offering says about its disks and to whom it is offered."""

    storage_type: str = param("where its disks lie: on shared or on a host's local storage", default="shared", choices=STORAGE)
    provisioning_type: str = param("how its disks take room", default="thin", choices=PROVISIONING)
    domain: list[Ref[Domain]] = param(
        "the domains it is for, with those below; without: everybody", wire_name="domainid", default=[]
    )
    zone: list[Ref[Zone]] = param("the zones it is for; without: all", wire_name="zoneid", default=[], since="4.13")
    customized_iops: bool | None = param("whether callers choose guaranteed operations", check=not_built(_IOPS))
    min_iops: int | None = param("guaranteed operations a second", kind="long", check=not_built(_IOPS))
    max_iops: int | None = param("operations a second above the guarantee", kind="long", check=not_built(_IOPS))
    hypervisor_snapshot_reserve: int | None = param("room kept for snapshots, in percent", check=not_built("managed storage"))
    storage_policy: str | None = param(
        "a vSphere storage policy", kind="uuid", check=not_built("VMware"), wire_name="storagepolicy"
    )


def rates(command: Rates, now: Limits) -> dict[str, Any]:
    """The columns of the rates that were given, in place of those there are `now`. Raises ParamError where a burst is none."""
    values: dict[str, Any] = {}
    chosen = {}
    for field_, prefix in LIMITED.items():
        was: Limit = getattr(now, field_)
        names = {"rate": f"{prefix}_rate", "burst": f"{prefix}_rate_max", "seconds": f"{prefix}_rate_max_length"}
        given = {part: getattr(command, name) for part, name in names.items()}
        limit = replace(was, **{part: value for part, value in given.items() if value is not None})
        _check_burst(limit, f"{prefix}_rate".replace("_", ""))
        chosen[field_] = limit
    if (limits := Limits(**chosen)) != now:
        values["limits"] = limits
    if command.cache_mode is not None:
        values["cache_mode"] = command.cache_mode.lower()
    return values


def _check_burst(limit: Limit, name: str) -> None:
    if (limit.burst and limit.burst <= limit.rate) or (limit.burst and not limit.rate):
        text = f"Parameter {name}max: bursts of {limit.burst} a second are not more than the rate, {limit.rate or 'unlimited'}"
        raise ParamError(text, param=f"{name}max", fix=[f"give {name}, and more in {name}max"])
    if limit.seconds and not limit.burst:
        raise ParamError(f"Parameter {name}maxlength: there is no burst that could last {limit.seconds} seconds; give {name}max",
                         param=f"{name}maxlength")  # fmt: skip


def quality(command: Quality) -> dict[str, Any]:
    """The columns that service and disk offerings share."""
    return {
        "storage_type": command.storage_type.lower(),
        "provisioning": command.provisioning_type.lower(),
        "zone_ids": [z.uuid for z in command.zone],
        **rates(command, Limits()),
    }


def allow(tx: Reader, caller: Caller, command: Any, tags: str) -> None:
    """An administrator of a domain makes offerings for that domain and those below, and without tags unless a setting
    allows them. Raises Denied."""
    if caller.root:
        return
    its = [domain for domain in command.domain if domain.path.startswith(caller.domain_path)]  # a clone's source has others, too
    command.__dict__["domain"] = its or [tx.get(Domain, caller.domain_id)]
    if tags and not may_tag(tx, caller.account_id):
        text = "Offerings with tags are made by administrators of root"
        raise Denied(text, param="tags", why=[f"{TAGGED.name} is false for your account"])


def may_tag(reader: Reader, account_id: int) -> bool:
    """Whether an account may make offerings with tags."""
    account = reader.get(Account, account_id)
    return account.type_ == ADMIN or (account.type_ == DOMAIN_ADMIN and TAGGED.get(reader, account=account_id))


def check_offered(reader: Reader, offering: Any, zone: Zone, domain_id: int, name: str = "diskofferingid") -> None:
    """Raises ParamError where an offering is inactive, for other zones, or for other domains than this and those above it."""
    if offering.state != "Active":
        raise ParamError(f"Parameter {name}: {offering.name} is {offering.state}", param=name)
    check_fits(reader, offering, zone, domain_id, name)


def state_of(text: str) -> str:
    """An offering's state as it is stored. Raises ParamError."""
    if text.lower() not in STATES:
        raise ParamError(f"Parameter state: {text[:64]!r} is neither Active nor Inactive", param="state")
    return STATES[text.lower()]


def rate(of: str, part: str, doc: str) -> Any:
    """The field of a limit of the hidden field `_limits`: told when there is one."""
    return computed(lambda row, caller: getattr(getattr(row["_limits"], of), part) or None, doc, "long")


class OfferingView(OfferedView):
    """The fields that service and disk offerings share."""

    diskBytesReadRate = rate("read_bytes", "rate", "bytes a second that may be read")  # noqa: N815
    diskBytesReadRateMax = rate("read_bytes", "burst", "bytes a second that may be read in a burst")  # noqa: N815
    diskBytesReadRateMaxLength = rate("read_bytes", "seconds", "how many seconds a burst may last")  # noqa: N815
    diskBytesWriteRate = rate("write_bytes", "rate", "bytes a second that may be written")  # noqa: N815
    diskBytesWriteRateMax = rate("write_bytes", "burst", "bytes a second that may be written in a burst")  # noqa: N815
    diskBytesWriteRateMaxLength = rate("write_bytes", "seconds", "how many seconds a burst may last")  # noqa: N815
    diskIopsReadRate = rate("read_operations", "rate", "reads a second")  # noqa: N815
    diskIopsReadRateMax = rate("read_operations", "burst", "reads a second in a burst")  # noqa: N815
    diskIopsReadRateMaxLength = rate("read_operations", "seconds", "how many seconds a burst may last")  # noqa: N815
    diskIopsWriteRate = rate("write_operations", "rate", "writes a second")  # noqa: N815
    diskIopsWriteRateMax = rate("write_operations", "burst", "writes a second in a burst")  # noqa: N815
    diskIopsWriteRateMaxLength = rate("write_operations", "seconds", "how many seconds a burst may last")  # noqa: N815
