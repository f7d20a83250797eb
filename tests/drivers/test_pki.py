from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloudwright.agent.state import State
from cloudwright.drivers.host import pki


def test_a_host_certificate_names_the_uuid_and_is_for_clients_only() -> None:
    authority, host = pki.create_authority(), str(uuid4())
    key = pki.new_key()
    text = pki.issue_host(authority, pki.request(key), host)
    certificate = x509.load_pem_x509_certificate(text.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate.encode()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"urn:uuid:{host}"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert pki.matches(text, key)
    assert not pki.matches(text, pki.new_key())
    assert pki.serial(text) == f"{certificate.serial_number:x}"
    assert timedelta(days=89) < pki.expires(text) - datetime.now(UTC) <= timedelta(days=90)


def test_of_a_request_only_the_key_is_used() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    greedy = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, pki.SERVER_NAME)]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(pki.SERVER_NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    text = greedy.public_bytes(serialization.Encoding.PEM).decode()
    certificate = x509.load_pem_x509_certificate(pki.issue_host(pki.create_authority(), text, str(uuid4())).encode())
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == []
    assert pki.SERVER_NAME not in certificate.subject.rfc4514_string()


def test_other_keys_and_broken_requests_are_refused() -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    wide = builder.sign(other, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(pki.BadRequest, match="P-256"):
        pki.check_request(wide)
    with pytest.raises(pki.BadRequest, match="PEM"):
        pki.check_request("-----BEGIN NONSENSE-----")
    good = x509.load_pem_x509_csr(pki.request(pki.new_key()).encode()).public_bytes(serialization.Encoding.DER)
    forged = x509.load_der_x509_csr(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(pki.BadRequest, match=r"not signed|cannot be read"):
        pki.check_request(forged.public_bytes(serialization.Encoding.PEM).decode())


def test_renewal_is_due_after_two_thirds_of_life_or_with_a_new_authority() -> None:
    old, new = pki.create_authority(), pki.create_authority()
    mine = pki.issue_host(old, pki.request(pki.new_key()), str(uuid4()), days=90)
    now = datetime.now(UTC)
    assert not pki.renewal_due(mine, [old.certificate, new.certificate], now + timedelta(days=59))
    assert pki.renewal_due(mine, [old.certificate], now + timedelta(days=61))
    assert pki.renewal_due(mine, [new.certificate, old.certificate], now)


def test_no_key_is_printed() -> None:
    authority = pki.create_authority()
    assert "PRIVATE" in authority.key
    assert "PRIVATE" not in repr(authority)
    assert authority.key not in str(authority)


def test_state_is_private_and_replaced_whole(tmp_path: Path) -> None:
    state = State(tmp_path / "agent")
    assert state.identity() is None
    assert state.trust() == []
    assert state.servers() == []
    authority = pki.create_authority()
    for _ in range(2):
        key = pki.new_key()
        identity = pki.Identity(pki.issue_host(authority, pki.request(key), str(uuid4())), key)
        state.keep_identity(identity)
        assert state.identity() == identity
    state.keep_trust([authority.certificate, pki.create_authority().certificate])
    state.keep_servers(["cloud.example.org:8250", "[2001:db8::1]:8250"])
    assert state.trust()[0] == authority.certificate
    assert len(state.trust()) == 2
    assert state.servers() == ["cloud.example.org:8250", "[2001:db8::1]:8250"]
    assert state.directory.stat().st_mode & 0o777 == 0o711
    assert {file.name: file.stat().st_mode & 0o777 for file in state.directory.iterdir()} == {
        "identity.pem": 0o600,
        "trust.pem": 0o600,
        "servers": 0o600,
    }
