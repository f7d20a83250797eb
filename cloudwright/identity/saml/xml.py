"""The XML of SAML: read without entities or document types, and believed only where it is signed.

lxml and signxml are imported when first needed: they take a tenth of a second, and few clouds use SAML.
"""

from __future__ import annotations

from typing import Any

NAMES = {
    "p": "urn:oasis:names:tc:SAML:2.0:protocol",
    "a": "urn:oasis:names:tc:SAML:2.0:assertion",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
_LARGEST = 10 << 20  # bytes


class BadXml(Exception):
    """The message cannot be read, or nothing in it can be believed: the sentence says why, for the log."""


def name(short: str) -> str:
    """`p:Response` as lxml writes it."""
    prefix, _, local = short.partition(":")
    return f"{{{NAMES[prefix]}}}{local}"


def parse(text: bytes) -> Any:
    """The root element. Raises BadXml for what is no XML, or has a document type (and so perhaps entities)."""
    from lxml import etree

    if len(text) > _LARGEST:
        raise BadXml(f"it has {len(text)} bytes")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False)
    try:
        root = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadXml(f"it is no XML: {error}") from None
    if root.getroottree().docinfo.doctype or any(True for _ in root.iter(etree.Entity)):
        raise BadXml("it has a document type, which messages must not have")
    return root


def signed(root: Any, certificates: list[Any], at: str) -> Any:
    """What is signed by one of the certificates, as the signature covers it: a tree of its own, outside of which nothing was
    proved. `at` is where the signature must stand. Raises BadXml."""
    from lxml import etree
    from signxml.algorithms import DigestAlgorithm, SignatureMethod
    from signxml.exceptions import SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    methods = frozenset(m for m in SignatureMethod if m.name.startswith(("RSA", "ECDSA", "SHA")) and "SHA1" not in m.name)
    digests = frozenset(d for d in DigestAlgorithm if d.name in ("SHA256", "SHA384", "SHA512"))
    wanted = SignatureConfiguration(location=at, signature_methods=methods, digest_algorithms=digests)
    text, why = etree.tostring(root), "it publishes no key"
    for certificate in certificates:
        try:
            found = XMLVerifier().verify(text, x509_cert=certificate, id_attribute="ID", expect_config=wanted)
        except (SignXMLException, etree.LxmlError, ValueError, TypeError) as error:
            why = str(error) or type(error).__name__
            continue
        if isinstance(found, list) or found.signed_xml is None:
            raise BadXml("what it signs is no element")
        return found.signed_xml
    raise BadXml(f"its signature is not good: {why}")


def find(element: Any, path: str) -> Any:
    """The first element at a path such as `a:Subject/a:NameID`, or None."""
    return element.find(path, NAMES)


def every(element: Any, path: str) -> list[Any]:
    """All of them."""
    return list(element.findall(path, NAMES))


def text_of(element: Any) -> str:
    """The whole text of an element, however it is cut up; "" for None."""
    return "" if element is None else "".join(element.itertext()).strip()
