"""Events: what happened, to what, by whom, in one sentence. Written in the transaction of what they tell of."""

from __future__ import annotations

from collections.abc import Callable

from cloudwright.core.access import Caller
from cloudwright.core.resource import Owned, Resource, column
from cloudwright.core.tx import Tx

hearers: list[Callable[[Tx, Event], object]] = []
"""What else takes note of each event, in its transaction."""

SYSTEM_ID = 1  # of the account and the user `system`, and of the domain ROOT, as installed


class Event(
    Owned,
    table="event",
    indexes=[("kind_of", "id"), ("instance", "id"), ("start_id",)],
    searched=["kind_of", "description", "username", "level"],
):
    """An event. `state` is Created, Scheduled, Started or Completed; `level` INFO, WARN or ERROR."""

    kind_of: str
    level: str = column(length=8, default="INFO")
    state: str = column(length=16, default="Completed")
    description: str = column(length=1024)
    user_id: int
    username: str
    instance: str = ""
    instance_uuid: str = ""
    instance_name: str = ""
    start_id: int = 0
    job: str = ""  # uuid of the task
    api_key: str = ""
    archived: bool = False


def name_of(row: Resource) -> str:
    """What people call a row; "" where it has no name."""
    known = row.__dict__
    return str(known.get("name") or known.get("username") or "")


def emit(  # noqa: PLR0913 - a record
    tx: Tx,
    kind: str,
    description: str,
    *,
    about: Resource | None = None,
    caller: Caller | None = None,
    level: str = "INFO",
    state: str = "Completed",
    start_id: int = 0,
    job: str = "",
) -> Event:
    """Write an event, in the transaction of what it tells of. It belongs to the owner of what it is about."""
    account = getattr(about, "account_id", None) or (caller.account_id if caller else SYSTEM_ID)
    domain = getattr(about, "domain_id", None) or (caller.domain_id if caller else SYSTEM_ID)
    event = Event(
        kind_of=kind, description=description[:1024], level=level, state=state, account_id=account, domain_id=domain,
        user_id=caller.user_id if caller else SYSTEM_ID, username=caller.username if caller else "system",
        instance=f"{about.kind}:{about.id}" if about else "", instance_uuid=about.uuid if about else "",
        instance_name=name_of(about) if about else "", start_id=start_id, job=job,
        api_key=caller.api_key[:8] if caller else "",
    )  # fmt: skip
    tx.insert(event)
    tx.signal("event")
    for hear in hearers:
        hear(tx, event)
    return event
