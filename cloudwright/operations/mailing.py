"""Mailing alerts: each leaves a letter to each address in its own transaction, and a loop hands them to the mail server.

A letter is there until the server has it. A try is committed before it is made, so a server of ours that is killed makes it again
only where nobody knows how it ended; who gets such a letter twice can tell by its Message-ID.
"""

from __future__ import annotations

import logging
import smtplib
import time
import weakref
from email.headerregistry import Address

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from cloudwright.core.error import Unavailable, counted
from cloudwright.core.loop import Loop, wake
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import date
from cloudwright.identity.mail import Post, Postbox
from cloudwright.infrastructure.model import Pod, Zone
from cloudwright.operations.flight import Flights
from cloudwright.operations.model import Alert, AlertLetter
from cloudwright.operations.raising import TYPES, alert, hearers, settle

log = logging.getLogger(__name__)


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _bad_addresses(text: str, scope: str) -> str | None:
    for part in _listed(text):
        try:
            domain = Address(addr_spec=part).domain
        except ValueError:
            domain = ""
        if not domain or len(part) > 254:
            return f"takes e-mail addresses, by comma; {part[:64]!r} is none"
    return None


ADDRESSES = setting(
    "alert.email.addresses", "", "the addresses that alerts are mailed to, by comma; none: they are only listed",
    category="Alert", check=_bad_addresses,
)  # fmt: skip
BOX = Postbox("alert.smtp.", "alert.email.sender", 465, "alerts", "Alert")
CONNECTING = setting(
    "alert.smtp.connectiontimeout", 30000, "milliseconds that the mail server for alerts may take to greet", category="Alert",
    minimum=100, maximum=600000,
)  # fmt: skip
ANSWERING = setting(
    "alert.smtp.timeout", 30000, "milliseconds that it may take for each answer then", category="Alert", minimum=100,
    maximum=600000,
)  # fmt: skip
AT_ONCE = 4  # letters that are being handed over
LONGEST_REST = 300.0  # seconds between two tries
PATIENCE = 5 * 86400.0  # seconds after which a letter is given up, as mail servers do
LOUD = 3  # tries of a letter that failed, from which on an alert says so
LOOK = 0.2
_SUBJECT = "mail of alerts"  # what an alert that they are not mailed is about


class Problem(Struct, frozen=True):
    """Why a letter was not taken. `everything`: no letter to anybody would have been."""

    text: str
    everything: bool


def queue(tx: Tx, row: Alert) -> None:
    """Leave a letter of an alert to each address that has none waiting."""
    addresses = _listed(ADDRESSES.get(tx))
    waiting = {letter.address for letter in tx.all(AlertLetter, AlertLetter.c.alert_id == row.id)} if addresses else set()
    for address in addresses:
        if address not in waiting:
            tx.insert(AlertLetter(alert_id=row.id, address=address, due=tx.now))
    if addresses:
        wake(tx, MailAlerts)


hearers.append(queue)


def post(reader: Reader) -> Post:
    """The mail server to use. Raises Unavailable when the settings name none, or cannot be followed."""
    seconds = {"connecting": CONNECTING.get(reader) / 1000, "answering": ANSWERING.get(reader) / 1000}
    return replace(BOX.post(reader), **seconds)


class Letter(Struct, frozen=True):
    """What is mailed, to whom."""

    to: str
    subject: str
    text: str
    id: str


def letter(reader: Reader, row: Alert, to: AlertLetter) -> Letter:
    """An alert as it is mailed."""
    zone = f"\nZone: {reader.get(Zone, row.zone_id).name}" if row.zone_id else ""
    pod = f"\nPod: {reader.get(Pod, row.pod_id).name}" if row.pod_id else ""
    passed = f"\nIt passed: {date(row.settled)}" if row.settled else ""
    times = f"\nRaised: {date(row.created)}" + (
        f", {row.times} times until {date(row.sent or row.created)}" if row.times > 1 else ""
    )
    text = f"{row.description}\n\nType: {row.name} ({row.number}){zone}{pod}{times}{passed}\nAlert: {row.uuid}\n"
    subject = " ".join(f"[Cloudwright] {row.name}: {row.description}".split())
    return Letter(to.address, subject[:150], text, to.uuid)


def send(by: Post, what: Letter) -> Problem | None:
    """Hand a letter over. Never raises: what hinders it is the answer."""
    try:
        by.send(what.to, what.subject, what.text, what.id)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        return Problem(f"it refused {what.to}: {code} {_said(said)}", False)
    except smtplib.SMTPAuthenticationError as error:
        return Problem(f"it refused the sign-in: {error.smtp_code}", True)
    except smtplib.SMTPResponseException as error:
        mine = isinstance(error, smtplib.SMTPDataError)
        return Problem(f"it answered {error.smtp_code} {_said(error.smtp_error)}", not mine)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return Problem(str(error) or type(error).__name__, True)
    except Exception:
        log.exception("BUG: a letter to %s was not sent (LetterFailed)", what.to)
        return Problem("it failed; the log of the server says why", False)
    return None


def _said(answer: bytes | str) -> str:
    return " ".join((answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer).split())[:200]


_flights: weakref.WeakKeyDictionary[sa.Engine, Flights[Problem | None]] = weakref.WeakKeyDictionary()


class MailAlerts(Loop, every=60.0):
    """Hands the letters of alerts to the mail server."""

    def turn(self) -> float | None:
        read, now = self.read, time.time()
        flights = _flights.setdefault(read.connection.engine, Flights("alert letter"))
        for id, problem in flights.landed().items():
            self._store(flights, id, problem)
        waiting = sa.select(AlertLetter.c.id, AlertLetter.c.due).where(AlertLetter.c.gone == 0).order_by(AlertLetter.c.due)
        first = [one for one in read.rows(waiting.limit(2 * AT_ONCE)) if one.id not in flights.going]
        due = [one.id for one in first if one.due <= now][: AT_ONCE - len(flights.going)]
        for id in due:
            self.write(lambda tx, which=id: _begin(tx, which, flights))  # type: ignore[misc]
        if flights.going or due:
            return LOOK
        return max(LOOK, min(self.every, first[0].due - now)) if first else None

    def _store(self, flights: Flights[Problem | None], id: int, problem: Problem | None) -> None:
        def store(tx: Tx) -> None:
            end(tx, id, problem)
            tx.after(lambda: flights.forget(id))

        self.write(store)


def _begin(tx: Tx, id: int, flights: Flights[Problem | None]) -> None:
    """Note that a letter is tried and, once that is committed, try it. What nobody waits for any more goes."""
    row = tx.find(AlertLetter, AlertLetter.c.id == id)
    if row is None:
        return
    about = tx.find(Alert, Alert.c.id == row.alert_id)
    if about is None or row.address not in _listed(ADDRESSES.get(tx)):
        _drop(tx, row)
        return
    try:
        by = post(tx)
    except Unavailable as error:
        tx.update(row, tries=row.tries + 1)
        end(tx, id, Problem("; ".join(error.why), True))
        return
    tx.update(row, tries=row.tries + 1, due=tx.now + by.connecting + 4 * by.answering)
    what = letter(tx, about, row)
    tx.after(lambda: flights.begin(id, lambda: send(by, what)))


def end(tx: Tx, id: int, problem: Problem | None) -> None:
    """Note how a try went: the letter is gone, or tried again later, or given up."""
    row = tx.find(AlertLetter, AlertLetter.c.id == id)
    if row is None:
        return  # the alert was deleted meanwhile
    if problem is None:
        _drop(tx, row)
        for subject in (_SUBJECT, f"{_SUBJECT} to {row.address}"):
            settle(tx, TYPES["MANAGEMENT"], subject)
        return
    over = tx.now - row.created > PATIENCE
    if over:
        _drop(tx, row)
    else:
        tx.update(row, due=tx.now + min(LONGEST_REST, 5.0 * 2 ** min(row.tries, 10)))
        if problem.everything:  # the others need not find it out one by one
            sooner = (AlertLetter.c.due < row.due, AlertLetter.c.tries > 0)
            tx.execute(AlertLetter.t.update().where(*sooner).values(due=row.due, version=AlertLetter.c.version + 1))
    _tell(tx, row, problem, over)


def _tell(tx: Tx, row: AlertLetter, problem: Problem, over: bool) -> None:
    server = f"{BOX.host.get(tx) or 'the mail server'} port {BOX.port.get(tx)}"
    what = "was given up" if over else "is tried again"
    log.log(logging.ERROR if over else logging.WARNING, "an alert to %s %s, %s: %s", row.address, what, server, problem.text)
    about = tx.find(Alert, Alert.c.id == row.alert_id)
    if about is None or about.subject.startswith(_SUBJECT) or (row.tries < LOUD and not over):
        return
    waiting = counted({"letter": tx.count(AlertLetter)}) or "no letters"
    text = f"Alerts are not mailed to {row.address} through {server}: {problem.text}. One {what} after {row.tries} tries"
    subject = _SUBJECT if problem.everything else f"{_SUBJECT} to {row.address}"
    alert(tx, TYPES["MANAGEMENT"], subject, f"{text}; {waiting} are waiting")


def _drop(tx: Tx, row: AlertLetter) -> None:
    tx.execute(AlertLetter.t.delete().where(AlertLetter.c.id == row.id))
