"""Certificates of the management network, as operators see them."""

from __future__ import annotations

from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.error import ParamError
from cloudwright.core.param import param
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure import authority
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.record import Record, changed

PROVIDER = "root"
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
