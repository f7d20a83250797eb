"""Answers of a SAML identity provider that prove nothing, made from good ones."""

from __future__ import annotations

import copy

import pytest
from lxml import etree

from cloudwright.identity.saml import xml
from tests.identity.saml.house import DS, A, P, Visitor, new_key, resigned, sessions


def change(path, **attributes):
    def spoil(root):
        for element in root.iter(path):
            for name, value in attributes.items():
                element.set(name, value)

    return spoil


def say(path, text):
    def spoil(root):
        for element in root.iter(path):
            element.text = text

    return spoil


def drop(path):
    def spoil(root):
        element = next(root.iter(path))
        element.getparent().remove(element)

    return spoil


LONG_AGO, FAR = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
SPOILT = {  # by the identity provider itself: all well signed
    "another audience": (say(f"{A}Audience", "another-cloud"), "audience"),
    "no audience": (drop(f"{A}AudienceRestriction"), "audience"),
    "another destination": (change(f"{P}Response", Destination="https://elsewhere.example.org"), "it is for"),
    "another recipient": (change(f"{A}SubjectConfirmationData", Recipient="https://elsewhere.example.org"), "recipient"),
    "another request": (change(f"{A}SubjectConfirmationData", InResponseTo="cafe"), "request"),
    "expired conditions": (change(f"{A}Conditions", NotBefore=LONG_AGO, NotOnOrAfter=LONG_AGO), "held until"),
    "not yet": (change(f"{A}Conditions", NotBefore=FAR), "holds from"),
    "expired confirmation": (change(f"{A}SubjectConfirmationData", NotOnOrAfter=LONG_AGO), "held until"),
    "no holder": (change(f"{A}SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"), "bearer"),
    "no conditions": (drop(f"{A}Conditions"), "no conditions"),
    "no sign-in": (drop(f"{A}AuthnStatement"), "no sign-in"),
    "another issuer": (say(f"{A}Issuer", "https://elsewhere.example.org"), "issuer"),
    "failed": (change(f"{P}StatusCode", Value="urn:oasis:names:tc:SAML:2.0:status:Responder"), "status"),
    "nobody": (say(f"{A}AttributeValue", "nobody"), "may not sign in through SAML identity provider Acme"),
    "unasked": (change(f"{P}Response", InResponseTo=""), "no request"),
    "no moment": (change(f"{A}Conditions", NotOnOrAfter="soon"), "no moment"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_answers_that_prove_nothing(house, caplog, how):
    spoil, why = SPOILT[how]
    visitor = Visitor(house.port)
    root = xml.parse(visitor.asked()["answer"].encode())
    spoil(root)
    assert visitor.shows(resigned(house, root))[0] == 531
    assert why in caplog.text
    assert sessions(house, "ann") == []


def test_what_is_signed_anew_is_good_otherwise(house):
    """The hand that spoils makes good answers, too."""
    for what in ("assertion", "response"):
        visitor = Visitor(house.port)
        visitor.enters(resigned(house, xml.parse(visitor.asked()["answer"].encode()), what))


def forged(root):
    """Eva's assertion, made of Ann's, with another id and no signature."""
    evil = copy.deepcopy(root.find(f"{A}Assertion"))
    evil.set("ID", "evil")
    evil.remove(evil.find(f"{DS}Signature"))
    for value in evil.iter(f"{A}AttributeValue"):
        value.text = "eva"
    return evil


def wrap_before(root):
    root.insert(list(root).index(root.find(f"{A}Assertion")), forged(root))


def wrap_after(root):
    root.append(forged(root))


def wrap_in_signature(root):
    """The signed assertion moves into an object of the signature, which moves into the forged one."""
    good = root.find(f"{A}Assertion")
    evil, signature = forged(root), good.find(f"{DS}Signature")
    good.remove(signature)
    etree.SubElement(signature, f"{DS}Object").append(copy.deepcopy(good))
    evil.insert(1, signature)
    root.replace(good, evil)


def wrap_in_extensions(root):
    good = root.find(f"{A}Assertion")
    evil, signature = forged(root), copy.deepcopy(good.find(f"{DS}Signature"))
    root.replace(good, evil)
    etree.SubElement(root, f"{P}Extensions").append(good)
    evil.insert(1, signature)


def same_id_twice(root):
    evil = forged(root)
    evil.set("ID", root.find(f"{A}Assertion").get("ID"))
    root.insert(1, evil)


def altered(root):
    for value in root.iter(f"{A}AttributeValue"):
        value.text = "eva"


def unsigned(root):
    assertion = root.find(f"{A}Assertion")
    assertion.remove(assertion.find(f"{DS}Signature"))


MOVES = [wrap_before, wrap_after, wrap_in_signature, wrap_in_extensions, same_id_twice, altered, unsigned]


@pytest.mark.parametrize("wrap", MOVES, ids=lambda fn: fn.__name__)
def test_nobody_enters_as_another_by_moving_xml(house, wrap):
    visitor = Visitor(house.port)
    root = xml.parse(visitor.asked()["answer"].encode())
    wrap(root)
    assert visitor.shows(etree.tostring(root))[0] == 531
    assert sessions(house, "eva") == []


def test_a_name_is_read_whole(house):
    """A comment within a name, which signatures do not cover, cuts nothing off."""
    house.idp_is(uid="ann.evil")
    visitor = Visitor(house.port)
    answer = visitor.asked()["answer"].replace(">ann.evil<", ">ann<!---->.evil<")
    assert "<!---->" in answer
    assert visitor.shows(answer)[0] == 531
    assert sessions(house, "ann") == []


@pytest.mark.parametrize("how", ["another key", "sha1", "by its own certificate"])
def test_signatures_that_are_none(house, tmp_path, how):
    new_key(tmp_path)
    theirs = (tmp_path / "key.pem").read_bytes(), (tmp_path / "cert.pem").read_bytes()
    house.idp_is(digest="sha1" if how == "sha1" else "sha256")
    visitor = Visitor(house.port)
    answer = visitor.asked()["answer"].encode()
    if how != "sha1":
        key = theirs if how == "by its own certificate" else (theirs[0], house.key()[1])
        answer = resigned(house, xml.parse(answer), key=key)
    assert visitor.shows(answer)[0] == 531


@pytest.mark.parametrize(
    "text",
    [
        b"no xml", b"<a/>", b"<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' InResponseTo='x'/>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'><a/>",
        b"<!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><a>&b;</a>",
        b"\xff\xfe\x00", b"<a>" * 5000,
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_answer(house, text):
    assert Visitor(house.port).shows(text)[0] == 531


def test_entities_are_not_looked_into():
    with pytest.raises(xml.BadXml, match="document type"):
        xml.parse(b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>")
    with pytest.raises(xml.BadXml, match="document type"):
        xml.parse(b"<!DOCTYPE a><a/>")
