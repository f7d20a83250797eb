"""Certificates of the management network, as operators see them."""

from __future__ import annotations

import ipaddress
import re

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field, revealed
from cloudwright.drivers.host import pki
from cloudwright.drivers.host.contract import HostAgent
from cloudwright.infrastructure import authority
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Host, IssuedCertificate

PROVIDER = "root"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*").fullmatch
_EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")
_ISSUED = {
    "certificate": ("string", "the certificate"),
    "cacertificates": ("string", "the authorities to trust"),
}


class ListCaCertificate(Command, response=_ISSUED, authorized=_EVERYBODY, http_method="GET"):
    """Answers the certificates of the built-in authority."""

    provider: str = param("the authority", default=PROVIDER, choices=[PROVIDER])

    def run(self, tx: Tx, caller: Caller) -> Told:
        authority.current(tx)
        return Told("certificates", [{"certificate": "".join(authority.trusted(tx))}], one=True)


class ListCAProviders(
    Query, response={"name": ("string", "its name"), "description": ("string", "what it is")}, authorized=("Admin",)
):
    """Lists the authorities that can sign certificates of hosts."""

    name: str | None = param("only the one of this name")

    def run(self, reader: Reader, caller: Caller) -> Told:
        known = [{"name": PROVIDER, "description": "the built-in authority (ECDSA P-256)"}]
        return Told("caprovider", [row for row in known if self.name in (None, row["name"])])


class CertificateView(View, of=IssuedCertificate, key="certificates"):
    """A certificate as told to those who may see the job that made it."""

    certificate = field(IssuedCertificate.c.certificate, "the certificate")
    _key = field(IssuedCertificate.c.private_key, "", "string")
    privatekey = revealed("_key", "its private key, where the request brought none")
    cacertificates = field(IssuedCertificate.c.trust, "the authorities to trust")


def _words(text: str | None) -> list[str]:
    return [word for word in (text or "").replace(",", " ").split() if word]


def _bad_domains(text: str) -> str | None:
    return None if _words(text) and all(map(_DOMAIN, _words(text))) else "is not a list of host names, by comma"


def _bad_addresses(text: str) -> str | None:
    try:
        return None if [ipaddress.ip_address(word) for word in _words(text)] else "names no address"
    except ValueError:
        return "is not a list of addresses, by comma"


class IssueCertificate(
    Command, answers=CertificateView, event="CA.CERTIFICATE.ISSUE", starts=Record, authorized=("Admin",), since="4.11.0"
):
    """Has the built-in authority sign a certificate, for a request or with a key of its own."""

    csr: str | None = param("the certificate request (PKCS #10, PEM, P-256); without, a key is made", length=65535)
    domain: str | None = param("the host names it is for, by comma", check=_bad_domains)
    ip_address: str | None = param("the addresses it is for, by comma", check=_bad_addresses)
    duration: int | None = param("how many days it is valid; as many as a host's by default", minimum=1, maximum=3650)
    provider: str = param("the authority", default=PROVIDER, choices=[PROVIDER])

    def run(self, tx: Tx, caller: Caller) -> IssuedCertificate:
        days = float(self.duration or authority.CERTIFICATE_DAYS.get(tx))
        try:
            row = authority.issue(tx, [*_words(self.domain), *_words(self.ip_address)], self.csr or "", days)
        except pki.BadRequest as error:
            named = "csr" if self.csr else "domain"
            raise ParamError(f"Parameter {named}: {error}", param=named, fix=["name host names or addresses"]) from None
        self.start(tx, created(row, f"certificate {pki.serial(row.certificate)} is signed for {row.name}"), row, caller)
        return row


class ProvisionHost(Task, rank=60):
    """Give a host another certificate, for a key that it makes."""

    host: int
    reconnect: bool = False
    request: str = ""
    certificate: str = ""
    before: str = ""

    @step(deadline=60)
    def ask(self) -> None:
        """Have it make a key."""
        self.request = self.reach(HostAgent, self.read.get(Host, self.host)).request()

    @step
    def sign(self, tx: Tx) -> None:
        """Sign it."""
        host = tx.get(Host, self.host)
        self.before = host.certificate_serial
        self.certificate = authority.sign_for(tx, host.uuid, self.request)

    @sign.undo
    def unsign(self, tx: Tx) -> None:
        host = tx.get(Host, self.host)
        if self.certificate and host.certificate_serial == pki.serial(self.certificate):
            tx.update(host, certificate_serial=self.before)

    @step(deadline=60)
    def install(self) -> None:
        """Have it kept."""
        host = self.read.get(Host, self.host)
        self.reach(HostAgent, host).install(self.certificate, self.reconnect)
        self.say(f"host {host.name} has certificate {pki.serial(self.certificate)}", until=str(pki.expires(self.certificate)))


class ProvisionCertificate(
    Command, event="CA.CERTIFICATE.PROVISION", starts=ProvisionHost, authorized=("Admin",), since="4.11.0", form="success"
):
    """Gives a connected host another certificate. The one it has stays valid until it ends or is revoked."""

    host: Ref[Host] = param("the host", use=Use.CHANGE)
    reconnect: bool = param("true has it connect again at once, with the new one", default=False)
    provider: str = param("the authority", default=PROVIDER, choices=[PROVIDER])
    forced: bool = param("over SSH", default=False, check=not_built("certificates brought over SSH"), since="4.23.0")

    def run(self, tx: Tx, caller: Caller) -> Host:
        self.start(tx, ProvisionHost(host=self.host.id, reconnect=self.reconnect), self.host, caller)
        return self.host


class RevokeCertificate(Command, event="CA.CERTIFICATE.REVOKE", starts=Record, authorized=("Admin",)):
    """Accepts a host's certificate no more, and cuts its connection."""

    serial: str = param("the serial number, hexadecimal")
    cn: str | None = param("the host's id, when the certificate is not its newest one")
    provider: str = param("the authority", default=PROVIDER, choices=[PROVIDER])

    def run(self, tx: Tx, caller: Caller) -> Success:
        serial = self.serial.lower().removeprefix("0x").replace(":", "").lstrip("0")
        host = tx.find(Host, Host.c.uuid == self.cn if self.cn else Host.c.certificate_serial == serial)
        if host is None:
            what = f"there is no host {self.cn}" if self.cn else f"no host's newest certificate has the serial number {serial}"
            raise ParamError(f"Parameter serial: {what}", param="serial", fix=["give the host's id as cn"])
        row = authority.revoke(tx, serial, host.id, f"by {caller.username}")
        self.start(tx, changed(f"certificate {serial} of host {host.name} is revoked"), row, caller, about=host)
        return Success()
