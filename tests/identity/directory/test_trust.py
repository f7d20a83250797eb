"""Which trust stores are taken, and what is said of those that are not."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from cloudwright.core.secret import Secret
from cloudwright.identity.directory.trust import BadTrust, context


@pytest.fixture(scope="module")
def authority() -> x509.Certificate:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + datetime.timedelta(days=1))
    return made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def trusted(store: str, password: str = "") -> list[str]:
    return [dict(part[0] for part in known["subject"])["commonName"] for known in context(store, Secret(password)).get_ca_certs()]


def test_pem_as_text_and_as_a_file(authority: x509.Certificate, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("# ours\n" + pem(authority))
    assert trusted(pem(authority)) == trusted(str(tmp_path / "a.pem")) == ["an authority"]


def test_pkcs12_with_and_without_password(authority: x509.Certificate, tmp_path: Path) -> None:
    cas = [pkcs12.PKCS12Certificate(authority, b"a")]
    sealed = pkcs12.serialize_java_truststore(cas, serialization.BestAvailableEncryption(b"word"))
    (tmp_path / "a.p12").write_bytes(sealed)
    assert trusted(str(tmp_path / "a.p12"), "word") == ["an authority"]
    with pytest.raises(BadTrust, match=r"ldap\.truststore\.password does not open it") as told:
        context(str(tmp_path / "a.p12"), Secret("not the word"))
    assert "not the word" not in str(told.value)
    (tmp_path / "b.p12").write_bytes(pkcs12.serialize_java_truststore(cas, serialization.NoEncryption()))
    assert trusted(str(tmp_path / "b.p12")) == ["an authority"]


def test_nothing_means_the_operating_systems() -> None:
    made = context("", Secret(""))
    assert made.verify_mode.name == "CERT_REQUIRED"
    assert made.check_hostname


@pytest.mark.parametrize(("magic", "kind"), [(b"\xfe\xed\xfe\xed", "JKS"), (b"\xce\xce\xce\xce", "JCEKS")])
def test_java_key_stores_of_the_old_kind_are_refused_by_name(magic: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "old.jks").write_bytes(magic + b"\0\0\0\2")
    with pytest.raises(BadTrust, match=f"old kind {kind}") as told:
        context(str(tmp_path / "old.jks"), Secret(""))
    assert any("keytool -importkeystore" in fix for fix in told.value.fix)


def test_what_is_no_trust_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for store in (str(tmp_path / "none"), str(tmp_path), str(tmp_path / "empty"), "-----BEGIN CERTIFICATE-----\nx", "\0"):
        with pytest.raises(BadTrust):
            context(store, Secret(""))
