"""Messages of SAML 2.0 as they travel: ours, signed into an address (HTTP-Redirect), and those that come so."""

from __future__ import annotations

import base64
import datetime
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from cloudwright.core.setting import setting
from cloudwright.identity.saml import xml
from cloudwright.identity.saml.party import Idp, OwnKey

SIGNED_BY = setting(
    "saml2.sigalg", "SHA256", "the digest of our signatures; theirs are by SHA256 or better",
    options=("SHA1", "SHA256", "SHA384", "SHA512"),
)  # fmt: skip
_RSA = "http://www.w3.org/2001/04/xmldsig-more#rsa-"
_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512(),  # noqa: S303
}  # fmt: skip
_LARGEST = 1 << 20  # bytes of an inflated message


def now_text() -> str:
    """This moment as SAML writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def authn_request(id: str, to: Idp, sp: str, answer_to: str, *, force: bool, by_password: bool) -> str:
    """Ask for a user to be signed in."""
    context = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
    wanted = (
        f'<p:RequestedAuthnContext Comparison="minimum"><a:AuthnContextClassRef>{context}</a:AuthnContextClassRef>'
        "</p:RequestedAuthnContext>"
    )
    more = f' AssertionConsumerServiceURL={quoteattr(answer_to)} ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"'
    forced = ' ForceAuthn="true"' if force else ""
    body = f'<p:NameIDPolicy AllowCreate="true"/>{wanted if by_password else ""}'
    return _message("AuthnRequest", id, to.sso, sp, body, more + forced)


def logout_request(id: str, to: Idp, sp: str, name_id: dict[str, str], index: str) -> str:
    """Ask for a user to be signed out."""
    kept = ("Format", "NameQualifier", "SPNameQualifier")
    about = "".join(f" {name}={quoteattr(name_id[name])}" for name in kept if name_id.get(name))
    session = f"<p:SessionIndex>{escape(index)}</p:SessionIndex>" if index else ""
    return _message("LogoutRequest", id, to.slo, sp, f"<a:NameID{about}>{escape(name_id['text'])}</a:NameID>{session}")


def logout_response(id: str, to: Idp, sp: str, answers: str) -> str:
    """Say that a user was signed out."""
    code = "urn:oasis:names:tc:SAML:2.0:status:Success"
    status = f'<p:Status><p:StatusCode Value="{code}"/></p:Status>'
    return _message("LogoutResponse", id, to.slo_answers, sp, status, f" InResponseTo={quoteattr(answers)}")


def _message(kind: str, id: str, to: str, sp: str, body: str, more: str = "") -> str:
    return (
        f'<p:{kind} xmlns:p="{xml.NAMES["p"]}" xmlns:a="{xml.NAMES["a"]}" ID={quoteattr(id)} Version="2.0"'
        f' IssueInstant="{now_text()}" Destination={quoteattr(to)}{more}><a:Issuer>{escape(sp)}</a:Issuer>{body}</p:{kind}>'
    )


def redirect_url(to: str, name: str, text: str, own: OwnKey, digest: str, relay: str = "") -> str:
    """The address that carries a message, signed. `name`: SAMLRequest or SAMLResponse."""
    packer = zlib.compressobj(wbits=-15)
    packed = base64.b64encode(packer.compress(text.encode()) + packer.flush()).decode()
    algorithm = "http://www.w3.org/2000/09/xmldsig#rsa-sha1" if digest == "SHA1" else _RSA + digest.lower()
    said = {name: packed, **({"RelayState": relay} if relay else {}), "SigAlg": algorithm}
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in said.items())
    signature = own.key.sign(query.encode(), padding.PKCS1v15(), _DIGESTS[digest.lower()])
    return f"{to}{'&' if '?' in to else '?'}{query}&Signature={quote(base64.b64encode(signature).decode(), safe='')}"


def inflated(packed: str) -> bytes:
    """The text of a message that came in an address. Raises BadXml."""
    try:
        unpacker = zlib.decompressobj(wbits=-15)
        text = unpacker.decompress(base64.b64decode(packed, validate=True), _LARGEST)
    except (ValueError, zlib.error) as error:
        raise xml.BadXml(f"it is not packed as messages in addresses are: {error}") from None
    if unpacker.unconsumed_tail:
        raise xml.BadXml(f"it has more than {_LARGEST} bytes")
    return text


def posted(packed: str) -> bytes:
    """The text of a message that came in a form. Raises BadXml."""
    try:
        return base64.b64decode("".join(packed.split()), validate=True)
    except ValueError as error:
        raise xml.BadXml(f"it is no base64: {error}") from None


def check_address(said: dict[str, str], idp: Idp) -> None:
    """Refuse a message in an address that the provider did not sign by SHA256 or better. `said`: SAMLRequest or SAMLResponse,
    RelayState, SigAlg, Signature, in that order. Raises BadXml."""
    family, _, digest = said.get("SigAlg", "").rpartition("-")
    if not said.get("Signature") or not family.endswith(("#rsa", "#ecdsa")) or digest not in ("sha256", "sha384", "sha512"):
        raise xml.BadXml("it is not signed by RSA or ECDSA with SHA256 or better")
    try:
        signature = base64.b64decode(said["Signature"], validate=True)
    except ValueError:
        raise xml.BadXml("its signature is no base64") from None
    parts = [(name, value) for name, value in said.items() if name != "Signature" and value]
    for turn in (quote, quote_plus, _small(quote), _small(quote_plus)):  # what was signed is the text as it was written
        query = "&".join(f"{name}={turn(value, safe='')}" for name, value in parts).encode()
        if any(_signed(certificate.public_key(), signature, query, _DIGESTS[digest]) for certificate in idp.certificates):
            return
    raise xml.BadXml("its signature is not the provider's")


def _small(turn: Callable[..., str]) -> Callable[..., str]:
    """The same with small hexadecimal digits, as some write them."""
    return lambda text, safe: re.sub("%..", lambda found: found[0].lower(), turn(text, safe=safe))


def _signed(key: Any, signature: bytes, text: bytes, digest: hashes.HashAlgorithm) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, text, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, text, ec.ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True
