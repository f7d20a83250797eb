"""What a user shows beside its password: a code of an authenticator app (totp) or a PIN (staticpin).

A factor is set up, and in force once its code was shown. From then on a session that did not show it may do nothing else (the
HTTP face sees to that). Wrong codes in a row make the next one wait, twice as long each time, whichever server it is sent to.
"""

from __future__ import annotations

import hmac
import secrets

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Exchange, Query, Success, Told
from cloudwright.core.db import Database
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.event import emit
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.wire import WireError
from cloudwright.identity import totp
from cloudwright.identity.authority import govern_user
from cloudwright.identity.model import Account, Domain, SecondFactor, User
from cloudwright.identity.scope import told_in

ENABLED = setting("enable.user.2fa", False, "whether users may set up a second factor", scopes=("domain",))
MANDATED = setting("mandate.user.2fa", False, "whether, where they may, they must", scopes=("domain",))
ISSUER = setting("user.2fa.issuer", "CloudStack", "what authenticator apps call this cloud", scopes=("domain",))
_PROVIDERS = {
    "totp": "a code of an authenticator app, new every 30 seconds",
    "staticpin": "a PIN of six digits, told once",
}
DEFAULT = setting(
    "user.2fa.default.provider", "totp", "the second factor where none is named", scopes=("domain",), options=tuple(_PROVIDERS)
)
ORDER = setting("user.2fa.providers.order", "totp,staticpin", "the second factors in the order in which they are listed")
EXCLUDED = setting("user.2fa.providers.exclude", "", "second factors that are not offered")

FREE = 5  # wrong codes in a row that cost nothing
LONGEST = 3600.0  # seconds to wait at most
_EVERYBODY = ("Admin", "DomainAdmin", "ResourceAdmin", "User")


def mandated(reader: Reader, domain_id: int) -> bool:
    """Whether all users of a domain must show a second factor."""
    return ENABLED.get(reader, domain=domain_id) and MANDATED.get(reader, domain=domain_id)


def mandated_in(domain_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The same as a condition on rows."""
    on: sa.ColumnElement[bool] = sa.and_(*(sa.func.lower(told_in(which, domain_id)) == "true" for which in (ENABLED, MANDATED)))
    return on


def provider_of(reader: Reader, user: User) -> str | None:
    """The second factor that a user has; None when it has none in force, so that clients let it set one up."""
    row = reader.find(SecondFactor, SecondFactor.c.user_id == user.id, SecondFactor.c.confirmed.is_(True))
    return row.provider if row else None


def _offered(reader: Reader) -> list[str]:
    ordered = [name.strip() for name in ORDER.get(reader).split(",")]
    excluded = [name.strip() for name in EXCLUDED.get(reader).split(",")]
    return [name for name in dict.fromkeys([*ordered, *_PROVIDERS]) if name in _PROVIDERS and name not in excluded]


def known(caller: Caller) -> None:
    """Refuse those who are not signed in: commands before login are dispatched without looking. Raises WireError 401."""
    if not caller.user_id:
        raise WireError(401, "unable to verify user credentials and/or request signature", cs_code=None)


class ListUserTwoFactorAuthenticatorProviders(
    Query,
    since="4.18.0",
    authorized=_EVERYBODY,
    pre_auth=True,
    knows_caller=True,
    response={"name": ("string", "its name"), "description": ("string", "what is shown")},
    form="list",
):
    """Lists the second factors that users can set up."""

    name: str | None = param("only the one of this name")

    def run(self, reader: Reader, caller: Caller) -> Told:
        names = [name for name in _offered(reader) if self.name in (None, name)]
        if not names and self.name is not None:
            raise ParamError(f"Parameter name: there is no second factor {self.name[:64]!r} here", param="name")
        return Told("providers", [{"name": name, "description": _PROVIDERS[name]} for name in names])


class SetupUserTwoFactorAuthentication(
    Command,
    since="4.18.0",
    authorized=_EVERYBODY,
    pre_auth=True,
    knows_caller=True,
    event="USER.UPDATE",
    response={
        "id": ("string", "the user"),
        "username": ("string", "its name"),
        "accountid": ("string", "its account"),
        "secretcode": ("string", "the key for the authenticator app, or the PIN: told this once"),
        "uri": ("string", "what to show the authenticator app as a QR code"),
    },
    form="object",
):
    """Gives the caller a second factor, which is in force when its code was shown once; or takes one from a user."""

    provider: str | None = param("which", choices=tuple(_PROVIDERS))
    enable: bool = param("false: take it away", default=True)
    user: Ref[User] | None = param("the user, for administrators who take it away; without, the caller", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Told | User:
        known(caller)
        user = self.user or tx.get(User, caller.user_id)
        have = tx.find(SecondFactor, SecondFactor.c.user_id == user.id)
        self._may(tx, caller, user, have)
        if have is not None:
            tx.remove(have)
        if user.two_factor:
            tx.update(user, two_factor=False)
        about = {"id": user.uuid, "username": user.username, "accountid": tx.get(Account, user.account_id).uuid}
        return Told("setup2fa", [about | (self._new(tx, user) if self.enable else {})], one=True)

    def describe(self, about: Resource | None) -> str:
        whose = f" of user {self.user.username}" if self.user is not None else ""
        return f"{'Set up' if self.enable else 'Took away'} the second factor{whose}"

    def _may(self, tx: Tx, caller: Caller, user: User, have: SecondFactor | None) -> None:
        govern_user(tx, caller, user)
        if user.id != caller.user_id:
            if self.enable:
                raise Denied("A second factor is set up by its user itself", fix=["give enable=false to take one away"])
            return
        if self.enable and not ENABLED.get(tx, domain=user.domain_id) and not user.two_factor_mandated:
            raise Denied(f"enable.user.2fa is false in domain {tx.get(Domain, user.domain_id).path}: there are no second factors")
        if have is not None and have.confirmed and (caller.two_factor or not caller.session):
            raise Denied("The second factor in force must be shown in this session before it is changed")
        if not self.enable and (user.two_factor_mandated or mandated(tx, user.domain_id)):
            raise Denied("A second factor is mandated: an administrator may take it away, to have it set up anew")

    def _new(self, tx: Tx, user: User) -> dict[str, str]:
        provider = self.provider or DEFAULT.get(tx, domain=user.domain_id)
        if provider.lower() not in _offered(tx):
            raise ParamError(f"Parameter provider: there is no second factor {provider} here", param="provider")
        plain = totp.new_key() if provider.lower() == "totp" else f"{secrets.randbelow(10**6):06}"
        tx.insert(SecondFactor(user_id=user.id, provider=provider.lower(), key=Secret(plain)))
        if provider.lower() != "totp":
            return {"secretcode": plain}
        return {"secretcode": plain, "uri": totp.uri(plain, ISSUER.get(tx, domain=user.domain_id), user.username)}


class ValidateUserTwoFactorAuthenticationCode(
    Exchange, since="4.18.0", authorized=_EVERYBODY, pre_auth=True, knows_caller=True, form="success"
):
    """Shows the second factor: the session may do everything from then on."""

    code: Secret = param("the code of the authenticator app, or the PIN", wire_name="codefor2fa")

    def run(self, db: Database, caller: Caller) -> Success:
        known(caller)
        given = self.code.reveal().strip()
        wrong = db.write(lambda tx: _judge(tx, tx.get(User, caller.user_id), given))
        if wrong:
            raise WireError(511, wrong, "codefor2fa", cs_code=None)
        return Success()


def _judge(tx: Tx, user: User, given: str) -> str:
    """What is wrong with a code, "" when it is right. Counts: this is no command's transaction, which would roll back."""
    have = tx.find(SecondFactor, SecondFactor.c.user_id == user.id)
    if have is None:
        return f"User {user.username} has no second factor; set one up by setupUserTwoFactorAuthentication"
    tx.lock(have)
    if tx.now < have.next_at:
        return f"{have.misses} wrong codes in a row: the next one is looked at in {have.next_at - tx.now:.0f} seconds"
    step = _right(have, given, tx.now)
    if step is None:
        misses = have.misses + 1
        wait = min(LONGEST, 2.0 ** min(misses - FREE, 30)) if misses >= FREE else 0.0
        tx.update(have, misses=misses, next_at=tx.now + wait)
        emit(tx, "USER.LOGIN", f"User {user.username} showed a wrong second factor, {misses} in a row", about=user, level="WARN")
        return "The code is wrong, or was used before"
    tx.update(have, misses=0, next_at=0.0, last_step=step, confirmed=True)
    if not user.two_factor:
        tx.update(user, two_factor=True)
    return ""


def _right(have: SecondFactor, given: str, now: float) -> int | None:
    if have.provider == "totp":
        return totp.step_of(have.key.reveal(), given, now, have.last_step)
    return 0 if hmac.compare_digest(have.key.reveal().encode(), given.encode("utf-8", "replace")) else None
