"""Alerts by mail, with a mail server on the loopback address that is spoken to."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.loop import wake
from cloudwright.core.tx import Tx
from cloudwright.operations import mailing
from cloudwright.operations.model import AlertLetter
from cloudwright.operations.raising import TYPES, alert
from tests.conftest import call, done
from tests.identity.mailbox import Letter, Mailbox, mailbox
from tests.operations.conftest import until
from tests.operations.test_webhook import certificate

CPU = TYPES["CPU"]


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as server:
        yield server


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look, and try again, soon."""
    monkeypatch.setattr(mailing, "LONGEST_REST", 0.02)
    monkeypatch.setattr(mailing, "LOOK", 0.01)


def put(cloud: Cloud, root: Caller, **values: Any) -> None:
    for name, value in values.items():
        call(cloud, root, "updateConfiguration", name=f"alert.{name.replace('_', '.')}", value=value)


def use(cloud: Cloud, root: Caller, port: int, *to: str, **more: Any) -> None:
    whole = {"smtp_host": "127.0.0.1", "smtp_port": port, "email_sender": "cloud@example.org"}
    put(cloud, root, **whole, **more, email_addresses=", ".join(to or ("ops@example.org",)))


def raised(cloud: Cloud, about: str, text: str = "CPU is short") -> None:
    cloud.db.write(lambda tx: alert(tx, CPU, about, text))


def waiting(cloud: Cloud) -> list[AlertLetter]:
    return cloud.db.read().all(AlertLetter)


def listed(cloud: Cloud, root: Caller, **which: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(cloud, root, "listAlerts", **which).get("alert", [])
    return found


def body(letter: Letter) -> str:
    return str(letter.message.get_content())


def test_each_address_gets_one_letter_of_a_trouble(cloud: Cloud, root: Caller, box: Mailbox) -> None:
    raised(cloud, "before")
    assert waiting(cloud) == [], "nobody is to be told"
    use(cloud, root, box.port, "ops@example.org", "boss@example.org", smtp_useAuth="true", smtp_username="clerk")
    put(cloud, root, smtp_password="mail secret")
    for _ in range(3):
        raised(cloud, "zone", "CPU is short\r\nBcc: eve@example.org")
    first, second = sorted((box.next(), box.next()), key=lambda one: one.to)
    assert [first.to, second.to] == [["boss@example.org"], ["ops@example.org"]]
    assert (first.sender, first.login) == ("cloud@example.org", "clerk:mail secret")
    assert first.message["Subject"] == "[Cloudwright] ALERT.CPU: CPU is short Bcc: eve@example.org"
    assert first.message["Bcc"] is None
    assert first.message["Date"]
    assert first.message["Message-ID"] != second.message["Message-ID"]
    assert "Type: ALERT.CPU (1)" in body(first)
    until(lambda: not waiting(cloud))
    done(cloud, root, "generateAlert", type=14, name="disk", description="the disk is full")
    assert {"the disk is full" in body(box.next()) for _ in range(2)} == {True}
    raised(cloud, "zone")
    with pytest.raises(ParamError, match=r"'LOVE' is none \(see listAlertTypes\)"):
        put(cloud, root, allowed_repetitive_types="CPU, love")
    put(cloud, root, allowed_repetitive_types="ALERT.CPU, memory")
    told = {one["name"]: one["repetitionallowed"] for one in call(cloud, root, "listAlertTypes")["alerttype"]}
    assert [name for name, again in told.items() if again] == ["ALERT.MEMORY", "ALERT.CPU"]
    until(lambda: not waiting(cloud))
    raised(cloud, "zone")
    assert {", 5 times until" in body(box.next()) for _ in range(2)} == {True}
    assert box.letters.empty()


def test_letters_wait_for_a_mail_server_that_is_away(cloud: Cloud, root: Caller, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    use(cloud, root, port, smtp_useAuth="true", smtp_username="clerk")
    put(cloud, root, smtp_password="mail secret")
    raised(cloud, "zone")
    (trouble,) = until(lambda: listed(cloud, root, keyword="not mailed"))
    assert trouble["name"] == "ALERT.MANAGEMENT"
    assert f"ops@example.org through 127.0.0.1 port {port}: [Errno 111] Connection refused" in trouble["description"]
    assert f"an alert to ops@example.org is tried again, 127.0.0.1 port {port}: [Errno 111]" in caplog.text
    assert len(waiting(cloud)) == 2, "of the trouble, and of this trouble, once"
    with mailbox(port=port) as server:
        told = [body(server.next()) for _ in range(2)]
        assert ["CPU is short" in text for text in told].count(True) == 1
        until(lambda: not waiting(cloud))
        assert server.letters.empty()
    until(lambda: listed(cloud, root, keyword="not mailed")[0].get("settled"))
    put(cloud, root, smtp_password="wrong secret")
    with mailbox(port=port) as server:
        raised(cloud, "other")
        again = until(lambda: [one for one in listed(cloud, root, keyword="not mailed") if "settled" not in one])
        assert "it refused the sign-in: 535" in again[0]["description"]
        old = waiting(cloud)[0]
        cloud.db.write(lambda tx: tx.execute(AlertLetter.t.update().values(created=old.created - mailing.PATIENCE)))
        until(lambda: not waiting(cloud))
        assert server.letters.empty()
    assert "was given up after" in listed(cloud, root, keyword="not mailed")[0]["description"]
    assert "secret" not in caplog.text


def test_an_address_that_is_refused_keeps_no_other_from_its_letter(cloud: Cloud, root: Caller, box: Mailbox) -> None:
    box.refused["gone@example.org"] = "550 no such user"
    use(cloud, root, box.port, "gone@example.org", "ops@example.org")
    raised(cloud, "zone")
    assert box.next().to == ["ops@example.org"]
    assert "not mailed to gone@example.org" in body(box.next())
    (trouble,) = listed(cloud, root, keyword="not mailed")
    assert "it refused gone@example.org: 550 no such user" in trouble["description"]
    put(cloud, root, email_addresses="ops@example.org")
    until(lambda: not waiting(cloud))
    raised(cloud, "other")
    assert box.next().to == ["ops@example.org"]
    assert len(listed(cloud, root, keyword="not mailed")) == 1


def test_a_try_whose_end_nobody_knows_is_made_again_late_under_the_same_id(cloud: Cloud, root: Caller, box: Mailbox) -> None:
    box.gate.clear()
    use(cloud, root, box.port)
    raised(cloud, "zone")
    first = box.next()
    mailing._flights.clear()  # as in the process that comes after one that was killed
    cloud.db.write(lambda tx: wake(tx, mailing.MailAlerts))
    (letter,) = waiting(cloud)
    assert letter.tries == 1
    assert letter.due > time.time() + 100
    box.gate.set()
    assert box.letters.empty()
    cloud.db.write(lambda tx: (tx.update(letter, due=1.0), wake(tx, mailing.MailAlerts)))
    assert box.next().message["Message-ID"] == first.message["Message-ID"]
    until(lambda: not waiting(cloud))


def test_a_server_that_hangs_holds_up_nobody(cloud: Cloud, root: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(cloud, root, silent.getsockname()[1], smtp_connectiontimeout=100, smtp_timeout=100)
        raised(cloud, "zone")
        (trouble,) = until(lambda: listed(cloud, root, keyword="not mailed"))
        assert "timed out" in trouble["description"]
    call(cloud, root, "deleteAlerts", enddate="2100-01-01")
    until(lambda: not waiting(cloud))


@pytest.mark.parametrize("implicit", [False, True])
def test_tls(
    cloud: Cloud, root: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, implicit: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = certificate(tmp_path)
    context.load_cert_chain(pem)
    with mailbox(tls=context, implicit=implicit) as server:
        if implicit:
            monkeypatch.setattr("smtplib.SMTP_SSL_PORT", server.port)
        more = {"smtp_useStartTLS": not implicit, "smtp_enabledSecurityProtocols": "TLSv1.3", "smtp_useAuth": "true"}
        use(cloud, root, server.port, **more, smtp_username="clerk", smtp_password="mail secret")
        raised(cloud, "zone")
        until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
        assert server.letters.empty()
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        put(cloud, root, smtp_host="localhost")
        assert server.next().login == "clerk:mail secret"


def test_settings_are_checked_and_in_force_at_once(
    cloud: Cloud, root: Caller, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    for wrong in ("ops", "ops@example.org, Ops <ops@example.org>", "ops@example.org\r\nBcc: e@example.org"):
        with pytest.raises(ParamError, match="takes e-mail addresses, by comma"):
            put(cloud, root, email_addresses=wrong)
    put(cloud, root, email_addresses="ops@example.org", smtp_enabledSecurityProtocols="SSLv3")
    raised(cloud, "zone")
    text = "setting alert.smtp.host is empty; setting alert.email.sender is empty; alert.smtp.enabledSecurityProtocols: SSLv3 is"
    until(lambda: text in caplog.text)
    use(cloud, root, box.port, smtp_enabledSecurityProtocols="")
    assert "CPU is short" in body(box.next())
    told = call(cloud, root, "listConfigurations", name="alert.smtp.password")["configuration"][0]
    assert not told.get("value")


def test_while_the_server_is_away_one_letter_finds_it_out_for_all(
    cloud: Cloud, root: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    cloud.engine.stop()  # nobody else tries
    use(cloud, root, 1, "ops@example.org")
    for about in ("a", "b", "c"):
        raised(cloud, about)
    first, second, new = waiting(cloud)

    def fail(everything: bool) -> list[float]:
        def play(tx: Tx) -> list[float]:
            for one in (first, second):
                tx.update(tx.get(AlertLetter, one.id), due=tx.now, tries=1)
            mailing.end(tx, first.id, mailing.Problem("it is away", everything))
            return [round(tx.get(AlertLetter, one.id).due - tx.now) for one in (first, second, new)]

        return cloud.db.write(play)

    assert fail(False)[:2] == [10, 0]
    assert fail(True)[:2] == [10, 10]
    assert fail(True)[2] <= 0, "what is new is tried at once"
