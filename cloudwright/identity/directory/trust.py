"""Which certificates a directory server may show: the setting ldap.truststore as a TLS context."""

from __future__ import annotations

import ssl
from pathlib import Path

from cloudwright.core.error import CloudError
from cloudwright.core.secret import Secret

_JAVA = {b"\xfe\xed\xfe\xed": "JKS", b"\xce\xce\xce\xce": "JCEKS"}


class BadTrust(CloudError):
    """The trust store cannot be used."""


def context(store: str, secret: Secret) -> ssl.SSLContext:
    """A context that demands a certificate which one of the store's authorities signed for the server's name.

    `store` is PEM text, or the path of a file with PEM or PKCS#12 (what Java's keytool writes since Java 9), whose password is
    `secret`; "" means the authorities of the operating system. Raises BadTrust.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not store:
        made.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return made
    text = store if "-----BEGIN" in store else _authorities(Path(store), secret)
    try:
        made.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise BadTrust(f"Setting ldap.truststore: what is in it is no certificate ({error})") from None
    return made


def _authorities(path: Path, secret: Secret) -> str:
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadTrust(f"Setting ldap.truststore: file {path} cannot be read on this server: {why}") from None
    if raw[:4] in _JAVA:
        text = (
            f"Setting ldap.truststore: file {path} is a Java key store of the old kind {_JAVA[raw[:4]]}, which is not read here"
        )
        convert = f"keytool -importkeystore -srckeystore {path} -destkeystore truststore.p12 -deststoretype PKCS12"
        raise BadTrust(text, fix=["give PEM or PKCS#12", f"convert it: {convert}"])
    if b"-----BEGIN" in raw:
        return raw.decode("ascii", "ignore")
    return _pkcs12(path, raw, secret)


def _pkcs12(path: Path, raw: bytes, secret: Secret) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    try:
        held = pkcs12.load_pkcs12(raw, secret.reveal().encode() or None)
    except ValueError:
        text = f"Setting ldap.truststore: file {path} is neither PEM nor PKCS#12, or ldap.truststore.password does not open it"
        raise BadTrust(text) from None
    found = [held.cert, *held.additional_certs]
    text = "".join(one.certificate.public_bytes(Encoding.PEM).decode() for one in found if one is not None)
    if not text:
        raise BadTrust(f"Setting ldap.truststore: file {path} holds no certificate")
    return text
