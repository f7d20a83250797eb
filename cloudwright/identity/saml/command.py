"""The commands of SAML 2.0 sign-in. `samlSso` leaves for the identity provider, takes its answer and opens the session."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Exchange, Flat, Success, Told
from cloudwright.core.db import Database
from cloudwright.core.error import ParamError, Unavailable, Unsupported
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.core.wire import WireError
from cloudwright.identity import attempt as attempts
from cloudwright.identity import source
from cloudwright.identity.authority import govern_user
from cloudwright.identity.entrance import LOGIN, Entrance
from cloudwright.identity.model import Account, Domain, SamlAuthorization, User
from cloudwright.identity.owner import shown_path
from cloudwright.identity.saml import party, sign_in, xml
from cloudwright.identity.second_factor import known

log = logging.getLogger(__name__)

ENABLED = setting("saml2.enabled", False, "whether users may sign in through SAML identity providers")
DEFAULT = setting("saml2.default.idpid", "", "the identity provider where none is named")
FAILED = setting("saml2.failed.login.redirect.url", "", "where users are sent who could not be signed in; empty: they are told")
PASSWORDS = setting(
    "enable.login.with.disabled.saml", False, "whether users who may sign in by SAML no more may do so by their password here"
)
setting("saml2.append.idpdomain", False, "whether consoles append the provider's domain to names of users whom they authorize")
setting(
    "saml2.check.signature", "true", "signatures of identity providers are always checked: nothing else is accepted",
    options=("true",),
)  # fmt: skip
_MESSAGE = 1 << 20  # bytes
DISABLED = "saml2disabled"


class Withdrawn(source.Native):
    """Users who may sign in by SAML no more."""

    def judge(self, db: Database, user: User, given: str) -> source.Judgement:
        """By the stored hash, where that is allowed."""
        return super().judge(db, user, given) if PASSWORDS.get(db.read()) else source.NO


source.register(Withdrawn(DISABLED, by_password=True, kept=""))


def _enabled(reader: Reader) -> None:
    if not ENABLED.get(reader):
        fix = [f"set {ENABLED.name} to true"]
        raise Unsupported(f"Nobody signs in through SAML here: {ENABLED.name} is false", fix=fix, needs=ENABLED.name)


class GetSPMetadata(
    Exchange, pre_auth=True, http_method="GET", resp_key="spmetadataresponse", form="flat",
    response={"metadata": ("string", "the XML that identity providers are given")},
):  # fmt: skip
    """Tells what SAML identity providers need to know of this cloud."""

    def run(self, db: Database, caller: Caller) -> Flat:
        _enabled(db.read())
        return Flat({"metadata": party.metadata(db.read(), party.own_key(db))})


class ListIdps(
    Exchange, pre_auth=True, http_method="GET", form="list",
    response={
        "id": ("string", "the provider's id"),
        "orgName": ("string", "the organization that runs it"),
        "orgUrl": ("string", "its address"),
    },
):  # fmt: skip
    """Lists the SAML identity providers through which users may sign in."""

    def run(self, db: Database, caller: Caller) -> Told:
        _enabled(db.read())
        found = party.idps(db.read()).values()
        return Told("idp", [{"id": one.entity, "orgName": one.organization, "orgUrl": one.organization_url} for one in found])


class SamlSso(Exchange, pre_auth=True, resp_key="loginresponse", form="flat", response=LOGIN):
    """Signs in through a SAML identity provider: sends the browser there, and takes it back."""

    idpid: str | None = param("the provider; without, the one of saml2.default.idpid", length=1024)
    answer: str | None = param("the provider's answer", wire_name="samlresponse", length=_MESSAGE)
    ticket: str | None = param("what fetches the session that an answer was good for")

    def run(self, db: Database, caller: Caller) -> Entrance:
        _enabled(db.read())
        try:
            return self._step(db, caller)
        except (xml.BadXml, Unavailable, WireError) as error:
            log.warning("nobody is signed in through SAML: %s", error)
            if page := FAILED.get(db.read()):
                return Entrance(redirect=page)
            raise attempts.refused() if isinstance(error, xml.BadXml) else error from None

    def _step(self, db: Database, caller: Caller) -> Entrance:
        if self.answer is not None:
            return sign_in.come_back(db, self.answer)
        if self.ticket is not None:
            return sign_in.enter(db, caller, self.ticket)
        wanted = self.idpid or DEFAULT.get(db.read())
        idp = party.idps(db.read()).get(wanted)
        if idp is None:
            raise WireError(531, f"There is no SAML identity provider {wanted[:200]!r}", "idpid", cs_code=None)
        return sign_in.leave(db, idp)


class SamlSlo(
    Exchange, pre_auth=True, resp_key="logoutresponse", form="flat", response={"description": ("string", "always success")}
):
    """Signs out here and at the SAML identity provider; or hears from it who signed out there."""

    request: str | None = param("the provider's request to sign somebody out", wire_name="samlrequest", length=_MESSAGE)
    answer: str | None = param("its answer that somebody was", wire_name="samlresponse", length=_MESSAGE)
    relay: str | None = param("what it wants back", wire_name="relaystate", length=4096)
    algorithm: str | None = param("how it signed", wire_name="sigalg")
    mark: str | None = param("its signature", wire_name="signature", length=8192)

    def run(self, db: Database, caller: Caller) -> Entrance:
        visit = sign_in.visit_of(db.read(), caller.session)
        if visit is None:  # else somebody is let out who came in before it was switched off
            _enabled(db.read())
        if self.answer is not None:  # nothing depends on it: the session ended before the browser went there
            return Entrance({"description": "success"}, redirect=sign_in.HOME.get(db.read()))
        if self.request is None:
            return sign_in.sign_out(db, visit)
        said = {"SAMLRequest": self.request, "RelayState": self.relay or "", "SigAlg": self.algorithm or ""}
        try:
            return sign_in.signed_out_there(db, said | {"Signature": self.mark or ""})
        except xml.BadXml as error:
            log.warning("nobody is signed out through SAML: %s", error)
            raise WireError(531, "The request to sign out is not good", "samlrequest", cs_code=None) from None


class ListAndSwitchSamlAccount(
    Exchange, pre_auth=True, knows_caller=True, form="list",
    response={
        "userId": ("string", "the user"), "domainId": ("string", "its domain"), "userName": ("string", "its name"),
        "accountName": ("string", "its account"), "domainName": ("string", "the name of its domain"),
        "domainPath": ("string", "the path of that domain"), "idpId": ("string", "the provider that vouches for it"),
    },
):  # fmt: skip
    """Lists the users that the caller is to its identity provider, in other domains too; or becomes one of them."""

    user_id: str | None = param("the user to become, given with domainid", kind="uuid")
    domain_id: str | None = param("its domain", kind="uuid")

    def run(self, db: Database, caller: Caller) -> Told | Entrance:
        _enabled(db.read())
        known(caller)
        reader = db.read()
        visit = sign_in.visit_of(reader, caller.session)
        if visit is None:
            raise WireError(531, "The caller did not sign in through SAML", cs_code=None)
        rows = [_told(reader, user, visit.entity) for user in sign_in.users(reader, visit.entity, visit.username)]
        if self.user_id is None and self.domain_id is None:
            return Told("samluseraccount", rows)
        if not any((row["userId"], row["domainId"]) == (self.user_id, self.domain_id) for row in rows):
            raise ParamError("Parameter userid: that is no user which the caller is to its identity provider", param="userid")
        user = reader.find(User, User.c.uuid == str(self.user_id))
        if user is None:
            raise ParamError("Parameter userid: there is no such user any more", param="userid")
        return sign_in.entrance(reader, user, visit)


def _told(reader: Reader, user: User, entity: str) -> dict[str, Any]:
    account, domain = reader.get(Account, user.account_id), reader.get(Domain, user.domain_id)
    return {
        "userId": user.uuid, "domainId": domain.uuid, "userName": user.username, "accountName": account.name,
        "domainName": domain.name, "domainPath": shown_path(domain.path), "idpId": entity,
    }  # fmt: skip


class AuthorizeSamlSso(Command, form="success"):
    """Lets a user sign in through a SAML identity provider, and not by password; or takes that back."""

    user: Ref[User] = param("the user", use=Use.CHANGE)
    enable: bool = param("whether it may")
    entity: str | None = param("the provider's id; without, the one of saml2.default.idpid", wire_name="entityid", length=1024)

    def run(self, tx: Tx, caller: Caller) -> Success:
        govern_user(tx, caller, self.user)
        if self.user.source not in (source.NATIVE, sign_in.SOURCE, DISABLED):
            raise ParamError(f"Parameter userid: user {self.user.username} signs in by {self.user.source}", param="userid")
        row = tx.find(SamlAuthorization, SamlAuthorization.c.user_id == self.user.id)
        entity = self.entity or (row.entity if row else DEFAULT.get(tx))
        if self.enable and not entity:
            raise ParamError("Parameter entityid is missing, and so is setting saml2.default.idpid", param="entityid")
        if self.enable and row is None:
            tx.insert(SamlAuthorization(user_id=self.user.id, entity=entity))
        elif row is not None and row.entity != entity:
            tx.update(row, entity=entity)
        if self.enable or self.user.source == sign_in.SOURCE:
            tx.update(self.user, source=sign_in.SOURCE if self.enable else DISABLED)
        return Success()


class SamlAuthorizationView(
    View, of=User, key="samlauthorization", joins=[(SamlAuthorization, SamlAuthorization.c.user_id == User.c.id)]
):
    """Whether a user may sign in through a SAML identity provider."""

    userid = field(User.c.uuid, "the user")
    status = field(User.c.source == sign_in.SOURCE, "whether it may", "boolean")
    idpid = field(SamlAuthorization.c.entity, "through which provider")


class ListSamlAuthorization(List, answers=SamlAuthorizationView, resp_key="listsamlauthorizationsresponse"):
    """Lists who may sign in through which SAML identity provider."""

    user: Ref[User] | None = where(User.c.id, "only this user, whether it may or not")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        _enabled(reader)
        authorized = User.c.id.in_(sa.select(SamlAuthorization.c.user_id).where(SamlAuthorization.c.gone == 0))
        return [] if self.user is not None else [("authorized", authorized, {})]
