"""Who speaks SAML here: this cloud as service provider with its key, and the identity providers of the metadata that is set."""

from __future__ import annotations

import base64
import datetime
import threading
import time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from msgspec import Struct

from cloudwright.core.db import Database
from cloudwright.core.error import Unavailable
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader
from cloudwright.identity.fetch import fetch
from cloudwright.identity.model import SamlKey
from cloudwright.identity.saml import xml

ID = setting("saml2.sp.id", "org.apache.cloudstack", "what identity providers know this cloud as")
SSO_URL = setting("saml2.sp.sso.url", "http://localhost:8080/client/api?command=samlSso", "where they send their answers")
SLO_URL = setting("saml2.sp.slo.url", "http://localhost:8080/client/api?command=samlSlo", "where they send who signs out")
CONTACT = setting("saml2.sp.contact.person", "", "whom to turn to, in this cloud's metadata")
CONTACT_MAIL = setting("saml2.sp.contact.email", "", "the same one's address")
ORGANIZATION = setting("saml2.sp.org.name", "Cloudwright", "the organization, in this cloud's metadata")
ORGANIZATION_URL = setting("saml2.sp.org.url", "http://localhost:8080/client", "its address")
METADATA = setting("saml2.idp.metadata.url", "", "the identity providers' metadata: an https address, or a file's path")
REFRESH = setting("saml2.timeout", 1800, "seconds after which the metadata is fetched again", minimum=1)

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_YEARS = 20


class Idp(Struct, frozen=True):
    """An identity provider. `sso` and `slo` are where browsers are sent (HTTP-Redirect); "" where it does not do that."""

    entity: str
    sso: str
    slo: str
    slo_answers: str
    certificates: list[Any]
    organization: str = ""
    organization_url: str = ""


_known: dict[str, tuple[float, dict[str, Idp]]] = {}
_lock = threading.Lock()


def idps(reader: Reader) -> dict[str, Idp]:
    """The identity providers by their ids. Raises Unavailable when the metadata cannot be had."""
    url = METADATA.get(reader)
    if not url:
        raise Unavailable("There is no SAML identity provider", why=[f"setting {METADATA.name} is empty"])
    now = time.monotonic()
    with _lock:
        when, found = _known.get(url, (0.0, {}))
    if not found or now - when > REFRESH.get(reader):
        found = _read(url)
        with _lock:
            _known.clear()
            _known[url] = (now, found)
    return found


def _read(url: str) -> dict[str, Idp]:
    try:
        root = xml.parse(fetch(url) if "://" in url else Path(url).read_bytes())
        entities = [root] if root.tag == xml.name("md:EntityDescriptor") else xml.every(root, ".//md:EntityDescriptor")
        found = {idp.entity: idp for idp in map(_idp, entities) if idp is not None}
    except (xml.BadXml, OSError, ValueError) as error:
        raise Unavailable(f"The SAML metadata of {METADATA.name} cannot be read", why=[str(error)]) from None
    if not found:
        raise Unavailable(f"The SAML metadata of {METADATA.name} tells of no identity provider in force")
    return found


def _idp(entity: Any) -> Idp | None:
    role = xml.find(entity, "md:IDPSSODescriptor")
    if role is None or _is_past(entity.get("validUntil")) or _is_past(role.get("validUntil")):
        return None
    sso = _at(role, "md:SingleSignOnService")
    if sso is None:
        return None
    slo = _at(role, "md:SingleLogoutService")
    leave = "" if slo is None else slo.get("Location", "")
    keys = [key for key in xml.every(role, "md:KeyDescriptor") if key.get("use") in (None, "signing")]
    texts = [xml.text_of(found) for key in keys for found in xml.every(key, ".//ds:X509Certificate")]
    return Idp(
        entity=entity.get("entityID", ""), sso=sso.get("Location", ""), slo=leave,
        slo_answers=leave if slo is None else slo.get("ResponseLocation", leave),
        certificates=[x509.load_der_x509_certificate(base64.b64decode(text)) for text in texts],
        organization=xml.text_of(xml.find(entity, "md:Organization/md:OrganizationDisplayName")),
        organization_url=xml.text_of(xml.find(entity, "md:Organization/md:OrganizationURL")),
    )  # fmt: skip


def _at(role: Any, service: str) -> Any:
    return next((one for one in xml.every(role, service) if one.get("Binding") == REDIRECT), None)


def _is_past(moment: str | None) -> bool:
    if moment is None:
        return False
    ends = datetime.datetime.fromisoformat(moment)
    return (ends if ends.tzinfo else ends.replace(tzinfo=datetime.UTC)) < datetime.datetime.now(datetime.UTC)


class OwnKey(Struct, frozen=True):
    """This cloud's key, and the certificate that tells it to identity providers."""

    key: rsa.RSAPrivateKey
    certificate: str  # DER in base64


def own_key(db: Database) -> OwnKey:
    """The key, made when it is first needed: the same on all servers."""
    row = db.read().find(SamlKey)
    if row is None:
        new = _new_key()  # before the transaction: it takes a while
        row = db.write(lambda tx: tx.find(SamlKey) or tx.insert(new))
    key = serialization.load_pem_private_key(row.key.reveal().encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("BUG: the key of this service provider is no RSA key (SamlKeyIsRsa)")
    return OwnKey(key, row.certificate)


def _new_key() -> SamlKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Cloudwright SAML service provider")])
    today = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number()).not_valid_before(today)
    signed = made.not_valid_after(today + datetime.timedelta(days=365 * _YEARS)).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate = base64.b64encode(signed.public_bytes(serialization.Encoding.DER)).decode()
    return SamlKey(name="sp", key=Secret(key.private_bytes(*form).decode()), certificate=certificate)


def metadata(reader: Reader, own: OwnKey) -> str:
    """What identity providers need to know of this cloud."""
    contact = ""
    if CONTACT.get(reader) or CONTACT_MAIL.get(reader):
        contact = (
            f'<md:ContactPerson contactType="technical"><md:GivenName>{escape(CONTACT.get(reader))}</md:GivenName>'
            f"<md:EmailAddress>{escape(CONTACT_MAIL.get(reader))}</md:EmailAddress></md:ContactPerson>"
        )
    name, url = escape(ORGANIZATION.get(reader)), escape(ORGANIZATION_URL.get(reader))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<md:EntityDescriptor xmlns:md="{xml.NAMES["md"]}" entityID={quoteattr(ID.get(reader))}>'
        f'<md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true"'
        f' protocolSupportEnumeration="{xml.NAMES["p"]}">'
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{xml.NAMES["ds"]}"><ds:X509Data><ds:X509Certificate>'
        f"{own.certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        f'<md:SingleLogoutService Binding="{REDIRECT}" Location={quoteattr(SLO_URL.get(reader))}/>'
        f'<md:AssertionConsumerService Binding="{POST}" Location={quoteattr(SSO_URL.get(reader))} index="0" isDefault="true"/>'
        "</md:SPSSODescriptor>"
        f'<md:Organization><md:OrganizationName xml:lang="en">{name}</md:OrganizationName>'
        f'<md:OrganizationDisplayName xml:lang="en">{name}</md:OrganizationDisplayName>'
        f'<md:OrganizationURL xml:lang="en">{url}</md:OrganizationURL></md:Organization>{contact}</md:EntityDescriptor>'
    )
