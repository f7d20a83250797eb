"""The rows of operations: alerts and their letters. Events, tasks and settings are core's."""

from __future__ import annotations

from cloudwright.core.resource import Resource, column


class Alert(Resource, table="alert", unique=[("same",)], indexes=[("number", "id")]):
    """Something an operator should know. `same` is what an alert raised again is recognised by: it is counted, not repeated. An
    archived or settled alert keeps its own uuid there."""

    number: int  # the API's type number
    name: str  # and name: ALERT.MANAGEMENT …
    subject: str
    description: str = column(length=1024)
    same: str
    zone_id: int | None = None
    pod_id: int | None = None
    cluster_id: int | None = None
    times: int = 1
    sent: float | None = None
    archived: bool = False
    settled: float | None = None


class AlertLetter(Resource, table="alert_letter", unique=[("alert_id", "address")], indexes=[("due", "id")]):
    """An alert that is to be mailed to an address. It goes when the mail server has it, or when it is given up."""

    alert_id: int
    address: str
    due: float  # when it is tried; while it is, when that try has failed
    tries: int = 0
