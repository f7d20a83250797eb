"""The management network's trust: the built-in authority, one-time enrolment tokens, revocations.

The authority is made when it is first needed. A new one signs from then on; the older ones stay trusted until they are dropped,
so that no host is cut off. Tokens rest as digests; a host's private key never comes here.
"""

from __future__ import annotations

import hashlib
import secrets
import shlex
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from cloudwright.core.db import Database
from cloudwright.core.error import WrongState
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.host import pki
from cloudwright.infrastructure.model import Authority, EnrolToken, Host, IssuedCertificate, Revocation

ADDRESS = setting("host", "localhost", "at which addresses (comma separated) hosts reach this server; the first is told to them")
PORT = setting("port", 8250, "the port at which hosts reach this server", minimum=1, maximum=65535)
TOKEN_SECONDS = setting("host.enrol.token.seconds", 3600, "how long the token of a new host may be used", minimum=60)
CERTIFICATE_DAYS = setting(
    "host.certificate.days", 90, "how long a host's certificate is valid; it renews itself before", minimum=1, maximum=3650
)


def current(tx: Tx) -> Authority:
    """The authority that signs, made now if there is none."""
    found = _signing(tx)
    return found if found is not None else _new(tx)


def rotate(tx: Tx) -> Authority:
    """A new authority that signs from now on. The older ones stay trusted until `drop`."""
    for old in tx.all(Authority, Authority.c.active.is_(True)):
        tx.update(old, active=False)
    tx.signal("authority")
    return _new(tx)


def drop(tx: Tx, authority: Authority) -> None:
    """Trust an older authority no more: hosts that still have its certificates must enrol again. Raises WrongState."""
    if authority.active:
        raise WrongState(f"{authority.name} signs; make a new authority before this one is dropped")
    tx.remove(authority)
    tx.signal("authority")


def trusted(reader: Reader) -> list[str]:
    """The certificates (PEM) to trust, the one that signs first."""
    rows = reader.all(Authority)
    return [row.certificate for row in sorted(rows, key=lambda row: (not row.active, -row.id))]


def material(db: Database, names: list[str]) -> pki.Material:
    """What the hub shows and trusts: a fresh server certificate for these names and addresses."""
    authority = db.write(current)
    return pki.Material(pki.issue_server(_identity(authority), names), trusted(db.read()))


def enrol_command(tx: Tx, host: Host) -> str:
    """A new one-time token for a host, as the command to run there. Older tokens of the host are worth nothing from now on."""
    for old in tx.all(EnrolToken, EnrolToken.c.host_id == host.id):
        tx.remove(old)
    token = secrets.token_urlsafe(32)
    tx.insert(EnrolToken(host_id=host.id, digest=_digest(token), expires=tx.now + TOKEN_SECONDS.get(tx)))
    server = f"{ADDRESS.get(tx).split(',')[0].strip()}:{PORT.get(tx)}"
    return enrolment_command(server, token, pki.fingerprint(current(tx).certificate))


def enrolment_command(server: str, token: str, fingerprint: str) -> str:
    """The line that an operator pastes into a root shell of a new host. `server` is host:port.

    The token travels through a pipe from a shell builtin, so that no process list ever shows it.
    """
    agent = shlex.join(["cloudwright", "agent", "--server", server, "--fingerprint", fingerprint, "--token-file", "-"])
    return f"echo {shlex.quote(token)} | {agent}"


def issue(tx: Tx, names: list[str], request: str, days: float) -> IssuedCertificate:
    """A certificate for names and addresses, kept so that its asker can fetch it. Raises `pki.BadRequest`."""
    made = pki.issue_named(_identity(current(tx)), names, request, days)
    key = Secret(made.key) if made.key else None
    what = names[0] if names else pki.serial(made.certificate)
    return tx.insert(
        IssuedCertificate(name=what[:255], certificate=made.certificate, private_key=key, trust="".join(trusted(tx)))
    )


def revoke(tx: Tx, serial: str, host_id: int, why: str) -> Revocation:
    """Accept a host certificate no more, and have its connection cut."""
    tx.signal("revoked")
    return tx.insert(Revocation(serial=serial, host_id=host_id, why=why))


@dataclass(frozen=True)
class Gatekeeper:
    """What the hub asks before it lets a host in. All methods may be called on any thread."""

    db: Database

    def redeem(self, token: str) -> str | None:
        """Spend a token: the host's uuid, once; None when it is unknown, used or expired."""
        return self.db.write(lambda tx: _redeem(tx, _digest(token)))

    def sign(self, host: str, request: str) -> str:
        """A certificate for a host that is there. Raises LookupError or `pki.BadRequest`."""
        return self.db.write(lambda tx: sign_for(tx, host, request))

    def revoked(self, serial: str, host: str) -> bool:
        """Whether a certificate is accepted no more: it was revoked, or its host is gone."""
        reader = self.db.read()
        there = reader.find(Host, Host.c.uuid == host) is not None
        return not there or reader.find(Revocation, Revocation.c.serial == serial) is not None


class Connections(Protocol):
    """The hosts that hang on this server: the hub."""

    def hosts(self) -> list[str]:
        """Their uuids."""

    def cut(self, host: str) -> None:
        """End the connection of one; it may be gone already."""


def cut_revoked(db: Database, hub: Connections) -> None:
    """Cut hosts that are gone, or had a certificate revoked since they connected. Those with a newer one come back at once."""
    reader = db.read()
    for uuid in hub.hosts():
        host = reader.find(Host, Host.c.uuid == uuid)
        if host is None or _revoked_since(reader, host):
            hub.cut(uuid)


def changes(reader: Reader) -> tuple[int, ...]:
    """Differs whenever a certificate was revoked, or an authority made, changed or dropped."""
    last = sa.select(sa.func.coalesce(sa.func.max(Revocation.c.id), 0))
    versions = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Authority.c.version), 0))
    return int(reader.value(last)), *(int(value) for value in reader.rows(versions)[0])


def _revoked_since(reader: Reader, host: Host) -> bool:
    since = host.connected or 0.0
    return reader.find(Revocation, Revocation.c.host_id == host.id, Revocation.c.created >= since) is not None


def _signing(reader: Reader) -> Authority | None:
    return reader.find(Authority, Authority.c.active.is_(True))


def _new(tx: Tx) -> Authority:
    number = 1 + int(tx.value(sa.select(sa.func.count()).select_from(Authority.t)) or 0)
    identity = pki.create_authority(f"Cloudwright CA {number}")
    return tx.insert(Authority(name=f"CA {number}", certificate=identity.certificate, private_key=Secret(identity.key)))


def _identity(row: Authority) -> pki.Identity:
    return pki.Identity(row.certificate, row.private_key.reveal())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _redeem(tx: Tx, digest: str) -> str | None:
    unused = (EnrolToken.c.digest == digest, EnrolToken.c.gone == 0, EnrolToken.c.used.is_(None), EnrolToken.c.expires > tx.now)
    if tx.execute(EnrolToken.t.update().where(*unused).values(used=tx.now)) != 1:
        return None
    token = tx.find(EnrolToken, EnrolToken.c.digest == digest)
    host = None if token is None else tx.find(Host, Host.c.id == token.host_id)
    return None if host is None else host.uuid


def sign_for(tx: Tx, uuid: str, request: str) -> str:
    """A host's newest certificate (PEM), for the key of a request. Raises LookupError or `pki.BadRequest`."""
    host = tx.find(Host, Host.c.uuid == uuid)
    if host is None:
        raise LookupError(f"there is no host {uuid} any more")
    certificate = pki.issue_host(_identity(current(tx)), request, uuid, CERTIFICATE_DAYS.get(tx))
    tx.update(host, certificate_serial=pki.serial(certificate))
    return certificate
