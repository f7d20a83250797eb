"""Servers that speak TLS: believed by the system's authorities or those of a file, and unbelieved only where that is said."""

from __future__ import annotations

import datetime
import ssl
import threading
from http.server import ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cw.conftest import cw
from tests.cw.test_stranger import Stranger

DAY = datetime.timedelta(days=1)


def certificate(folder: Path, name: str, *, lasts: datetime.timedelta = DAY) -> tuple[Path, Path]:
    """Files of a certificate that signs itself, of one address or host name, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    known = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * DAY)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectAlternativeName([known]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.{lasts.days}.pem", folder / f"{name}.{lasts.days}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.fixture
def secure(home, tmp_path, monkeypatch):
    """Starts a server with a certificate; answers its URL."""
    running: list[ThreadingHTTPServer] = []

    def start(files: tuple[Path, Path] | None) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
        if files is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*files)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            server.handle_error = lambda request, address: None  # a caller that did not believe it hung up
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        running.append(server)
        url = f"https://127.0.0.1:{server.server_address[1]}/client/api"
        monkeypatch.setenv("CLOUDSTACK_ENDPOINT", url)
        return url

    monkeypatch.setenv("CLOUDSTACK_KEY", "key")
    monkeypatch.setenv("CLOUDSTACK_SECRET", "secret")
    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_a_certificate_of_nobody_known_is_not_believed(secure, tmp_path, monkeypatch):
    files = certificate(tmp_path, "127.0.0.1")
    url = secure(files)
    asked = len(Stranger.asked)
    said = cw("list zones")
    assert (said.code, said.out) == (6, "")
    assert said.err.startswith(f"The certificate of {url} is not believed: self-signed certificate\n")
    assert "cw set verifycert FILE" in said.err
    assert len(Stranger.asked) == asked  # nothing was sent: neither a signature nor a name
    monkeypatch.setenv("CLOUDSTACK_VERIFY", str(files[0]))
    assert '"Lab"' in cw("list zones").out
    for word in ("false", "no", "0"):
        monkeypatch.setenv("CLOUDSTACK_VERIFY", word)
        assert cw("list zones").code == 0
    monkeypatch.setenv("CLOUDSTACK_VERIFY", "true")
    assert cw("list zones").code == 6


@pytest.mark.parametrize(
    ("name", "lasts", "reason"), [("cloud.example.com", DAY, "IP address mismatch"), ("127.0.0.1", -DAY, "has expired")]
)
def test_a_certificate_that_does_not_fit_is_told_why(secure, tmp_path, monkeypatch, name, lasts, reason):
    files = certificate(tmp_path, name, lasts=lasts)
    secure(files)
    monkeypatch.setenv("CLOUDSTACK_VERIFY", str(files[0]))
    said = cw("list zones")
    assert (said.code, reason in said.err) == (6, True), said


def test_the_file_of_authorities_is_kept_by_its_whole_path(secure, tmp_path, monkeypatch):
    files = certificate(tmp_path, "127.0.0.1")
    secure(files)
    config = tmp_path / "cw.conf"
    monkeypatch.setenv("CW_CONFIG", str(config))
    monkeypatch.chdir(tmp_path)
    assert cw(f"set verify {files[0].name}").code == 0
    monkeypatch.chdir("/")
    assert cw("list zones").code == 0
    refused = cw("set verifycert nowhere.pem")
    assert (refused.code, "there is no file /nowhere.pem" in refused.err) == (2, True)
    for wrong, reason in ((tmp_path / "gone.pem", "No such file"), (config, "holds no certificate")):
        monkeypatch.setenv("CLOUDSTACK_VERIFY", str(wrong))
        said = cw("list zones")
        assert (said.code, reason in said.err) == (2, True), said


def test_who_speaks_no_tls_is_told(secure, monkeypatch):
    url = secure(None)
    said = cw("list zones")
    assert (said.code, said.err.splitlines()[0]) == (6, f"{url} answers, but not by TLS")
    assert url.replace("https:", "http:") in said.err


def test_who_wants_tls_is_told(secure, tmp_path, monkeypatch):
    url = secure(certificate(tmp_path, "127.0.0.1"))
    monkeypatch.setenv("CLOUDSTACK_ENDPOINT", url.replace("https:", "http:"))
    said = cw("list zones")
    assert (said.code, "its URL begins with https:" in said.err) == (6, True), said
