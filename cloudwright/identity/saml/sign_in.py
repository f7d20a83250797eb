"""The ways of SAML 2.0: to the identity provider and back, into a session, and out of it again.

An answer comes as a form that another site sends: browsers then leave our cookies at home. So a good answer is only kept, and the
browser is sent on to fetch its session by an address of ours, with the cookie that it got when it left: nobody is signed in as
somebody who never asked for it.
"""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.db import Database
from cloudwright.core.error import Lost, Unavailable
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.wire import WireError
from cloudwright.identity import attempt as attempts
from cloudwright.identity import session
from cloudwright.identity.caller import IN_FORCE, JOINED
from cloudwright.identity.entrance import Entrance
from cloudwright.identity.model import Attempt, SamlAuthorization, SeenAssertion, User
from cloudwright.identity.saml import assertion, message, party, xml
from cloudwright.identity.saml.party import Idp

log = logging.getLogger(__name__)

ATTRIBUTE = setting("saml2.user.attribute", "uid", "the attribute of assertions that names the user; else their name id does")
FORCE = setting("saml2.force.authn", False, "whether identity providers must ask users anew each time")
BY_PASSWORD = setting("saml2.require.password", True, "whether identity providers must ask for a password at least")
HOME = setting("saml2.redirect.url", "http://localhost:8080/client", "where users are sent once they are signed in, or out")
KEY_PATH = setting("saml2.user.sessionkey.path", "", "the path of the cookie `sessionkey` of such sessions")
SOURCE = "saml2"
_AWAY = 600.0  # seconds that a user may take at the identity provider
_SWEEP = SeenAssertion.t.delete().where(SeenAssertion.c.ends < sa.bindparam("now"))
_USERS = (
    sa.select(User.t)
    .select_from(JOINED.join(SamlAuthorization.t, SamlAuthorization.c.user_id == User.c.id))
    .where(User.c.username == sa.bindparam("name"), User.c.source == SOURCE, IN_FORCE)
    .where(SamlAuthorization.c.entity == sa.bindparam("entity"), SamlAuthorization.c.gone == 0)
    .order_by(User.c.id)
)


class Visit(msgspec.Struct, frozen=True):
    """What a session keeps of its sign-in, to end it at the identity provider, too."""

    entity: str
    name_id: dict[str, str]
    index: str
    username: str


def users(reader: Reader, entity: str, username: str) -> list[User]:
    """Whom an identity provider means by a name, one for each domain that has such a user."""
    return [User.load(row) for row in reader.rows(_USERS, {"name": username, "entity": entity})]


def _nobody(idp: Idp | None, username: str) -> WireError:
    """What somebody is told whom a provider vouches for in vain."""
    through = f"SAML identity provider {idp.organization or idp.entity}" if idp else "that SAML identity provider any more"
    text = f"User {username[:100]!r} may not sign in through {through}; an administrator can allow it (authorizeSamlSso)"
    return WireError(531, text, cs_code=None)


def leave(db: Database, idp: Idp) -> Entrance:
    """Send the browser to the identity provider."""
    reader = db.read()
    row, id, browser = attempts.made(SOURCE, idp.entity, "", time.time() + _AWAY)
    how = {"force": FORCE.get(reader), "by_password": BY_PASSWORD.get(reader)}
    text = message.authn_request(id, idp, party.ID.get(reader), party.SSO_URL.get(reader), **how)
    url = message.redirect_url(idp.sso, "SAMLRequest", text, party.own_key(db), message.SIGNED_BY.get(reader))
    db.write(lambda tx: attempts.begin(tx, row))
    return Entrance(redirect=url, browser=browser)


def come_back(db: Database, packed: str) -> Entrance:
    """Keep what an answer proves, and send the browser on to fetch its session. Raises BadXml when it proves nothing,
    WireError when nobody here is meant."""
    reader = db.read()
    root = xml.parse(message.posted(packed))
    id, at = assertion.answered_request(root), party.SSO_URL.get(reader)
    found = attempts.find(reader, SOURCE, id, time.time())
    idp = party.idps(reader).get(found.party) if found else None
    if found is None or idp is None:
        raise xml.BadXml("it answers no request that is waited for")
    proof = assertion.proof(root, assertion.Expected(idp, party.ID.get(reader), at, id))
    username = proof.username(ATTRIBUTE.get(reader))
    if not users(reader, idp.entity, username):
        raise _nobody(idp, username)
    visit = msgspec.json.encode(Visit(idp.entity, proof.name_id, proof.index, username)).decode()
    try:
        db.write(lambda tx: _keep(tx, found, proof, visit))
    except (sa.exc.IntegrityError, Lost):
        raise xml.BadXml("it was shown before") from None
    return Entrance(redirect=f"{at}{'&' if '?' in at else '?'}ticket={id}")


def _keep(tx: Tx, found: Attempt, proof: assertion.Proof, visit: str) -> None:
    tx.execute(_SWEEP, {"now": tx.now})
    if found.proved:
        raise Lost("the request was answered before")
    digest = hashlib.sha256(f"{proof.entity}\n{proof.id}".encode()).hexdigest()
    tx.insert(SeenAssertion(digest=digest, ends=proof.ends))
    tx.update(found, proved=visit)


def enter(db: Database, caller: Caller, ticket: str) -> Entrance:
    """Open the session of a good answer, in the browser that asked for it. Raises BadXml, WireError."""
    reader = db.read()
    found = attempts.find(reader, SOURCE, ticket, time.time())
    if found is None or not found.proved or not attempts.same_browser(found, caller):
        raise xml.BadXml("the ticket is unknown, used, too old or of another browser")
    visit = msgspec.json.decode(found.proved, type=Visit)
    candidates = users(reader, visit.entity, visit.username)
    if not candidates:
        raise _nobody(party.idps(reader).get(visit.entity), visit.username)
    db.write(lambda tx: attempts.take(tx, found))
    return entrance(reader, candidates[0], visit)


def entrance(reader: Reader, user: User, visit: Visit) -> Entrance:
    """A session of one of the users that the identity provider vouched for."""
    origin, told = session.origin(visit.entity, visit.name_id["text"]), msgspec.json.encode(visit).decode()
    about: dict[str, Any] = {"shown": True, "key_path": KEY_PATH.get(reader), "redirect": HOME.get(reader)}
    return Entrance(user=user, origin=origin, told=told, **about)


def visit_of(reader: Reader, digest: str) -> Visit | None:
    """The sign-in of a session, None for one by password or through others."""
    row = session.find(reader, digest) if digest else None
    if row is None or not row.told:
        return None
    return msgspec.json.decode(row.told, type=Visit)


def sign_out(db: Database, visit: Visit | None) -> Entrance:
    """End the session here, and send the browser to end it at the identity provider, if that does such a thing and is known."""
    reader = db.read()
    idp = _known(reader, visit.entity) if visit else None
    if visit is None or idp is None or not idp.slo:
        return Entrance({"description": "success"}, leaves=True, redirect=HOME.get(reader))
    text = message.logout_request(attempts.new_handle(), idp, party.ID.get(reader), visit.name_id, visit.index)
    url = message.redirect_url(idp.slo, "SAMLRequest", text, party.own_key(db), message.SIGNED_BY.get(reader))
    return Entrance({"description": "success"}, leaves=True, redirect=url)


def _known(reader: Reader, entity: str) -> Idp | None:
    try:
        return party.idps(reader).get(entity)
    except Unavailable as why:
        log.warning("somebody signs out here, and not at the SAML identity provider: %s", why)
        return None


def signed_out_there(db: Database, said: dict[str, str]) -> Entrance:
    """End the sessions of whom an identity provider signed out, and tell it so. Raises BadXml."""
    reader = db.read()
    root = xml.parse(message.inflated(said["SAMLRequest"]))
    idp = party.idps(reader).get(xml.text_of(xml.find(root, "a:Issuer")))
    if root.tag != xml.name("p:LogoutRequest") or idp is None:
        raise xml.BadXml("it is no request of an identity provider to sign somebody out")
    message.check_address(said, idp)
    if root.get("Destination") not in (None, "", party.SLO_URL.get(reader)):
        raise xml.BadXml(f"it is for {root.get('Destination')}")
    assertion.check_time(root)
    origin = session.origin(idp.entity, xml.text_of(xml.find(root, "a:NameID")))
    db.write(lambda tx: session.cut_origin(tx, origin))
    text = message.logout_response(attempts.new_handle(), idp, party.ID.get(reader), root.get("ID", ""))
    told: dict[str, Any] = {
        "own": party.own_key(db),
        "digest": message.SIGNED_BY.get(reader),
        "relay": said.get("RelayState", ""),
    }
    url = message.redirect_url(idp.slo_answers, "SAMLResponse", text, **told) if idp.slo_answers else HOME.get(reader)
    return Entrance({"description": "success"}, redirect=url)
