"""What an identity provider's answer proves, if it proves anything (SAML 2.0 profiles, section 4.1.4).

Only what is signed is read: the assertion out of the signed response, or the signed assertion itself.
"""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from cloudwright.identity.saml import xml
from cloudwright.identity.saml.party import Idp

_SKEW = datetime.timedelta(seconds=60)  # that clocks may differ
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


class Expected(msgspec.Struct, frozen=True):
    """What an answer must say."""

    idp: Idp
    audience: str  # this cloud's id
    at: str  # where answers are sent
    answers: str  # the id of our request


class Proof(msgspec.Struct, frozen=True):
    """Whom the provider vouches for. `attributes` have all their values."""

    id: str  # of the assertion
    ends: float  # until when it could be shown again, in seconds since the epoch
    entity: str
    name_id: dict[str, str]  # "text" and the attributes
    index: str
    attributes: dict[str, list[str]]

    def username(self, attribute: str) -> str:
        """The user's name: that attribute, or the name id unless it is made up for one visit. "" for none."""
        values = self.attributes.get(attribute, [])
        if values:
            return values[0] if len(values) == 1 else ""
        return "" if self.name_id.get("Format") == _TRANSIENT else self.name_id["text"]


def answered_request(root: Any) -> str:
    """The id of the request that a response says to answer, to find what is known of it. It proves nothing."""
    return str(root.get("InResponseTo") or "")


def proof(root: Any, expected: Expected) -> Proof:
    """What a response proves. Raises BadXml with the reason why it proves nothing."""
    if root.tag != xml.name("p:Response"):
        raise xml.BadXml(f"it is a {root.tag}, no response")
    status = xml.find(root, "p:Status/p:StatusCode")
    if status is None or status.get("Value") != _SUCCESS:
        raise xml.BadXml(f"its status is {None if status is None else status.get('Value')}")
    if root.get("Destination") not in (None, "", expected.at):
        raise xml.BadXml(f"it is for {root.get('Destination')}")
    assertion = _signed_assertion(root, expected.idp)
    now = datetime.datetime.now(datetime.UTC)
    _say("issuer", xml.text_of(xml.find(assertion, "a:Issuer")), expected.idp.entity)
    longest = now + datetime.timedelta(days=1)  # later there is no request any more that it could answer
    ends = min(_conditions(assertion, expected, now), _confirmation(assertion, expected, now), longest)
    return _told(assertion, expected.idp.entity, (ends + _SKEW).timestamp(), now)


def _signed_assertion(root: Any, idp: Idp) -> Any:
    there = sum(1 for _ in root.iter(xml.name("a:Assertion")))
    if there > 1 or xml.find(root, ".//ds:Object") is not None:
        raise xml.BadXml(f"it has {there} assertions, or things within its signature: one was moved about")
    if xml.find(root, "a:EncryptedAssertion") is not None:
        raise xml.BadXml("its assertion is encrypted, to a key that this cloud does not publish")
    if xml.find(root, "ds:Signature") is None:
        assertion = xml.signed(root, idp.certificates, "./{urn:oasis:names:tc:SAML:2.0:assertion}Assertion/")
        if assertion.tag != xml.name("a:Assertion"):
            raise xml.BadXml(f"what is signed is a {assertion.tag}, no assertion")
        return assertion
    whole = xml.signed(root, idp.certificates, "./")
    found = xml.every(whole, "a:Assertion")
    if whole.tag != xml.name("p:Response") or len(found) != 1:
        raise xml.BadXml(f"what is signed is a {whole.tag} with {len(found)} assertions")
    return found[0]


def _conditions(assertion: Any, expected: Expected, now: datetime.datetime) -> datetime.datetime:
    conditions = xml.find(assertion, "a:Conditions")
    if conditions is None:
        raise xml.BadXml("its assertion has no conditions")
    ends = _within(conditions, now)
    audiences = [
        {xml.text_of(one) for one in xml.every(restriction, "a:Audience")}
        for restriction in xml.every(conditions, "a:AudienceRestriction")
    ]
    if not audiences or any(expected.audience not in names for names in audiences):
        raise xml.BadXml(f"its audience is {sorted(set().union(*audiences))}, not {expected.audience}")
    return ends


def _confirmation(assertion: Any, expected: Expected, now: datetime.datetime) -> datetime.datetime:
    why = "its subject is not confirmed for the bearer"
    for one in xml.every(assertion, "a:Subject/a:SubjectConfirmation"):
        data = xml.find(one, "a:SubjectConfirmationData")
        if one.get("Method") != _BEARER or data is None:
            continue
        try:
            _say("recipient", data.get("Recipient"), expected.at)
            _say("request", data.get("InResponseTo"), expected.answers)
            if data.get("NotOnOrAfter") is None:
                raise xml.BadXml("its subject is confirmed for ever")
            return _within(data, now)
        except xml.BadXml as error:
            why = str(error)
    raise xml.BadXml(why)


def _within(element: Any, now: datetime.datetime) -> datetime.datetime:
    """Until when an element holds. Raises BadXml when that is over, or begins later."""
    starts, ends = _moment(element.get("NotBefore")), _moment(element.get("NotOnOrAfter"))
    if starts is not None and now + _SKEW < starts:
        raise xml.BadXml(f"it holds from {starts}")
    if ends is not None and now - _SKEW >= ends:
        raise xml.BadXml(f"it held until {ends}")
    return ends or now + datetime.timedelta(days=1)


def _told(assertion: Any, entity: str, ends: float, now: datetime.datetime) -> Proof:
    statement, name_id = xml.find(assertion, "a:AuthnStatement"), xml.find(assertion, "a:Subject/a:NameID")
    if statement is None or name_id is None or not assertion.get("ID"):
        raise xml.BadXml("its assertion tells of no sign-in, of nobody, or has no id")
    over = _moment(statement.get("SessionNotOnOrAfter"))
    if over is not None and over <= now:
        raise xml.BadXml(f"the session there is over since {over}")
    attributes: dict[str, list[str]] = {}
    for one in xml.every(assertion, "a:AttributeStatement/a:Attribute"):
        values = [xml.text_of(value) for value in xml.every(one, "a:AttributeValue")]
        for called in {one.get("Name"), one.get("FriendlyName")} - {None}:
            attributes.setdefault(called, []).extend(values)
    about = {name: str(name_id.get(name)) for name in ("Format", "NameQualifier", "SPNameQualifier") if name_id.get(name)}
    about["text"] = xml.text_of(name_id)
    return Proof(assertion.get("ID"), ends, entity, about, statement.get("SessionIndex", ""), attributes)


def _say(what: str, said: str | None, wanted: str) -> None:
    if said != wanted:
        raise xml.BadXml(f"its {what} is {said!r}, not {wanted!r}")


def _moment(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise xml.BadXml(f"{text[:40]!r} is no moment") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def check_time(request: Any) -> None:
    """Refuse a request that is too old, or from the future. Raises BadXml."""
    now, issued = datetime.datetime.now(datetime.UTC), _moment(request.get("IssueInstant"))
    if issued is None or abs(now - issued) > _SKEW * 5:
        raise xml.BadXml(f"it is of {issued}")
    _within(request, now)
