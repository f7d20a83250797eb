"""Search filters as values (RFC 4511, 4.5.1.7). They are encoded as they are and never written as text, so that no name given by
anybody can change what is asked: there is nothing to escape.

    And(Equal("objectClass", "user"), Or(Equal("uid", given), Not(Present("mail"))))
"""

from __future__ import annotations

from typing import Protocol

from cloudwright.identity.directory.ber import OCTETS, SEQUENCE, boolean, octets, tlv

IN_CHAIN = "1.2.840.113556.1.4.1941"  # Active Directory: the value, or what it is in, at any depth


class Filter(Protocol):
    """What entries must be like."""

    def encoded(self) -> bytes:
        """As sent."""


class And:
    """All of these."""

    tag = 0xA0

    def __init__(self, *parts: Filter) -> None:
        self.parts = parts

    def encoded(self) -> bytes:
        """As sent."""
        return tlv(self.tag, *(part.encoded() for part in self.parts))


class Or(And):
    """One of these at least."""

    tag = 0xA1


class Not:
    """Not this."""

    def __init__(self, part: Filter) -> None:
        self.part = part

    def encoded(self) -> bytes:
        """As sent."""
        return tlv(0xA2, self.part.encoded())


class Equal:
    """An attribute has that value."""

    def __init__(self, attribute: str, value: str) -> None:
        self.attribute, self.value = attribute, value

    def encoded(self) -> bytes:
        """As sent."""
        return tlv(0xA3, octets(self.attribute), octets(self.value))


class Like:
    """An attribute has a value of that pattern, in which `*` stands for anything and all else for itself."""

    def __init__(self, attribute: str, pattern: str) -> None:
        self.attribute, self.pattern = attribute, pattern

    def encoded(self) -> bytes:
        """As sent."""
        if "*" not in self.pattern:
            return Equal(self.attribute, self.pattern).encoded()
        first, *middle, last = self.pattern.split("*")
        parts = [octets(first, 0x80)] if first else []
        parts += [octets(part, 0x81) for part in middle if part]
        parts += [octets(last, 0x82)] if last else []
        if not parts:
            return Present(self.attribute).encoded()
        return tlv(0xA4, octets(self.attribute), tlv(SEQUENCE, *parts))


class Present:
    """An attribute has a value."""

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute

    def encoded(self) -> bytes:
        """As sent."""
        return octets(self.attribute, 0x87)


class Matches:
    """An attribute matches a value by a rule."""

    def __init__(self, attribute: str, rule: str, value: str) -> None:
        self.attribute, self.rule, self.value = attribute, rule, value

    def encoded(self) -> bytes:
        """As sent."""
        return tlv(0xA9, octets(self.rule, 0x81), octets(self.attribute, 0x82), octets(self.value, 0x83))


def paging(size: int, cookie: bytes) -> bytes:
    """The control that asks for the next page (RFC 2696)."""
    value = tlv(SEQUENCE, tlv(0x02, size.to_bytes(4, "big")), octets(cookie))
    return tlv(SEQUENCE, octets(PAGED), boolean(True), tlv(OCTETS, value))


PAGED = "1.2.840.113556.1.4.319"
