"""Signing in through providers of OAuth 2 and OpenID Connect.

`oauthlogin` without a code sends the browser to the provider; with the code that the provider gave back (`secretcode`) and its
`state` it opens a session for the user of the domain who has the address that the provider vouches for.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Exchange, Success, Told
from cloudwright.core.db import Database
from cloudwright.core.error import ParamError, Unsupported
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.core.wire import WireError
from cloudwright.identity import attempt as attempts
from cloudwright.identity.entrance import LOGIN, Entrance
from cloudwright.identity.fetch import fit_url
from cloudwright.identity.model import Attempt, Domain, OauthProvider, User
from cloudwright.identity.oauth import provider as oauth
from cloudwright.identity.owner import shown_path
from cloudwright.identity.source import NATIVE

log = logging.getLogger(__name__)

ENABLED = setting("oauth2.enabled", False, "whether users may sign in through OAuth providers", scopes=("domain",))
PLUGINS = setting("oauth2.plugins", "google,github", "names of the providers that can be registered")
EXCLUDED = setting("oauth2.plugins.exclude", "", "names among them that are not used")
ORDER = setting("user.oauth2.providers.order", "google,github,keycloak", "further such names")
_SOURCE = "oauth2"
_AWAY = 600.0  # seconds that a user may take at the provider
_EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")


class OauthProviderView(View, of=OauthProvider, key="oauthprovider", joins=[(Domain, Domain.c.id == OauthProvider.c.domain_id)]):
    """A provider. Its client secret is told to root alone."""

    id = field(OauthProvider.c.uuid, "its id")
    provider = field(OauthProvider.c.provider, "its kind: google, github, keycloak, or a name of one's own")
    name = field(OauthProvider.c.provider, "the same")
    description = field(OauthProvider.c.description, "what it is to users")
    clientid = field(OauthProvider.c.client_id, "as whom it knows this cloud")
    redirecturi = field(OauthProvider.c.redirect_uri, "where it sends users back to")
    authorizeurl = field(OauthProvider.c.authorize_url, "where users sign in, if it was told")
    tokenurl = field(OauthProvider.c.token_url, "where codes are exchanged, if it was told")
    enabled = field(OauthProvider.c.enabled, "whether it is used")
    domainid = field(Domain.c.uuid, "the domain it is for; without, all that have none of their own")
    domain = field(Domain.c.name, "the name of that domain")
    domainpath = field(Domain.c.path, "the path of that domain", convert=shown_path)
    _secret = field(OauthProvider.c.client_secret, "", "string")
    secretkey = computed(lambda row, caller: row["_secret"].reveal() if caller.root else None, "by which secret, for root")


class _OfDomain(Command, ancestor=True):
    """Commands that name a domain by its id or its path."""

    domain_ref: Ref[Domain] | None = param("the domain it is for", wire_name="domainid", use=Use.CHANGE, since="4.23.0")
    domain: str | None = param("the same, by its path", since="4.23.0")


class RegisterOauthProvider(_OfDomain, answers=OauthProviderView, since="4.19.0"):
    """Makes a provider known, through which users may sign in."""

    description: str = param("what it is to users", length=1024)
    provider: str = param("google, github, keycloak, or a name of one's own for an OpenID Connect provider")
    client_id: str = param("as whom it knows this cloud", wire_name="clientid")
    secret_key: Secret = param("by which secret", wire_name="secretkey")
    redirect_uri: str = param("where it sends users back to", wire_name="redirecturi", length=1024, check=fit_url)
    authorize_url: str | None = param("where users sign in; without, it is asked", length=1024, check=fit_url)
    token_url: str | None = param("where codes are exchanged; without, it is asked", length=1024, check=fit_url)
    details: dict[str, str] | None = param("issuer: the address that its ID tokens name (https://…/realms/x)")

    def run(self, tx: Tx, caller: Caller) -> OauthProvider:
        known = _names(tx)
        if self.provider.lower() not in known:
            text = f"Parameter provider: {self.provider[:64]!r} is not one of {', '.join(known)}"
            raise ParamError(text, param="provider", fix=[f"add it to setting {PLUGINS.name}"])
        domain = self.domain_ref or (_by_path(tx, self.domain) if self.domain else None)
        row = OauthProvider(
            provider=self.provider.lower(), domain_id=domain.id if domain else 0, description=self.description,
            client_id=self.client_id, client_secret=self.secret_key, redirect_uri=self.redirect_uri,
            authorize_url=self.authorize_url or "", token_url=self.token_url or "", details=self.details or {},
        )  # fmt: skip
        _check(row)
        return tx.insert(row)


class UpdateOauthProvider(_OfDomain, answers=OauthProviderView, since="4.19.0"):
    """Changes a provider."""

    id: Ref[OauthProvider] = param("the provider", use=Use.CHANGE)
    description: str | None = param("what it is to users", length=1024)
    client_id: str | None = param("as whom it knows this cloud", wire_name="clientid")
    secret_key: Secret | None = param("by which secret", wire_name="secretkey")
    redirect_uri: str | None = param("where it sends users back to", wire_name="redirecturi", length=1024, check=fit_url)
    authorize_url: str | None = param("where users sign in", length=1024, check=fit_url)
    token_url: str | None = param("where codes are exchanged", length=1024, check=fit_url)
    enabled: bool | None = param("whether it is used")

    def run(self, tx: Tx, caller: Caller) -> OauthProvider:
        names = ("description", "client_id", "redirect_uri", "authorize_url", "token_url", "enabled")
        values = {name: value for name in names if (value := self.__dict__[name]) is not None}
        if self.secret_key is not None:
            values["client_secret"] = self.secret_key
        if domain := self.domain_ref or (_by_path(tx, self.domain) if self.domain else None):
            values["domain_id"] = domain.id
        if values:
            tx.update(self.id, **values)
        _check(self.id)
        return self.id


class DeleteOauthProvider(Command, since="4.19.0", form="success"):
    """Forgets a provider: nobody signs in through it any more."""

    id: Ref[OauthProvider] = param("the provider", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        tx.remove(self.id)
        return Success()


class ListOauthProvider(
    List, answers=OauthProviderView, since="4.19.0", authorized=_EVERYBODY, pre_auth=True, knows_caller=True,
    keywords=[OauthProvider.c.provider, OauthProvider.c.description],
):  # fmt: skip
    """Lists providers, for login pages too: those in use; all of them for root."""

    id: str | None = where(OauthProvider.c.uuid, "only this one", kind="uuid")
    provider: str | None = where(OauthProvider.c.provider, "only the one of this name")
    domain_ref: str | None = param("only those of this domain", wire_name="domainid", kind="uuid", since="4.23.0")
    domain: str | None = param("the same, by its path", since="4.23.0")

    def scope(self, caller: Caller) -> Condition | None:
        return None if caller.root else OauthProvider.c.enabled.is_(True)

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        mine = OauthProvider.c.domain_id.in_(sa.select(Domain.c.id).where(Domain.c.uuid == sa.bindparam("of_id")))
        named = OauthProvider.c.domain_id.in_(sa.select(Domain.c.id).where(Domain.c.path == sa.bindparam("of_path")))
        narrowed: list[tuple[str, Condition, dict[str, Any]]] = []
        if self.domain_ref:
            narrowed.append(("of id", mine, {"of_id": self.domain_ref}))
        if self.domain:
            narrowed.append(("of path", named, {"of_path": _path(self.domain)}))
        return narrowed


class _Returned(Exchange, ancestor=True):
    """What a login page tells when the provider sent the user back to it."""

    provider: str = param("the provider")
    secret_code: Secret | None = param("the code that the provider gave back", wire_name="secretcode", length=4096)
    state: str | None = param("the state that it gave back with the code")
    domain: str | None = param("the path of the user's domain; without, ROOT")

    def proved(self, db: Database, caller: Caller, provider: OauthProvider) -> tuple[Attempt, str]:
        """(the attempt, the address that the provider vouches for). Raises WireError 531."""
        code, state = self.secret_code.reveal() if self.secret_code else "", self.state or ""
        found = attempts.find(db.read(), _SOURCE, state, time.time())
        if found is None or found.party != provider.uuid or not attempts.same_browser(found, caller):
            log.warning("nobody is signed in by %s: the state is unknown, too old or of another browser", provider.provider)
            raise attempts.refused()
        known, _, email = found.proved.partition(" ")
        if email and hmac.compare_digest(known, _digest(code)):
            return found, email
        kept = msgspec.json.decode(found.kept.reveal(), type=oauth.Kept)
        try:
            email = oauth.proved_email(provider, code, kept)
        except oauth.Unproved as why:
            log.warning("nobody is signed in by %s: %s", provider.provider, why)
            raise attempts.refused() from None
        db.write(lambda tx: tx.update(found, proved=f"{_digest(code)} {email}"))
        return found, email


_ONE = "cannot be given: one address is told, there is nothing to search or to page"


class VerifyOAuthCodeAndGetUser(
    _Returned,
    since="4.19.0",
    authorized=_EVERYBODY,
    pre_auth=True,
    http_method="GET",
    response={"email": ("string", "the user's e-mail address")},
    form="object",
):
    """Tells the address that a provider vouches for, by the code that it gave back."""

    domain_ref: str | None = param("the user's domain", wire_name="domainid", since="4.23.0")
    keyword: str | None = param("refused", check=lambda _: _ONE)
    page: int | None = param("refused", check=lambda _: _ONE)
    page_size: int | None = param("refused", check=lambda _: _ONE)

    def run(self, db: Database, caller: Caller) -> Told:
        provider, _ = _in_use(db.read(), self.provider, self.domain, self.domain_ref)
        return Told("oauthemail", [{"email": self.proved(db, caller, provider)[1]}], one=True)


class Oauthlogin(_Returned, since="4.19.0", pre_auth=True, form="flat", response=LOGIN):
    """Signs in through a provider. Without a code it sends the browser there."""

    email: str | None = param("the address that the provider vouches for")
    domain_id: str | None = param("the user's domain", wire_name="domainId")

    def run(self, db: Database, caller: Caller) -> Entrance:
        provider, domain = _in_use(db.read(), self.provider, self.domain, self.domain_id)
        if self.secret_code is None:
            return _sent_away(db, provider)
        found, email = self.proved(db, caller, provider)
        if self.email is not None and self.email.lower() != email.lower():
            raise attempts.refused()
        users = _with_address(db.read(), domain, email)
        db.write(lambda tx: attempts.take(tx, found))
        if len(users) != 1:
            log.warning("%d users of domain %s have the address that %s vouches for", len(users), domain.path, provider.provider)
            raise attempts.refused()
        return Entrance(user=users[0])


def _sent_away(db: Database, provider: OauthProvider) -> Entrance:
    kept = oauth.new_kept()
    row, state, browser = attempts.made(_SOURCE, provider.uuid, msgspec.json.encode(kept).decode(), time.time() + _AWAY)
    url = oauth.authorize_url(provider, oauth.endpoints(provider), state, kept)
    db.write(lambda tx: attempts.begin(tx, row))
    return Entrance(redirect=url, browser=browser)


def _with_address(reader: Reader, domain: Domain, email: str) -> list[User]:
    """The users of a domain with that address whose sign-in is not another provider's to decide."""
    same = sa.func.lower(User.c.email) == email.lower()
    return reader.all(User, User.c.domain_id == domain.id, same, User.c.source.in_((NATIVE, _SOURCE)))


def _in_use(reader: Reader, name: str, path: str | None, id: str | None) -> tuple[OauthProvider, Domain]:
    """The provider of that name for a domain: its own, else the one for all. Raises Unsupported, or WireError 531."""
    by_id = Domain.c.id == int(id) if id and id.isdecimal() and len(id) < 19 else Domain.c.uuid == id
    domain = reader.find(Domain, by_id if id else Domain.c.path == _path(path or ""))
    if not ENABLED.get(reader, domain=domain.id if domain else None):
        raise Unsupported(f"Users of this domain do not sign in through OAuth providers: {ENABLED.name} is false")
    offered = OauthProvider.c.provider == name.lower(), OauthProvider.c.enabled.is_(True)
    where_ = [domain.id, 0] if domain else []
    found = [row for at in where_ for row in reader.all(OauthProvider, *offered, OauthProvider.c.domain_id == at)]
    if domain is None or not found or name.lower() not in _names(reader):
        raise WireError(531, f"There is no OAuth provider {name[:64]!r} for this domain", "provider", cs_code=None)
    return found[0], domain


def _names(reader: Reader) -> list[str]:
    told = f"{PLUGINS.get(reader)},{ORDER.get(reader)}".lower().split(",")
    excluded = [name.strip() for name in EXCLUDED.get(reader).lower().split(",")]
    return [name for name in dict.fromkeys(name.strip() for name in told) if name and name not in excluded]


def _by_path(reader: Reader, path: str) -> Domain:
    found = reader.find(Domain, Domain.c.path == _path(path))
    if found is None:
        raise ParamError(f"Parameter domain: there is no domain {path[:64]!r}", param="domain")
    return found


def _path(text: str) -> str:
    trimmed = text.strip("/").removeprefix("ROOT").strip("/")
    return f"/{trimmed}/" if trimmed else "/"


def _check(row: OauthProvider) -> None:
    """Refuse one that could not be spoken to."""
    if row.provider != "github" and (wrong := fit_url(oauth.issuer_of(row))):
        fix = ["give details[0].issuer", "for Keycloak: give tokenurl, …/realms/x/protocol/openid-connect/token"]
        raise ParamError(f"Parameter details: the issuer of provider {row.provider} {wrong}", param="details", fix=fix)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
