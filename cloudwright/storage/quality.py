"""What service and disk offerings say alike about disks: where they lie, how they are made, how fast they may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use, lookup
from cloudwright.core.command import Verb
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import View, computed, field, many
from cloudwright.identity.model import Domain
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone

STORAGE = ("shared", "local")
PROVISIONING = ("thin", "sparse", "fat")
CACHES = ("none", "writeback", "writethrough", "hypervisor_default")
STATES = {"active": "Active", "inactive": "Inactive"}
_BURST = "bursts above a rate limit"
_IOPS = "storage that guarantees operations per second"


class Rates(Verb):
    """How fast a disk may be. Reads and writes share one limit, so both are given and alike."""

    bytes_read_rate: int | None = param("bytes a second that may be read; reads and writes share it", kind="long", minimum=0)
    bytes_write_rate: int | None = param("bytes a second that may be written: the same number", kind="long", minimum=0)
    iops_read_rate: int | None = param("operations a second; reads and writes share them", kind="long", minimum=0)
    iops_write_rate: int | None = param("operations a second: the same number", kind="long", minimum=0)
    bytes_read_rate_max: int | None = param("burst of bytes read", kind="long", check=not_built(_BURST))
    bytes_read_rate_max_length: int | None = param("seconds of the burst", kind="long", check=not_built(_BURST))
    bytes_write_rate_max: int | None = param("burst of bytes written", kind="long", check=not_built(_BURST))
    bytes_write_rate_max_length: int | None = param("seconds of the burst", kind="long", check=not_built(_BURST))
    iops_read_rate_max: int | None = param("burst of reads", kind="long", check=not_built(_BURST))
    iops_read_rate_max_length: int | None = param("seconds of the burst", kind="long", check=not_built(_BURST))
    iops_write_rate_max: int | None = param("burst of writes", kind="long", check=not_built(_BURST))
    iops_write_rate_max_length: int | None = param("seconds of the burst", kind="long", check=not_built(_BURST))
    cache_mode: str | None = param("how the host caches the disk", choices=CACHES)


class Quality(Rates):
    """What a new offering says about its disks and to whom it is offered."""

    storage_type: str = param("where its disks lie: on shared or on a host's local storage", default="shared", choices=STORAGE)
    provisioning_type: str = param("how its disks take room", default="thin", choices=PROVISIONING)
    domain: list[Ref[Domain]] = param(
        "the domain it is for, with those below; without: everybody", wire_name="domainid", default=[]
    )
    zone: list[Ref[Zone]] = param("the zones it is for; without: all", wire_name="zoneid", default=[], since="4.13")
    customized_iops: bool | None = param("whether callers choose guaranteed operations", check=not_built(_IOPS))
    min_iops: int | None = param("guaranteed operations a second", kind="long", check=not_built(_IOPS))
    max_iops: int | None = param("operations a second above the guarantee", kind="long", check=not_built(_IOPS))
    hypervisor_snapshot_reserve: int | None = param("room kept for snapshots, in percent", check=not_built("managed storage"))
    storage_policy: str | None = param(
        "a vSphere storage policy", kind="uuid", check=not_built("VMware"), wire_name="storagepolicy"
    )


def rates(command: Rates) -> dict[str, Any]:
    """The columns of the rates that were given. Raises ParamError where reads and writes differ."""
    values: dict[str, Any] = {}
    for unit in ("bytes", "iops"):
        reads, writes = getattr(command, f"{unit}_read_rate"), getattr(command, f"{unit}_write_rate")
        if reads != writes:
            raise ParamError(
                f"Parameters {unit}readrate and {unit}writerate: {reads} and {writes} differ, and they share one limit here",
                param=f"{unit}readrate",
                fix=[f"give both, with the same number: together they may do that many {unit} a second"],
            )
        if reads is not None:
            values[f"{unit}_rate"] = reads
    if command.cache_mode is not None:
        values["cache_mode"] = command.cache_mode.lower()
    return values


def quality(command: Quality) -> dict[str, Any]:
    """The columns that service and disk offerings share."""
    return {
        "storage_type": command.storage_type.lower(),
        "provisioning": command.provisioning_type.lower(),
        "domain_id": single([d.id for d in command.domain]),
        "zone_ids": [z.uuid for z in command.zone],
        **rates(command),
    }


def single(domains: Sequence[int]) -> int | None:
    """The only domain. Raises ParamError when there are more."""
    if len(domains) > 1:
        raise ParamError(
            f"Parameter domainid: an offering is for one domain and those below it, and {len(domains)} were given",
            param="domainid",
            fix=["make one offering for each domain", "give the domain above all of them"],
        )
    return domains[0] if domains else None


def offered_to(reader: Reader, caller: Caller, domains: str | None, zones: str | None) -> dict[str, Any]:
    """The columns of an update's `domainid` (ids, or "public") and `zoneid` (ids, or "all")."""
    values: dict[str, Any] = {}
    if domains is not None:
        ids = [] if domains.lower() == "public" else [_row(reader, caller, Domain, d, "domainid").id for d in _split(domains)]
        values["domain_id"] = single(ids)
    if zones is not None:
        chosen = [] if zones.lower() == "all" else [_row(reader, caller, Zone, z, "zoneid") for z in _split(zones)]
        values["zone_ids"] = [zone.uuid for zone in chosen]
    return values


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _row(reader: Reader, caller: Caller, kind: Any, uuid: str, name: str) -> Any:
    row = reader.one(lookup(kind, caller.kind, Use.USE), {"value": uuid.lower(), **caller.binds()})
    if row is None:
        raise ParamError(f"Parameter {name}: there is no {kind.kind} {uuid[:64]} that you may use", param=name)
    return kind.load(row)


def in_zone(of: Any) -> Any:
    """A condition maker: the offering is for all zones, or for the one whose id is bound."""

    def condition(bind: Any) -> sa.ColumnElement[bool]:
        uuid = sa.select(Zone.c.uuid).where(Zone.c.id == bind).scalar_subquery()
        text = sa.cast(of.c.zone_ids, sa.Text)
        return sa.or_(text == "[]", text.like(sa.literal('%"').concat(uuid).concat('"%')))

    return condition


def state_of(text: str) -> str:
    """An offering's state as it is stored. Raises ParamError."""
    if text.lower() not in STATES:
        raise ParamError(f"Parameter state: {text[:64]!r} is neither Active nor Inactive", param="state")
    return STATES[text.lower()]


class OfferingView(View):
    """The fields that service and disk offerings share."""

    def __init_subclass__(cls, *, of: Any = None, key: str = "", joins: Any = ()) -> None:
        super().__init_subclass__(of=of, key=key, joins=[*joins, (Domain, Domain.c.id == of.c.domain_id)])

    domainid = field(Domain.c.uuid, "the domain it is for; none: everybody")
    domain = field(Domain.c.name, "the name of that domain")
    zoneid = computed(lambda row, caller: _joined(row, "id"), "the zones it is for, by comma; none: all")
    zone = computed(lambda row, caller: _joined(row, "name"), "the names of those zones")
    diskBytesWriteRate = computed(lambda row, caller: row.get("diskBytesReadRate"), "bytes a second that may be written", "long")  # noqa: N815
    diskIopsWriteRate = computed(lambda row, caller: row.get("diskIopsReadRate"), "writes a second", "long")  # noqa: N815


def zones_of(of: Any) -> Any:
    """The hidden field from which an offering's zones are told."""
    holds = sa.cast(of.c.zone_ids, sa.Text).like(sa.literal('%"').concat(Zone.c.uuid).concat('"%'))
    return many(Zone, holds, {"id": Zone.c.uuid, "name": Zone.c.name}, "its zones")


def limit(column: Any, doc: str) -> Any:
    """The field of a rate: told when there is one."""
    return field(sa.func.nullif(column, 0, type_=sa.BigInteger), doc, "long")


def _joined(row: dict[str, Any], name: str) -> str | None:
    return ",".join(zone[name] for zone in row.get("_zones") or []) or None
