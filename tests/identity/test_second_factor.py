"""A second factor: set up, shown, asked for, taken away; over the wire where sessions matter."""

from __future__ import annotations

import base64

import pytest
from msgspec.structs import replace

from cloudwright.core.error import Denied, ParamError
from cloudwright.core.event import Event
from cloudwright.core.setting import Setting
from cloudwright.core.wire import WireError
from cloudwright.identity import second_factor, totp
from cloudwright.identity.model import LoginSession, SecondFactor, User
from tests.identity.test_http import Browser, served  # noqa: F401 - a fixture

RFC = base64.b32encode(b"12345678901234567890").decode()


def put(tenants, name, value, domain=None):
    where = ("domain", tenants.fresh(domain).domain_id) if domain else ("global", 0)
    tenants.cloud.db.write(lambda tx: Setting.by_name[name].set(tx, value, *where))


def factor(tenants, name):
    user = tenants.fresh(name).user_id
    return tenants.cloud.db.read().find(SecondFactor, SecondFactor.c.user_id == user)


def code_now(tenants, name, ahead=0):
    import time

    return totp.code(factor(tenants, name).key.reveal(), int(time.time() // totp.STEP) + ahead)


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(seconds, code):
    assert totp.code(RFC, seconds // totp.STEP) == code


def test_a_code_is_good_around_its_time_and_once():
    step = 1000
    now = step * totp.STEP + 1.0
    assert [totp.step_of(RFC, totp.code(RFC, step + off), now, 0) for off in (-2, -1, 0, 1, 2)] == [None, 999, 1000, 1001, None]
    assert totp.step_of(RFC, totp.code(RFC, step), now, step) is None
    assert totp.step_of(RFC, totp.code(RFC, step - 1), now, step) is None
    assert totp.step_of(RFC, "😀", now, 0) is None


def test_the_app_is_told_by_a_uri():
    told = totp.uri(RFC, "Our Cloud", "ann@x")
    assert told == f"otpauth://totp/Our%20Cloud:ann%40x?secret={RFC}&issuer=Our+Cloud&digits=6&period=30"


def test_a_session_does_nothing_before_the_factor_is_shown(tenants, served):  # noqa: F811
    put(tenants, "enable.user.2fa", "true", "ann")
    first = Browser(served[0])
    assert first.sign_in("ann", "/eng")[1]["is2faverified"] == "true"
    status, body = first.ask("setupUserTwoFactorAuthentication", provider="totp")
    assert (status, body["setup2fa"]["username"]) == (200, "ann")
    assert body["setup2fa"]["secretcode"] in body["setup2fa"]["uri"]
    assert first.ask("listUsers", method="GET")[1]["user"][0]["is2faenabled"] is False
    used = code_now(tenants, "ann")
    assert first.ask("validateUserTwoFactorAuthenticationCode", codefor2fa=used)[0] == 200
    assert first.ask("listUsers", method="GET")[0] == 200

    second = Browser(served[0])
    told = second.sign_in("ann", "/eng")[1]
    assert (told["is2faenabled"], told["is2faverified"], told["providerfor2fa"]) == ("true", "false", "totp")
    assert second.ask("listUserTwoFactorAuthenticatorProviders", method="GET")[0] == 200
    assert second.ask("validateUserTwoFactorAuthenticationCode", codefor2fa=used)[0] == 511  # it was used
    assert second.ask("setupUserTwoFactorAuthentication", enable="false")[0] == 531
    assert second.ask("setupUserTwoFactorAuthentication", provider="totp")[0] == 531
    assert second.ask("validateUserTwoFactorAuthenticationCode", codefor2fa=code_now(tenants, "ann", 1))[0] == 200
    assert second.ask("listUsers", method="GET")[0] == 200
    assert second.ask("setupUserTwoFactorAuthentication", enable="false")[0] == 200
    assert factor(tenants, "ann") is None

    third = Browser(served[0])
    assert third.sign_in("ann", "/eng")[1]["is2faverified"] == "true"


def test_an_unverified_session_ends_with_its_first_other_command(tenants, served):  # noqa: F811
    put(tenants, "enable.user.2fa", "true")
    put(tenants, "mandate.user.2fa", "true", "dan")
    browser, free = Browser(served[0]), Browser(served[0])
    told = browser.sign_in("dan", "/eng/dev")[1]
    assert told["is2faenabled"] == "true"
    assert "providerfor2fa" not in told  # it has none yet, and may set one up
    assert free.sign_in("ann", "/eng")[1]["is2faenabled"] == "false"
    assert browser.ask("listUsers", method="GET")[0] == 511
    assert browser.ask("listApis", method="GET")[0] == 401
    assert tenants.cloud.db.read().count(LoginSession, LoginSession.c.user_uuid == tenants.fresh("dan").user_uuid) == 0
    assert free.ask("listUsers", method="GET")[1]["user"][0]["is2famandated"] is False
    assert tenants.call(tenants.root, "listUsers", username="dan", listall="true")["user"][0]["is2famandated"] is True


def test_what_is_told_of_a_users_domain_is_what_is_in_force_there(tenants):
    """Whether by the domain's own value, one above it, or everybody's."""

    def told():
        rows = tenants.call(tenants.root, "listUsers", listall="true")["user"]
        said = {row["username"]: row["is2famandated"] for row in rows}
        reader = tenants.cloud.db.read()
        assert all(second_factor.mandated(reader, tenants.fresh(name).domain_id) is value for name, value in said.items())
        return {name for name, value in said.items() if value}

    def put_in(domain, value):
        where = {"domainid": tenants.domains[domain]}
        tenants.call(tenants.root, "updateConfiguration", name="mandate.user.2fa", value=value, **where)

    put(tenants, "enable.user.2fa", "true")
    put_in("eng", "true")
    assert told() == {"eva", "ann", "abe"}
    put(tenants, "enable.domain.settings.for.child.domain", "true")
    assert told() == {"eva", "ann", "abe", "dan"}
    put_in("dev", "false")
    assert told() == {"eva", "ann", "abe"}
    put(tenants, "mandate.user.2fa", "true")
    put_in("eng", "false")
    assert told() == {"system", "admin", "ole", "ods"}


def test_nobody_sets_up_without_being_signed_in(tenants, served):  # noqa: F811
    nobody = Browser(served[0])
    assert nobody.ask("setupUserTwoFactorAuthentication")[0] == 401
    assert nobody.ask("validateUserTwoFactorAuthenticationCode", codefor2fa="123456")[0] == 401


def test_guesses_wait_longer_and_longer(tenants):
    put(tenants, "enable.user.2fa", "true")
    ann = tenants.fresh("ann")
    pin = tenants.call(ann, "setupUserTwoFactorAuthentication", provider="staticpin")["setup2fa"]["secretcode"]
    assert len(pin) == 6
    assert pin.isdecimal()
    wrong = f"{(int(pin) + 1) % 10**6:06}"
    for _ in range(second_factor.FREE):
        with pytest.raises(WireError, match="wrong"):
            tenants.call(ann, "validateUserTwoFactorAuthenticationCode", codefor2fa=wrong)
    with pytest.raises(WireError, match="5 wrong codes in a row"):
        tenants.call(ann, "validateUserTwoFactorAuthenticationCode", codefor2fa=pin)
    row = factor(tenants, "ann")
    tenants.cloud.db.write(lambda tx: tx.update(row, next_at=0.0))
    tenants.call(ann, "validateUserTwoFactorAuthenticationCode", codefor2fa=pin)
    assert (factor(tenants, "ann").misses, factor(tenants, "ann").confirmed) == (0, True)
    told = tenants.cloud.db.read().all(Event, Event.c.level == "WARN")
    assert [event.description.rpartition(", ")[2] for event in told] == [f"{n} in a row" for n in range(1, 6)]


def test_an_administrator_takes_it_away_and_demands_it(tenants):
    put(tenants, "enable.user.2fa", "true")
    ann, id = tenants.fresh("ann"), tenants.fresh("ann").user_uuid
    pin = tenants.call(ann, "setupUserTwoFactorAuthentication", provider="staticpin")["setup2fa"]["secretcode"]
    tenants.call(ann, "validateUserTwoFactorAuthenticationCode", codefor2fa=pin)
    with pytest.raises(ParamError):
        tenants.call("ods", "setupUserTwoFactorAuthentication", userid=id, enable="false")
    with pytest.raises(Denied, match="by its user itself"):
        tenants.call("eva", "setupUserTwoFactorAuthentication", userid=id)
    tenants.call("eva", "setupUserTwoFactorAuthentication", userid=id, enable="false")
    assert (factor(tenants, "ann"), tenants.cloud.db.read().get(User, ann.user_id).two_factor) == (None, False)
    assert tenants.call("eva", "updateUser", id=id, mandate2fa="true")["user"]["is2famandated"] is True
    with pytest.raises(Denied, match="by an administrator"):
        tenants.call("ann", "updateUser", id=id, mandate2fa="false")
    with pytest.raises(Denied, match="mandated"):
        tenants.call("ann", "setupUserTwoFactorAuthentication", enable="false")


def test_one_in_force_is_shown_before_it_is_changed(tenants):
    put(tenants, "enable.user.2fa", "true")
    for _ in range(2):  # one that was never shown is not in force
        pin = tenants.call("ann", "setupUserTwoFactorAuthentication", provider="staticpin")["setup2fa"]["secretcode"]
    tenants.call("ann", "validateUserTwoFactorAuthenticationCode", codefor2fa=pin)
    ann = tenants.fresh("ann")
    for caller in (replace(ann, session="", two_factor=False), replace(ann, session="s", two_factor=True)):
        with pytest.raises(Denied, match="must be shown in this session"):
            tenants.call(caller, "setupUserTwoFactorAuthentication", enable="false")
    tenants.call(replace(ann, session="s", two_factor=False), "setupUserTwoFactorAuthentication", enable="false")
    assert factor(tenants, "ann") is None


def test_one_that_is_mandated_is_set_up_and_not_taken_away(tenants):
    id = tenants.fresh("ann").user_uuid
    assert tenants.call("ann", "updateUser", id=id, mandate2fa="true")["user"]["is2famandated"] is True
    tenants.call("ann", "setupUserTwoFactorAuthentication", provider="staticpin")  # though it is off there
    tenants.call("eva", "updateUser", id=id, mandate2fa="false")
    put(tenants, "enable.user.2fa", "true")
    put(tenants, "mandate.user.2fa", "true")
    with pytest.raises(Denied, match="mandated"):
        tenants.call("ann", "setupUserTwoFactorAuthentication", enable="false")


def test_where_it_is_off_there_is_none(tenants):
    with pytest.raises(Denied, match=r"enable\.user\.2fa is false in domain /eng/"):
        tenants.call("ann", "setupUserTwoFactorAuthentication")
    put(tenants, "enable.user.2fa", "true")
    tenants.call("ann", "setupUserTwoFactorAuthentication", provider="staticpin")
    put(tenants, "enable.user.2fa", "false")
    tenants.call("ann", "setupUserTwoFactorAuthentication", enable="false")  # one from before
    assert factor(tenants, "ann") is None
    put(tenants, "enable.user.2fa", "true")
    put(tenants, "user.2fa.providers.exclude", "staticpin")
    assert [p["name"] for p in tenants.call("ann", "listUserTwoFactorAuthenticatorProviders")["providers"]] == ["totp"]
    with pytest.raises(ParamError, match="provider"):
        tenants.call("ann", "setupUserTwoFactorAuthentication", provider="staticpin")
    with pytest.raises(ParamError, match="dryrun"):
        tenants.call("ann", "validateUserTwoFactorAuthenticationCode", codefor2fa="1", dryrun="true")
    with pytest.raises(ParamError, match="clienttoken"):
        tenants.call("ann", "validateUserTwoFactorAuthenticationCode", codefor2fa="1", clienttoken="once")
