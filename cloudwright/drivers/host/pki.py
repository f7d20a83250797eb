"""The built-in certificate authority of the management network: ECDSA P-256, PEM in and PEM out, nothing kept here.

Hosts make their own keys and send only requests. A host's certificate names its uuid and is good for clients alone, so that no
host can pose as the server. All server certificates carry `SERVER_NAME`: agents verify that name whatever address they dial, and
no change of address needs a new certificate; by it servers know each other too.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OWN_DOMAIN = ".cloudwright.internal"
SERVER_NAME = f"server{OWN_DOMAIN}"
AUTHORITY_DAYS = 20 * 365
SERVER_DAYS = 2 * 365
HOST_DAYS = 90
SKEW = timedelta(hours=1)  # a host's clock may be a little behind


class BadRequest(ValueError):
    """A certificate request that cannot be granted, in one sentence."""


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key, both PEM. The key is never printed."""

    certificate: str
    key: str = field(repr=False)

    @property
    def pem(self) -> str:
        """Key and certificate in one text, as one file that is replaced at once."""
        return self.key + self.certificate


@dataclass(frozen=True)
class Material:
    """What a server's listener shows and trusts. `trust`: CA certificates (PEM), the one that signs now first."""

    identity: Identity
    trust: list[str]


def new_key() -> str:
    """A new private key, PEM."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def create_authority(name: str = "Cloudwright CA", days: int = AUTHORITY_DAYS) -> Identity:
    """A new self-signed authority."""
    key = new_key()
    subject = _name(name)
    builder = _builder(subject, subject, _load_key(key).public_key(), days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    return Identity(_sign(builder, key), key)


def issue_server(authority: Identity, names: Iterable[str] = (), days: int = SERVER_DAYS) -> Identity:
    """A server's certificate with a new key. `names` are host names and addresses beside `SERVER_NAME`. It is good for
    clients too: servers forward calls to each other."""
    key = new_key()
    alternatives: list[x509.GeneralName] = [_general_name(name) for name in dict.fromkeys((SERVER_NAME, *names))]
    builder = _leaf(authority, SERVER_NAME, _load_key(key).public_key(), days)
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
    )
    return Identity(_sign(builder, authority.key), key)


def request(key: str) -> str:
    """A certificate request for a private key (PEM). It names nobody: the server decides for whom it signs."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name("host"))
    return builder.sign(_load_key(key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def check_request(text: str) -> ec.EllipticCurvePublicKey:
    """The public key of a request (PEM) that is well formed, signed and P-256. Raises BadRequest."""
    try:
        wanted = x509.load_pem_x509_csr(text.encode())
        public = wanted.public_key()
        signed = wanted.is_signature_valid
    except (ValueError, InvalidSignature) as error:
        raise BadRequest("the certificate request cannot be read: it must be PKCS#10 in PEM form") from error
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise BadRequest("the certificate request must be for an ECDSA key on the curve P-256")
    if not signed:
        raise BadRequest("the certificate request is not signed by the key it asks for")
    return public


def issue_host(authority: Identity, request: str, host: str, days: float = HOST_DAYS) -> str:
    """A certificate (PEM) for the host uuid; of the request only the key is used. Raises BadRequest."""
    builder = _leaf(authority, str(UUID(host)), check_request(request), days)
    identifier = x509.UniformResourceIdentifier(f"urn:uuid:{UUID(host)}")
    builder = builder.add_extension(x509.SubjectAlternativeName([identifier]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return _sign(builder, authority.key)


def issue_named(authority: Identity, names: Iterable[str], request: str = "", days: float = HOST_DAYS) -> Identity:
    """A certificate for host names and addresses, good for servers and clients, with a new key, or (key "") for the key of a
    request. Names that the request itself asks for are added. Raises BadRequest; also for names of this cloud's own servers."""
    key = "" if request else new_key()
    wanted = list(names)
    if request:
        public = check_request(request)
        wanted += _asked_names(request)
    else:
        public = _load_key(key).public_key()
    if not wanted:
        raise BadRequest("the certificate would name nobody")
    if own := [name for name in wanted if f".{name.lower()}".endswith(OWN_DOMAIN)]:
        raise BadRequest(f"{own[0]} would pose as a server of this cloud")
    alternatives = [_general_name(name) for name in dict.fromkeys(wanted)]
    builder = _leaf(authority, wanted[0], public, days)
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return Identity(_sign(builder.add_extension(usage, critical=False), authority.key), key)


def _asked_names(request: str) -> list[str]:
    asked = x509.load_pem_x509_csr(request.encode()).extensions
    try:
        names = asked.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def serial(certificate: str) -> str:
    """The serial number of a certificate (PEM), in lower-case hexadecimal: what revocation lists hold."""
    return f"{_load(certificate).serial_number:x}"


def host(certificate: str) -> str:
    """The uuid of the host that a certificate (PEM) is for. Raises ValueError when it is for none."""
    extension = _load(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    names = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
    if not names:
        raise ValueError("the certificate names no host")
    return str(UUID(names[0]))


def expires(certificate: str) -> datetime:
    """When a certificate (PEM) ends."""
    return _load(certificate).not_valid_after_utc


def fingerprint(certificate: str) -> str:
    """`sha256:<hex>` of a certificate (PEM)."""
    return "sha256:" + _load(certificate).fingerprint(hashes.SHA256()).hex()


def matches(certificate: str, key: str) -> bool:
    """Whether a certificate is for this private key."""
    return _load(certificate).public_key() == _load_key(key).public_key()


def split(bundle: str) -> list[str]:
    """The certificates of a PEM bundle, one by one. Raises ValueError when there is none."""
    return [one.public_bytes(serialization.Encoding.PEM).decode() for one in x509.load_pem_x509_certificates(bundle.encode())]


def renewal_due(certificate: str, trust: list[str], now: datetime | None = None) -> bool:
    """Whether a host should ask anew: two thirds of the life are over, or another authority signs now."""
    mine = _load(certificate)
    life = mine.not_valid_after_utc - mine.not_valid_before_utc
    if (now or datetime.now(UTC)) >= mine.not_valid_before_utc + life * 2 / 3:
        return True
    try:
        mine.verify_directly_issued_by(_load(trust[0]))
    except (ValueError, TypeError, InvalidSignature):
        return True
    return False


def load_identity(context: ssl.SSLContext, identity: Identity) -> None:
    """Give a TLS context a key without a file on any disk (the standard library takes only paths)."""
    handle = os.memfd_create("identity")
    try:
        os.write(handle, identity.pem.encode())
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def _load(certificate: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.encode())


def _load_key(key: str) -> ec.EllipticCurvePrivateKey:
    loaded = serialization.load_pem_private_key(key.encode(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise ValueError("the private key is not an ECDSA key")
    return loaded


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: float) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - SKEW).not_valid_after(now + timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _leaf(authority: Identity, name: str, public: ec.EllipticCurvePublicKey, days: float) -> x509.CertificateBuilder:
    issuer = _load(authority.certificate)
    key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = _builder(_name(name), issuer.subject, public, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(authority=False), critical=True)
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), critical=False)


def _sign(builder: x509.CertificateBuilder, key: str) -> str:
    return builder.sign(_load_key(key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
