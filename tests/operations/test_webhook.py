"""Webhooks, told to a real HTTP server on the loopback address, which a setting opens."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.event import emit
from cloudwright.operations.flight import Flights
from cloudwright.operations.webhook import deliver
from cloudwright.operations.webhook.model import DONE, SENDING, WAITING, Delivery
from tests.conftest import call
from tests.operations.conftest import until


class Listener(ThreadingHTTPServer):
    """Remembers what it is told; answers with the statuses given, then with 200. `gate` holds answers back."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook"

    def events(self) -> list[str]:
        return [headers["X-CS-Event"] for headers, _ in self.told]


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((dict(self.headers), body))
        self.server.gate.wait(20)
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Location", "http://169.254.169.254/")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.gate.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def opened(cloud: Cloud, root: Caller) -> None:
    call(cloud, root, "updateConfiguration", name="webhook.allowed.internal.sites", value="127.0.0.1/32")


def hook(cloud: Cloud, who: Caller, url: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = call(cloud, who, "createWebhook", name=more.pop("name", "h"), payloadurl=url, **more)["webhook"]
    return made


def key(cloud: Cloud, who: Caller, name: str) -> None:
    """An event of somebody's account."""
    call(cloud, who, "createSSHKeyPair", name=name)


def certificate(directory: Path) -> Path:
    """A key and a certificate that nobody vouches for, in one file."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    path = directory / "both.pem"
    key_ = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key_ + made.public_bytes(Encoding.PEM))
    return path


def deliveries(cloud: Cloud, who: Caller, **more: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = call(cloud, who, "listWebhookDeliveries", **more).get("webhookdelivery", [])
    return rows


@pytest.mark.usefixtures("opened")
def test_events_of_the_account_are_told_signed(cloud: Cloud, listener: Listener, root: Caller, ann: Caller, bob: Caller) -> None:
    mine = hook(cloud, ann, listener.url, secretkey="s3cret", description="d")
    assert (mine["scope"], mine["state"], mine["secretkey"], mine["sslverification"]) == ("Local", "Enabled", "s3cret", True)
    key(cloud, bob, "not-anns")
    key(cloud, ann, "k")
    until(lambda: listener.told)
    headers, body = listener.told[0]
    event = json.loads(body)
    assert (headers["X-CS-Event"], event["event"]) == ("REGISTER.SSH.KEYPAIR", "REGISTER.SSH.KEYPAIR")
    assert headers["X-CS-Signature"] == hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["X-CS-Event-ID"] == event["eventid"]
    assert headers["Content-Type"] == "application/json"
    assert event["username"] == "ann"
    row = until(lambda: next((d for d in deliveries(cloud, ann) if "enddate" in d), None))
    assert (row["success"], row["response"], row["webhookname"]) == (True, "200 OK\nok", "h")
    assert json.loads(row["payload"]) == event
    assert "s3cret" not in json.dumps(row)
    assert deliveries(cloud, bob) == []
    assert len(listener.told) == 1
    assert call(cloud, ann, "listWebhooks")["webhook"][0]["secretkey"] == "s3cret"
    assert "secretkey" not in call(cloud, root, "listWebhooks", listall="true")["webhook"][0]


@pytest.mark.usefixtures("opened")
def test_scopes_and_filters(cloud: Cloud, listener: Listener, root: Caller, ann: Caller, chief: Caller, outsider: Caller) -> None:
    hook(cloud, chief, listener.url + "/domain", scope="Domain")
    other = hook(cloud, root, listener.url + "/global", scope="Global")
    hook(cloud, outsider, listener.url + "/other", scope="Domain")
    for mode, match, value in (("include", "prefix", "REGISTER."), ("exclude", "suffix", ".DATA")):
        call(cloud, root, "addWebhookFilter", webhookid=other["id"], mode=mode, matchtype=match, value=value)
    key(cloud, ann, "k")
    call(cloud, ann, "registerUserData", name="u", userdata="aGk=")
    call(cloud, ann, "deleteSSHKeyPair", name="k")
    until(lambda: len(listener.told) == 4)
    told = sorted((d["webhookname"], d["eventtype"]) for d in deliveries(cloud, root, webhookid=other["id"]))
    assert told == [("h", "REGISTER.SSH.KEYPAIR")]
    assert sorted(d["eventtype"] for d in deliveries(cloud, chief)) == [
        "DELETE.SSH.KEYPAIR", "REGISTER.SSH.KEYPAIR", "REGISTER.USER.DATA",
    ]  # fmt: skip
    assert deliveries(cloud, outsider) == []
    with pytest.raises(ParamError, match="tells more than you may see"):
        hook(cloud, chief, listener.url, name="g", scope="Global")
    assert hook(cloud, ann, listener.url, name="g", scope="Global")["scope"] == "Local"  # users have no such parameter
    filters = call(cloud, root, "listWebhookFilters", webhookid=other["id"])["webhookfilter"]
    assert [(f["mode"], f["matchtype"], f["value"]) for f in filters] == [
        ("Include", "Prefix", "REGISTER."), ("Exclude", "Suffix", ".DATA"),
    ]  # fmt: skip
    call(cloud, root, "deleteWebhookFilter", webhookid=other["id"])
    assert call(cloud, root, "listWebhookFilters") == {}


@pytest.mark.usefixtures("opened")
def test_a_failed_try_is_made_again_and_then_given_up(
    cloud: Cloud, listener: Listener, root: Caller, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "LONGEST_REST", 0.05)
    hook(cloud, ann, listener.url)
    listener.statuses = [500, 302]
    key(cloud, ann, "a")
    row = until(lambda: next((d for d in deliveries(cloud, ann) if "enddate" in d), None))
    assert (row["success"], len(listener.told)) == (True, 3)  # the redirect was not followed
    listener.statuses = [500, 500, 503, 200]
    key(cloud, ann, "b")
    row = until(lambda: next((d for d in deliveries(cloud, ann) if "enddate" in d and not d["success"]), None))
    assert row["response"].startswith("503 Service Unavailable")
    assert len(listener.told) == 6


@pytest.mark.usefixtures("opened")
def test_a_slow_server_keeps_nobody_waiting(cloud: Cloud, listener: Listener, ann: Caller, bob: Caller) -> None:
    with Listener() as quick:
        thread = threading.Thread(target=quick.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hook(cloud, ann, listener.url)
        hook(cloud, bob, quick.url)
        listener.gate.clear()
        key(cloud, ann, "k")
        until(lambda: listener.told)
        key(cloud, bob, "k")
        until(lambda: [d for d in deliveries(cloud, bob) if "enddate" in d])
        assert [d for d in deliveries(cloud, ann) if "enddate" in d] == []
        quick.shutdown()
        thread.join()
    listener.gate.set()
    until(lambda: [d for d in deliveries(cloud, ann) if d["success"]])


@pytest.mark.usefixtures("opened")
def test_a_try_whose_outcome_died_with_its_server_is_not_made_twice(cloud: Cloud, listener: Listener, ann: Caller) -> None:
    mine = hook(cloud, ann, listener.url)
    cloud.engine.stop()  # nobody else sends
    key(cloud, ann, "k")
    flights = Flights("webhook")
    started: list[int] = []
    flights.begin = lambda which, what: started.append(which)  # type: ignore[method-assign]
    id = cloud.db.read().all(Delivery)[0].id
    for wanted in ([id], [id], [id, id], [id, id], [id, id, id], [id, id, id]):  # each second time its server is dead
        cloud.db.write(lambda tx: deliver._begin(tx, id, flights, 1))
        assert started == wanted
    row = cloud.db.read().get(Delivery, id)
    assert (row.state, row.tries, row.success) == (DONE, 3, False)
    assert "stopped before it knew" in row.response
    assert row.webhook_id
    call(cloud, ann, "deleteWebhook", id=mine["id"])
    assert cloud.db.read().count(Delivery) == 0


def test_internal_addresses_are_refused(cloud: Cloud, listener: Listener, root: Caller, ann: Caller) -> None:
    for url in (listener.url, "http://169.254.169.254/", "http://[::1]/", "http://10.0.0.1/", "http://[::ffff:127.0.0.1]/"):
        with pytest.raises(ParamError, match="an internal address"):
            hook(cloud, ann, url)
        with pytest.raises(ParamError, match="an internal address"):
            call(cloud, ann, "executeWebhookDelivery", payloadurl=url)
    for url in ("file:///etc/passwd", "http://user:pass@example.org/", "gopher://example.org/"):
        with pytest.raises(ParamError, match="payloadurl"):
            hook(cloud, ann, url)
    port = listener.server_address[1]
    named = call(cloud, ann, "executeWebhookDelivery", payloadurl=f"http://localhost:{port}/")["webhookdelivery"]
    assert named["success"] is False
    assert "an internal address" in named["response"]
    assert listener.told == []


@pytest.mark.usefixtures("opened")
def test_deliveries_by_hand(cloud: Cloud, listener: Listener, ann: Caller, bob: Caller) -> None:
    mine = hook(cloud, ann, listener.url, secretkey="k", state="disabled")
    told = call(cloud, ann, "executeWebhookDelivery", webhookid=mine["id"], payload="hello")["webhookdelivery"]
    assert (told["success"], told["eventtype"], listener.told[0][1]) == (True, "TEST.WEBHOOK", b"hello")
    assert listener.told[0][0]["Content-Type"].startswith("text/plain")
    again = call(cloud, ann, "executeWebhookDelivery", id=told["id"])["webhookdelivery"]
    assert again["id"] != told["id"]
    assert listener.told[1][1] == b"hello"
    listener.statuses = [404]
    failed = call(cloud, ann, "executeWebhookDelivery", payloadurl=listener.url, secretkey="z")["webhookdelivery"]
    assert failed["success"] is False
    assert failed["response"].startswith("404")
    with pytest.raises(ParamError, match="is needed"):
        call(cloud, ann, "executeWebhookDelivery")
    for params in ({"id": told["id"]}, {"webhookid": mine["id"]}):
        for command in ("executeWebhookDelivery", "deleteWebhookDelivery"):
            with pytest.raises(ParamError, match="entity does not exist"):
                call(cloud, bob, command, **params)
    for command in ("updateWebhook", "deleteWebhook"):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, bob, command, id=mine["id"])
    call(cloud, bob, "deleteWebhookDelivery", startdate="2020-01-01")  # all that bob sees: none
    assert len(deliveries(cloud, ann)) == 3
    call(cloud, ann, "deleteWebhookDelivery", id=told["id"])
    call(cloud, ann, "deleteWebhookDelivery", webhookid=mine["id"])
    assert [d["id"] for d in deliveries(cloud, ann)] == [failed["id"]]


@pytest.mark.usefixtures("opened")
def test_old_deliveries_are_forgotten(cloud: Cloud, listener: Listener, root: Caller, ann: Caller) -> None:
    mine = hook(cloud, ann, listener.url)
    for name, value in (("webhook.deliveries.limit", "2"), ("webhook.deliveries.cleanup.interval", "1")):
        call(cloud, root, "updateConfiguration", name=name, value=value)
    for i in range(4):
        call(cloud, ann, "executeWebhookDelivery", webhookid=mine["id"], payload=str(i))
    cloud.db.write(lambda tx: deliver.wake(tx, deliver.DeliverWebhooks))
    until(lambda: sorted(d["payload"] for d in deliveries(cloud, ann)) == ["2", "3"])


@pytest.mark.usefixtures("opened")
def test_certificates_are_checked_unless_the_webhook_says_not_to(
    cloud: Cloud, listener: Listener, ann: Caller, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    url = listener.url.replace("http:", "https:")
    refused = call(cloud, ann, "executeWebhookDelivery", payloadurl=url)["webhookdelivery"]
    assert refused["success"] is False
    assert "certificate" in refused["response"]
    assert listener.told == []
    assert call(cloud, ann, "executeWebhookDelivery", payloadurl=url, sslverification="false")["webhookdelivery"]["success"]


def test_a_disabled_webhook_is_told_nothing(cloud: Cloud, ann: Caller) -> None:
    made = hook(cloud, ann, "http://example.org/")
    call(cloud, ann, "updateWebhook", id=made["id"], state="Disabled", name="n", secretkey="s")
    cloud.db.write(lambda tx: emit(tx, "X.Y", "z", caller=ann))
    assert cloud.db.read().count(Delivery, Delivery.c.state.in_([WAITING, SENDING])) == 0
    assert call(cloud, ann, "listWebhooks", name="n")["webhook"][0]["secretkey"] == "s"
