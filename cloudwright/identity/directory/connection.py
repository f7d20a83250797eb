"""A connection to a directory server: LDAP version 3 (RFC 4511) as far as it is needed here, which is simple bind, StartTLS and
paged search. Each wait is bounded. Referrals are not followed: a server elsewhere was not configured, and would see the password.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import msgspec

from cloudwright.core.secret import Secret
from cloudwright.drivers.images.address import permitted
from cloudwright.drivers.images.contract import FetchPolicy
from cloudwright.identity.directory import ber
from cloudwright.identity.directory.ber import Element
from cloudwright.identity.directory.filter import PAGED, Filter, paging

MOST_BYTES = 16 << 20  # of one message
PATIENCE = 30  # a whole search may take so many times what one answer may
START_TLS = "1.3.6.1.4.1.1466.20037"
BASE, SUBTREE = 0, 2
OVER_LIMIT, BUSY, UNAVAILABLE = 11, 51, 52
SMALL_PAGE = 100


class NoAnswer(Exception):
    """The server cannot be reached, is not who it should be, or does not answer: another may."""


class Refused(Exception):
    """The server answered that it will not. `code` is LDAP's, `detail` what the server says of it."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"LDAP error {code}" + (f", {detail}" if detail else ""))
        self.code, self.detail = code, detail


class Address(msgspec.Struct, frozen=True):
    """Where a server listens. `tls` is ldaps, starttls or none."""

    host: str
    port: int
    tls: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Waits(msgspec.Struct, frozen=True):
    """How long to wait, in seconds: for a connection, and for each answer."""

    connect: float
    answer: float


class Entry:
    """An entry that was found. Attributes are known by their names in small letters."""

    def __init__(self, name: str, attributes: dict[str, list[str]]) -> None:
        self.name, self.attributes = name, attributes

    def first(self, attribute: str) -> str:
        """The first value, "" for none."""
        return next(iter(self.all(attribute)), "")

    def all(self, attribute: str) -> list[str]:
        """All values."""
        return self.attributes.get(attribute.lower(), [])


def _open(address: Address, inside: Sequence[str] | None) -> str:
    """What to connect to: where it must not be internal, the address that was looked at, never looked up again."""
    if inside is None:
        return address.host
    policy = FetchPolicy(max_bytes=0, max_virtual_bytes=0, allow=list(inside))
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)]
    public = [ip for ip in found if permitted(ip, policy)]
    if not public:
        rule = "root says by ldap.allowed.internal.sites which a domain's own servers may be at"
        raise NoAnswer(f"{address} is at {found[0]}, an internal address that may not be reached: {rule}")
    return public[0]


class Connection:
    """Use it in a `with` statement; what goes wrong raises NoAnswer or Refused. For one thread."""

    def __init__(self, address: Address, waits: Waits, trust: ssl.SSLContext | None, inside: Sequence[str] | None = None) -> None:
        """`inside` are the CIDRs of internal addresses that it may be at; None: it may be anywhere."""
        self._address, self._waits = address, waits
        self._number = 0
        self._buffer = b""
        try:
            self._socket: socket.socket = socket.create_connection((_open(address, inside), address.port), waits.connect)
        except (OSError, UnicodeError) as error:
            raise self._lost("cannot be reached", error) from None
        try:
            self._secure(trust)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError, NoAnswer):
            self._send(ber.tlv(0x42))  # unbind
        self._socket.close()

    def _secure(self, trust: ssl.SSLContext | None) -> None:
        if self._address.tls == "none" or trust is None:
            return
        if self._address.tls == "starttls":
            answer = self._ask(ber.tlv(0x77, ber.octets(START_TLS, 0x80)), 0x78)
            _check(answer)
            if self._buffer:  # what came before TLS is anybody's word
                raise NoAnswer(f"{self._address} sent more than it was asked for before TLS began")
        self._socket.settimeout(self._waits.answer + self._waits.connect)
        try:
            self._socket = trust.wrap_socket(self._socket, server_hostname=self._address.host)
        except ssl.SSLCertVerificationError as error:
            raise NoAnswer(f"{self._address} shows a certificate that is not trusted: {error.verify_message}") from None
        except (OSError, ValueError) as error:
            raise self._lost("does not complete the TLS handshake", error) from None

    def bind(self, name: str, password: Secret) -> None:
        """Prove to be somebody; nobody with an empty name. Raises Refused where the password is wrong."""
        if name and not password.reveal():
            raise Refused(53, "an empty password proves nothing")  # servers take it as an anonymous bind, and say yes
        proof = ber.octets(password.reveal(), 0x80)
        _check(self._ask(ber.tlv(0x60, ber.number(3), ber.octets(name), proof), 0x61))

    def search(self, base: str, wanted: Filter, attributes: Sequence[str], page: int, scope: int = SUBTREE) -> Iterator[Entry]:
        """The entries below a base, fetched in pages. Raises Refused also where the server cuts the answer short."""
        until = time.monotonic() + PATIENCE * self._waits.answer
        names = ber.tlv(ber.SEQUENCE, *map(ber.octets, attributes))
        limits = ber.number(0) + ber.number(0) + ber.boolean(False)
        never = ber.number(0, ber.ENUMERATED)
        asked = ber.tlv(0x63, ber.octets(base), ber.number(scope, ber.ENUMERATED), never, limits, wanted.encoded(), names)
        cookie: bytes | None = b""
        while cookie is not None:
            number = self._send(asked, paging(page, cookie))
            tag = 0
            while tag != 0x65:
                tag, content, controls = self._receive(number)
                if tag == 0x64:
                    yield _entry(content)
                elif tag not in (0x65, 0x73):  # its end, a referral
                    raise NoAnswer(f"{self._address} answers a search with something else")
                if time.monotonic() > until:
                    raise NoAnswer(f"{self._address} has not ended a search after {PATIENCE * self._waits.answer:g} s")
            try:
                _check(content)
                cookie = _cookie(controls)
            except Refused as error:
                if error.code != OVER_LIMIT or cookie or page <= SMALL_PAGE:
                    raise
                page = SMALL_PAGE  # this server's pages are not as large

    def _ask(self, request: bytes, tag: int) -> bytes:
        number = self._send(request)
        told, content, _ = self._receive(number)
        if told != tag:
            raise NoAnswer(f"{self._address} answers with something else than it was asked for")
        return content

    def _send(self, request: bytes, *controls: bytes) -> int:
        self._number += 1
        more = ber.tlv(0xA0, *controls) if controls else b""
        try:
            self._socket.settimeout(self._waits.answer)
            self._socket.sendall(ber.tlv(ber.SEQUENCE, ber.number(self._number), request, more))
        except OSError as error:
            raise self._lost("does not take a request", error) from None
        return self._number

    def _receive(self, number: int) -> tuple[int, bytes, list[Element]]:
        """(tag, content, controls) of the next answer to that request."""
        until = time.monotonic() + self._waits.answer
        try:
            while True:
                size = ber.frame(self._buffer, MOST_BYTES)
                if size and len(self._buffer) >= size:
                    break
                self._more(until)
            message, self._buffer = self._buffer[:size], self._buffer[size:]
            ((_, whole),) = ber.elements(message)
            (_, told), (tag, content), *rest = ber.elements(whole)
            if ber.whole(told) != number:  # 0 is its notice that it hangs up
                raise NoAnswer(f"{self._address} ends the connection, or answers what was not asked")
            return tag, content, ber.elements(rest[0][1]) if rest else []
        except OSError as error:
            raise self._lost("does not answer", error) from None
        except ValueError as error:
            raise NoAnswer(f"{self._address} does not speak LDAP: {error}") from None

    def _more(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        part = self._socket.recv(1 << 16)
        if not part:
            raise ConnectionError("it closed the connection")
        self._buffer += part

    def _lost(self, what: str, error: Exception) -> NoAnswer:
        waited = isinstance(error, TimeoutError)
        why = f"nothing came for {self._waits.answer:g} s" if waited and what != "cannot be reached" else ""
        why = why or (
            f"no connection within {self._waits.connect:g} s" if waited else getattr(error, "strerror", None) or str(error)
        )
        return NoAnswer(f"{self._address} {what}: {why}")


def _check(result: bytes) -> None:
    """Raise what a result says, unless it says success."""
    try:
        (_, code), _, (_, detail), *_ = ber.elements(result)
        number = ber.whole(code)
    except ValueError as error:
        raise NoAnswer(f"the server does not speak LDAP: {error}") from None
    said = ber.text(detail).strip("\0 \n")[:200]
    if number in (BUSY, UNAVAILABLE):
        raise NoAnswer(f"the server says that it is busy or shutting down: LDAP error {number} {said}")
    if number:
        raise Refused(number, said)


def _entry(content: bytes) -> Entry:
    try:
        (_, name), (_, listed) = ber.elements(content)
        attributes: dict[str, list[str]] = {}
        for _, one in ber.elements(listed):
            (_, attribute), (_, values) = ber.elements(one)
            attributes[ber.text(attribute).lower()] = [ber.text(value) for _, value in ber.elements(values)]
        return Entry(ber.text(name), attributes)
    except ValueError as error:
        raise NoAnswer(f"the server does not speak LDAP: {error}") from None


def _cookie(controls: list[Element]) -> bytes | None:
    """What asks for the next page; None when there is none."""
    try:
        for _, control in controls:
            (_, kind), *rest = ber.elements(control)
            if kind == PAGED.encode() and rest:
                ((_, inner),) = ber.elements(rest[-1][1])
                _, (_, cookie) = ber.elements(inner)
                return cookie or None
    except ValueError as error:
        raise NoAnswer(f"the server does not speak LDAP: {error}") from None
    return None
