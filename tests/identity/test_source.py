"""Sources of sign-in: what each verdict does, and whose password may be changed here."""

from __future__ import annotations

import pytest

from cloudwright.core.error import Denied
from cloudwright.core.event import Event
from cloudwright.identity import password, source
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import User
from cloudwright.identity.source import Judgement, Source, Verdict
from tests.identity.conftest import PASSWORD, Tenants


class Elsewhere(Source):
    """Says what it is told to say."""

    said = Judgement(Verdict.CANNOT_TELL, "no server answers")

    def judge(self, db, user, given):
        return self.said


@pytest.fixture
def elsewhere(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    kind = Elsewhere("elsewhere", by_password=True, kept="another house")
    monkeypatch.setattr(source, "_sources", {**source._sources, "elsewhere": kind})
    _come_from(tenants, "ann", "elsewhere")
    return kind


def _come_from(tenants: Tenants, name: str, where: str) -> None:
    reader = tenants.cloud.db.read()
    user = reader.find(User, User.c.username == name)
    tenants.cloud.db.write(lambda tx: tx.update(user, source=where))


def _ann(tenants: Tenants) -> User:
    found = tenants.cloud.db.read().find(User, User.c.username == "ann")
    assert found is not None
    return found


def _sign_in(tenants: Tenants, given: str = PASSWORD):
    return Gatekeeper(tenants.cloud.db).sign_in("ann", given, "/eng/", None)


def test_cannot_tell_is_neither_yes_nor_no(tenants: Tenants, elsewhere: Elsewhere, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(9):
        assert _sign_in(tenants) is None
    assert (_ann(tenants).failed_logins, _ann(tenants).state) == (0, "enabled")
    assert "no server answers" in caplog.text
    assert PASSWORD not in caplog.text
    told = tenants.cloud.db.read().all(Event, Event.c.kind_of == "USER.LOGIN")
    assert len(told) == 9
    assert told[0].level == "ERROR"


def test_no_counts_and_yes_forgives(tenants: Tenants, elsewhere: Elsewhere) -> None:
    elsewhere.said = source.NO
    assert _sign_in(tenants) is None
    assert _ann(tenants).failed_logins == 1
    elsewhere.said = source.YES
    signed = _sign_in(tenants)
    assert signed is not None
    assert signed.caller.username == "ann"
    assert _ann(tenants).failed_logins == 0


def test_a_source_that_is_not_asked_for_passwords(tenants: Tenants) -> None:
    for where in ("saml2", "oauth2", "unknown"):
        _come_from(tenants, "ann", where)
        assert _sign_in(tenants) is None


def test_an_empty_password_is_nobodys(tenants: Tenants, elsewhere: Elsewhere) -> None:
    elsewhere.said = source.YES
    assert _sign_in(tenants, "") is None


def test_the_password_is_changed_where_it_is_kept(tenants: Tenants, elsewhere: Elsewhere) -> None:
    with pytest.raises(Denied, match="kept by another house"):
        tenants.call(tenants.root, "updateUser", id=_ann(tenants).uuid, password="another one 1")
    tenants.call(tenants.root, "updateUser", id=_ann(tenants).uuid, lastname="Lo")
    assert _ann(tenants).last_name == "Lo"


@pytest.mark.parametrize("who", ["native", "ldap", "saml2", "oauth2", "unknown", "nobody", "without a password"])
def test_the_time_it_takes_does_not_tell_who_is_a_user(tenants: Tenants, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """One hash is worked out for every name, whoever keeps its password, and for none."""
    hashed: list[str] = []
    real = password._HASHER

    class Counted:
        hash = real.hash

        def verify(self, known: str, text: str) -> bool:
            hashed.append(known)
            return bool(real.verify(known, text))

    monkeypatch.setattr(password, "_HASHER", Counted())
    if who not in ("native", "nobody", "without a password"):
        _come_from(tenants, "ann", who)
    name = "nobody" if who == "nobody" else "ann"
    given = "" if who == "without a password" else "wrong"
    assert Gatekeeper(tenants.cloud.db).sign_in(name, given, "/eng/", None) is None
    assert len(hashed) == 1
