"""Raising alerts: each trouble is one alert however often it is seen, until somebody archives it or it is settled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.operations.model import Alert


class AlertType(NamedTuple):
    """A type of alert as the API numbers and names it."""

    number: int
    name: str


_NAMES = """
    0 MEMORY, 1 CPU, 2 STORAGE, 3 STORAGE.ALLOCATED, 4 NETWORK.PUBLICIP, 5 NETWORK.PRIVATEIP, 6 STORAGE.SECONDARY, 7 COMPUTE.HOST,
    8 USERVM, 9 SERVICE.DOMAINROUTER, 10 SERVICE.CONSOLEPROXY, 11 NETWORK.ROUTING, 12 STORAGE.MISC, 13 USAGE, 14 MANAGEMENT,
    15 NETWORK.DOMAINROUTERMIGRATE, 16 SERVICE.CONSOLEPROXYMIGRATE, 17 USERVM.MIGRATE, 18 NETWORK.VLAN, 19 SERVICE.SSVM,
    20 USAGE.RESULT, 21 STORAGE.DELETE, 22 RESOURCE.COUNT, 23 USAGE.SANITY, 24 NETWORK.DIRECTPUBLICIP, 25 STORAGE.LOCAL,
    26 RESOURCE.EXCEED, 27 TYPE.SYNC, 28 UPLOAD.FAILED, 29 OOBM.AUTHERROR, 30 HA.ACTION, 31 CA.CERT, 32 VM.SNAPSHOT,
    33 VR.PUBLIC.IFACE.MTU, 34 VR.PRIVATE.IFACE.MTU, 10 NETWORK.IPV6SUBNET, 20 STORAGE.OBJECT, 21 STORAGE.BACKUP,
    33 TYPE.EXTENSION.PATH.NOT.READY, 34 S2S.VPN.GATEWAY.OBSOLETE.PARAMETERS, 35 BACKUP.VALIDATION.FAILED,
    36 BACKUP.VALIDATION.UNABLE.TO.VALIDATE, 37 BACKUP.VALIDATION.CLEANUP_FAILED
"""  # some numbers stand for two types, as in the API; the first is meant where only the number is given
TYPES = {name: AlertType(int(number), f"ALERT.{name}") for number, name in (one.split() for one in _NAMES.split(","))}
"""By name without "ALERT.": TYPES["COMPUTE.HOST"]."""
hearers: list[Callable[[Tx, Alert], None]] = []
"""Called with each alert that is new, or of a type that is told each time it is raised, in the transaction that raises it."""


def _named(text: str) -> list[str]:
    return [name.removeprefix("ALERT.") for part in text.split(",") if (name := part.strip().upper())]


def _bad_types(text: str, scope: str) -> str | None:
    unknown = [name for name in _named(text) if name not in TYPES]
    return f"takes names of types of alerts, by comma; {unknown[0][:64]!r} is none (see listAlertTypes)" if unknown else None


REPEATED = setting(
    "alert.allowed.repetitive.types", "", "names of types of alerts, by comma, that are mailed each time they are raised, not "
    "only the first time", category="Alert", check=_bad_types,
)  # fmt: skip


def repeats(reader: Reader, type_: AlertType) -> bool:
    """Whether alerts of a type are told each time they are raised."""
    return type_.name.removeprefix("ALERT.") in _named(REPEATED.get(reader))


def alert(tx: Tx, type_: AlertType, subject: str, description: str, **at: int | None) -> Alert:
    """Raise an alert, or count one that is open. `subject` names what it is about, so that two troubles of one type are two
    alerts; `at` says where: zone_id, pod_id, cluster_id."""
    same = f"{type_.name} {subject}"[:255]
    row = tx.find(Alert, Alert.c.same == same)
    if row is None:
        told: dict[str, Any] = {
            "number": type_.number,
            "name": type_.name,
            "description": description[:1024],
            "sent": tx.now,
            **at,
        }
        row = tx.insert(Alert(subject=subject[:255], same=same, **told))
        tell = True
    else:
        tx.update(row, times=row.times + 1, description=description[:1024], sent=tx.now)
        tell = repeats(tx, type_)
    for hear in hearers if tell else ():
        hear(tx, row)
    return row


def settle(tx: Tx, type_: AlertType, subject: str) -> None:
    """Note that the trouble passed. Should it come back, that is a new alert."""
    row = tx.find(Alert, Alert.c.same == f"{type_.name} {subject}"[:255])
    if row is not None:
        tx.update(row, settled=tx.now, same=row.uuid)
