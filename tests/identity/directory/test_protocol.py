"""What is sent to directories and what comes back: encodings, filters, names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudwright.identity.directory import ber, name
from cloudwright.identity.directory.filter import IN_CHAIN, And, Equal, Like, Matches, Not, Or, Present

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.integers(-(2**62), 2**62))
def test_numbers_come_back(value: int) -> None:
    ((tag, content),) = ber.elements(ber.number(value))
    assert (tag, ber.whole(content)) == (ber.INTEGER, value)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_elements_come_back(parts: list[bytes]) -> None:
    ((tag, content),) = ber.elements(ber.tlv(ber.SEQUENCE, *map(ber.octets, parts)))
    assert tag == ber.SEQUENCE
    assert [inner for _, inner in ber.elements(content)] == parts


def test_lengths_are_as_the_rules_say() -> None:
    assert ber.octets("a" * 127)[:2] == b"\x04\x7f"
    assert ber.octets("a" * 128)[:3] == b"\x04\x81\x80"
    assert ber.octets("a" * 256)[:4] == b"\x04\x82\x01\x00"
    assert ber.number(128) == b"\x02\x02\x00\x80"
    assert ber.number(-1) == b"\x02\x01\xff"


@given(st.binary(max_size=200))
def test_garbage_is_told_as_such(data: bytes) -> None:
    try:
        found = ber.elements(data)
    except ber.Malformed:
        return
    assert b"".join(content for _, content in found) in data or len(found) > 1


@pytest.mark.parametrize("data", [b"\x30\x80", b"\x30\x85\x01\x01\x01\x01\x01", b"\x30\x84\x7f\xff\xff\xff"])
def test_lengths_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(ber.Malformed):
        ber.frame(data, 1000)


def test_filters_are_as_the_rules_say() -> None:
    """Each beside what the standard's text form of it encodes to."""
    assert Equal("uid", "ann").encoded() == b"\xa3\x0a\x04\x03uid\x04\x03ann"
    assert Present("uid").encoded() == b"\x87\x03uid"
    assert Not(Present("a")).encoded() == b"\xa2\x03\x87\x01a"
    assert And(Present("a"), Present("b")).encoded() == b"\xa0\x06\x87\x01a\x87\x01b"
    assert Or(Present("a")).encoded() == b"\xa1\x03\x87\x01a"
    assert Like("uid", "a*b*c").encoded() == b"\xa4\x10\x04\x03uid\x30\x09\x80\x01a\x81\x01b\x82\x01c"
    assert Like("uid", "*").encoded() == Like("uid", "**").encoded() == Present("uid").encoded()
    chain = IN_CHAIN.encode()
    assert Matches("m", IN_CHAIN, "x").encoded() == b"\xa9\x1f\x81\x17" + chain + b"\x82\x01m\x83\x01x"


@given(TEXT)
def test_a_name_in_a_filter_is_a_value_whatever_it_is(given_: str) -> None:
    ((tag, content),) = ber.elements(Equal("uid", given_).encoded())
    assert tag == 0xA3
    assert [inner for _, inner in ber.elements(content)] == [b"uid", given_.encode()]


@given(TEXT)
def test_a_pattern_has_no_sign_but_the_star(given_: str) -> None:
    ((tag, content),) = ber.elements(Like("uid", given_).encoded())
    if "*" not in given_:
        assert tag == 0xA3
        return
    if not given_.strip("*"):
        assert tag == 0x87
        return
    _, (_, listed) = ber.elements(content)
    assert [part for _, part in ber.elements(listed)] == [part.encode() for part in given_.split("*") if part]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("CN=Ann, OU=People,DC=example,DC=org", "cn=ann,ou=people,dc=EXAMPLE,dc=org", True),
        (r"cn=Ma\, Co,dc=x", r"cn=Ma\2c Co,dc=x", True),
        (r"cn=Ma\, Co,dc=x", "cn=Ma,Co,dc=x", False),
        ('cn="Ma, Co",dc=x', r"cn=Ma\, Co,dc=x", True),
        (r"cn=\c3\a9,dc=x", "cn=é,dc=x", True),
        (r"cn=a\\,dc=x", r"cn=a\,dc=x", False),
        ("cn=a  b,dc=x", "cn=a b, dc=x", True),
        ("cn=a,dc=x", "uid=a,dc=x", False),
    ],
)
def test_names_compare_as_the_directory_compares_them(one: str, other: str, same: bool) -> None:
    assert (name.parsed(one) == name.parsed(other)) is same


@given(TEXT)
def test_any_text_can_be_taken_apart(text: str) -> None:
    assert name.parts(text)
    assert name.parsed(text) == name.parsed(text)


def test_what_a_name_is_in() -> None:
    base = "dc=example,dc=org"
    assert name.unit_of(f"uid=ann,ou=People,{base}", base) == "People"
    assert name.unit_of(f"uid=ann,{base}", base) == "example"
    assert name.unit_of("dc=org", "dc=example,dc=org") == ""
    assert name.plain(r"cn=Ma\, Co,dc=x") == "Ma, Co"
    assert name.plain("ops") == "ops"
    assert name.is_name("cn=ops,dc=x")
    assert not name.is_name("ops")
