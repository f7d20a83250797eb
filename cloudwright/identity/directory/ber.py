"""Basic Encoding Rules as LDAP restricts them (RFC 4511, 5.1): definite lengths, tags of one byte."""

from __future__ import annotations

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE = 0x01, 0x02, 0x04, 0x0A, 0x30
Element = tuple[int, bytes]  # tag, content


class Malformed(ValueError):
    """What came is no BER."""


def tlv(tag: int, *content: bytes) -> bytes:
    """An element of that tag."""
    body = b"".join(content)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def number(value: int, tag: int = INTEGER) -> bytes:
    """A whole number."""
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: str | bytes, tag: int = OCTETS) -> bytes:
    """A text (UTF-8) or bytes."""
    return tlv(tag, value.encode() if isinstance(value, str) else value)


def boolean(value: bool) -> bytes:
    """True or false."""
    return tlv(BOOLEAN, b"\xff" if value else b"\x00")


def frame(data: bytes, most: int, at: int = 0) -> int:
    """How many bytes the element at `at` has, 0 while too few came to tell. Raises Malformed for more than `most`."""
    if len(data) < at + 2:
        return 0
    first = data[at + 1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    if count == 0 or count > 4:
        raise Malformed(f"an element's length has {count} bytes, 1 to 4 are allowed")
    if len(data) < at + 2 + count:
        return 0
    size = 2 + count + int.from_bytes(data[at + 2 : at + 2 + count], "big")
    if size > most:
        raise Malformed(f"an element of {size} bytes, at most {most} are taken")
    return size


def elements(data: bytes) -> list[Element]:
    """The elements that follow each other in `data`."""
    found = []
    at = 0
    while at < len(data):
        size = frame(data, len(data) - at, at)
        if size == 0 or at + size > len(data):
            raise Malformed("an element ends before its length says")
        start = at + 2 + (data[at + 1] & 0x7F if data[at + 1] & 0x80 else 0)
        found.append((data[at], data[start : at + size]))
        at += size
    return found


def whole(content: bytes) -> int:
    """The whole number that an element's content is."""
    if not 0 < len(content) <= 8:
        raise Malformed(f"a number of {len(content)} bytes")
    return int.from_bytes(content, "big", signed=True)


def text(content: bytes) -> str:
    """The text that an element's content is; what is no UTF-8 is shown as such."""
    return content.decode("utf-8", "backslashreplace")
