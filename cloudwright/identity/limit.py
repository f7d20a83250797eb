"""Limits: what is limited, which limit is in force, and the refusal of what is beyond one.

An owner's own limit wins, else the setting for its kind (account, project, domain); -1 is none. Every domain above is asked, too.
Under a tag there is no limit but the owner's own for that tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from cloudwright.core.error import LimitReached
from cloudwright.core.setting import Setting, setting
from cloudwright.core.tally import Counted
from cloudwright.core.tx import Reader
from cloudwright.identity.model import ADMIN, PROJECT, Account, Domain

NONE = -1
GIB = 1 << 30


class Limited(Struct, frozen=True):
    """What is limited. `name` and `number` are the API's resource type; `key` begins the names of its fields in answers;
    `defaults` are the settings by kind of owner. `unit` is how many of the ledger's make one of the API's."""

    kind: Counted
    number: int
    name: str
    key: str
    words: str
    unit: int
    defaults: Mapping[str, Setting[int]]

    def shown(self, number: int) -> str:
        """So many of the ledger's, in words."""
        return f"{number / self.unit:g} {self.words}"


_DECLARED = (  # kind, name, key, words, end of the settings' names, defaults of account, domain, project
    (Counted.INSTANCE, "user_vm", "vm", "instances", "user.vms", 20, 40, 20),
    (Counted.IP, "public_ip", "ip", "public addresses", "public.ips", 20, 40, 20),
    (Counted.VOLUME, "volume", "volume", "volumes", "volumes", 20, 40, 20),
    (Counted.SNAPSHOT, "snapshot", "snapshot", "snapshots", "snapshots", 20, 40, 20),
    (Counted.TEMPLATE, "template", "template", "templates", "templates", 20, 40, 20),
    (Counted.PROJECT, "project", "project", "projects", "projects", 10, 50, None),
    (Counted.NETWORK, "network", "network", "networks", "networks", 20, 40, 20),
    (Counted.VPC, "vpc", "vpc", "VPCs", "vpcs", 20, 40, 20),
    (Counted.CPU, "cpu", "cpu", "processors", "cpus", 40, 80, 40),
    (Counted.MEMORY, "memory", "memory", "MiB of memory", "memory", 40960, 81920, 40960),
    (Counted.PRIMARY_STORAGE, "primary_storage", "primarystorage", "GiB of primary storage", "primary.storage", 200, 400, 200),
    (
        Counted.SECONDARY_STORAGE, "secondary_storage", "secondarystorage", "GiB of secondary storage", "secondary.storage",
        400, 800, 400,
    ),
    (Counted.BACKUP, "backup", "backup", "backups", "backups", 20, 40, 20),
    (Counted.BACKUP_STORAGE, "backup_storage", "backupstorage", "GiB of backup storage", "backup.storage", 400, 800, 400),
    (Counted.BUCKET, "bucket", "bucket", "buckets", "buckets", 20, 20, 20),
    (Counted.OBJECT_STORAGE, "object_storage", "objectstorage", "GiB of object storage", "object.storage", 400, 400, 400),
    (Counted.GPU, "gpu", "gpu", "GPUs", "gpus", 20, 20, 20),
)  # fmt: skip


def _limited(number: int, declared: tuple[Any, ...]) -> Limited:
    kind, name, key, words, end, *most = declared
    defaults = {
        whose: setting(
            f"max.{whose}.{end}", default, f"how many {words} a {whose} may have that has no limit of its own; -1: any number",
            category=f"{whose.title()} Defaults",
        )
        for whose, default in zip(("account", "domain", "project"), most, strict=True)
        if default is not None
    }  # fmt: skip
    return Limited(kind, number, name, key, words, GIB if "GiB" in words else 1, defaults)


ALL = tuple(_limited(number, declared) for number, declared in enumerate(_DECLARED))
BY_KIND = {one.kind: one for one in ALL}
BY_NAME = {one.name: one for one in ALL}

RUNNING_ONLY = setting(
    "resource.count.running.vms.only", False, "whether limits of instances are for those that run, not for all"
)
HOST_TAGS = setting("resource.limit.host.tags", "", "the host tags, by comma, under which instances have limits of their own")
STORAGE_TAGS = setting(
    "resource.limit.storage.tags", "", "the storage tags, by comma, under which volumes have limits of their own"
)
OF_HOSTS = (Counted.INSTANCE, Counted.CPU, Counted.MEMORY, Counted.GPU)
OF_STORAGE = (Counted.VOLUME, Counted.PRIMARY_STORAGE)
RUNNING = {Counted.INSTANCE: Counted.RUNNING, Counted.CPU: Counted.RUNNING_CPU, Counted.MEMORY: Counted.RUNNING_MEMORY}
"""What is counted instead where only running instances are limited."""


_BY_COUNTED = {only: {RUNNING.get(one.kind, one.kind) if only else one.kind: one for one in ALL} for only in (False, True)}


class Held(Struct, frozen=True):
    """An owner's tally under a tag, as it is now."""

    owner_kind: str
    owner_id: int
    tag: str
    limits: Mapping[str, int]
    used: Mapping[Counted, int]
    account_type: int = 0

    @property
    def whose(self) -> str:
        """By which settings it is limited: account, project, domain; "" where nothing limits it."""
        if self.owner_kind == "domain":
            return "domain"
        return {ADMIN: "", PROJECT: "project"}.get(self.account_type, "account")


def counted(reader: Reader, kind: Counted) -> Counted:
    """What of the ledger counts towards a limit now."""
    return RUNNING[kind] if kind in RUNNING and RUNNING_ONLY.get(reader) else kind


def tags_of(text: str) -> list[str]:
    """The tags of a text in which commas separate them, each once."""
    return list(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))


def limited_tags(reader: Reader, kind: Counted) -> list[str]:
    """The tags under which a kind has limits of its own."""
    if kind in OF_HOSTS:
        return tags_of(HOST_TAGS.get(reader))
    return tags_of(STORAGE_TAGS.get(reader)) if kind in OF_STORAGE else []


def in_force(reader: Reader, held: Held, limited: Limited) -> int:
    """The most of it that an owner may have under no tag, in the ledger's unit; -1 for any number."""
    if not held.whose:
        return NONE
    own = held.limits.get(limited.kind)
    if own is None:
        default = limited.defaults.get(held.whose)
        own = default.get(reader) * limited.unit if default is not None else NONE
    return max(own, NONE)


def refuse_beyond(reader: Reader, tallies: Sequence[Held], more: Mapping[str, Mapping[Counted, int]]) -> None:
    """Refuse what is beyond a limit. `more` is what is asked for, by tag; `tallies` are the account's and its domains'. Raises
    LimitReached. A root administrator's account is not limited, nor are domains for it."""
    if any(held.owner_kind == "account" and not held.whose for held in tallies):
        return
    by_counted = _BY_COUNTED[RUNNING_ONLY.get(reader)]
    for held in tallies:
        for kind, asked in more.get(held.tag, {}).items():
            limited = by_counted.get(kind)
            if asked <= 0 or limited is None:
                continue
            most = in_force(reader, held, limited) if not held.tag else _tagged(reader, held, limited)
            if most != NONE and held.used[kind] + asked > most:
                raise _refusal(reader, held, limited, most, asked)


def _tagged(reader: Reader, held: Held, limited: Limited) -> int:
    own = held.limits.get(limited.kind, NONE)
    return own if held.tag in limited_tags(reader, limited.kind) else NONE


def _refusal(reader: Reader, held: Held, limited: Limited, most: int, asked: int) -> LimitReached:
    used = held.used[counted(reader, limited.kind)]
    own = limited.kind in held.limits
    if held.owner_kind == "domain":
        domain = reader.get(Domain, held.owner_id)
        who, named = f"Domain {domain.path}", f"domainid={domain.uuid}"
    else:
        account = reader.get(Account, held.owner_id)
        who = f"{'Project' if account.type_ == PROJECT else 'Account'} {account.name}"
        named = f"account={account.name} and domainid={reader.get(Domain, account.domain_id).uuid}"
    tagged = f" of tag {held.tag}" if held.tag else ""
    default = limited.defaults[held.whose] if not own else None
    least = -(-(used + asked) // limited.unit)
    fix = [f"raise it: updateResourceLimit with resourcetype={limited.number}, {named} and max={least} or more"]
    if default is not None:
        fix.append(f"or raise the setting {default.name}")
    have, more = f"{used / limited.unit:g}", f"{asked / limited.unit:g}"
    return LimitReached(
        f"{who} may have {limited.shown(most)}{tagged}: it has {have}, {more} more were asked for",
        why=[f"used {limited.shown(used)}{tagged}", f"asked for {limited.shown(asked)} more",
             f"the limit is {limited.shown(most)}, by {'its own limit' if default is None else f'setting {default.name}'}"],
        fix=[*fix, "remove what is not needed any more"],
    )  # fmt: skip
