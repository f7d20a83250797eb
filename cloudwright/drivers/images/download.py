"""Fetch a file over HTTP from somebody who may wish us ill."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from cloudwright.drivers.errand import Report
from cloudwright.drivers.error import DriverFault, Refused
from cloudwright.drivers.images import address as addresses
from cloudwright.drivers.images.address import Address
from cloudwright.drivers.images.contract import FetchPolicy
from cloudwright.drivers.images.sparse import SparseFile

Feed = Callable[[bytes], object]

_CHUNK = 256 << 10
_SILENCE_SECONDS = 30.0
_REDIRECTS = (301, 302, 303, 307, 308)


class SpeedFloor:
    """Ends a download that trickles: at least `rate` bytes a second, over every window of `seconds`."""

    def __init__(self, rate: int = 1024, seconds: float = 60.0) -> None:
        self._rate = rate
        self._seconds = seconds
        self._since = time.monotonic()
        self._bytes = 0

    def fed(self, size: int) -> None:
        """So many more bytes came. Raises Refused at the end of a window that had too few."""
        self._bytes += size
        passed = time.monotonic() - self._since
        if passed >= self._seconds:
            if self._bytes < self._rate * passed:
                raise Refused(f"the server sent {self._bytes} bytes in {passed:.0f} seconds: less than {self._rate} a second")
            self._since, self._bytes = time.monotonic(), 0


class Pinned(http.client.HTTPConnection):
    """A connection to one IP address, whatever the host name resolves to by now."""

    def __init__(self, to: Address, ip: str, tls: ssl.SSLContext | None, seconds: float = _SILENCE_SECONDS) -> None:
        super().__init__(to.host, to.port, timeout=seconds)
        self._ip = ip
        self._tls = tls

    def connect(self) -> None:
        plain = socket.create_connection((self._ip, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain


def download(url: str, policy: FetchPolicy, path: Path, feed: Feed, report: Report) -> None:
    """Fetch `url` into `path`, giving every piece to `feed` too. Raises Refused naming the rule broken, or DriverFault."""
    response, connection = _answered(addresses.parse(url, policy), policy)
    try:
        _stream(response, policy, path, feed, report)
    except (OSError, http.client.HTTPException) as error:
        raise DriverFault(f"the download broke off: {_reason(error)}") from None
    finally:
        connection.close()


def _answered(at: Address, policy: FetchPolicy) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
    for _ in range(policy.redirects + 1):
        connection = _connected(at, policy)
        try:
            connection.request("GET", at.target, headers={"Accept-Encoding": "identity", "User-Agent": "cloudwright"})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise DriverFault(f"{at.host} did not answer: {_reason(error)}") from None
        if response.status == http.client.OK:
            return response, connection
        connection.close()
        location = response.headers.get("Location")
        if response.status not in _REDIRECTS or not location:
            raise DriverFault(f"{at.host} answered {response.status} instead of 200")
        at = addresses.follow(at, location, policy)
    raise Refused(f"the download was redirected more than {policy.redirects} times, which is all that is allowed")


def _connected(at: Address, policy: FetchPolicy) -> http.client.HTTPConnection:
    reason = ""
    tls = ssl.create_default_context() if at.scheme == "https" else None
    for ip in addresses.resolve(at, policy):
        connection = Pinned(at, ip, tls)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            reason = _reason(error)
        else:
            return connection
    raise DriverFault(f"{at.host} cannot be reached: {reason}")


def _stream(response: http.client.HTTPResponse, policy: FetchPolicy, path: Path, feed: Feed, report: Report) -> None:
    announced = response.length
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("the server sends the file in a content encoding that was not asked for")
    if announced is not None and announced > policy.max_bytes:
        raise Refused(f"the server announces {announced} bytes, and {policy.max_bytes} is the most that is allowed")
    floor = SpeedFloor()
    with SparseFile(path) as file:
        while chunk := response.read1(_CHUNK):
            if file.size + len(chunk) > policy.max_bytes:
                raise Refused(f"the file is larger than {policy.max_bytes} bytes, the most that is allowed")
            floor.fed(len(chunk))
            feed(chunk)
            file.write(chunk)
            report(file.size / (announced or policy.max_bytes))
    if announced is not None and file.size != announced:
        raise Refused(f"the server announced {announced} bytes and sent {file.size}")
    if not file.size:
        raise Refused("the server sent an empty file")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no byte came for {_SILENCE_SECONDS:.0f} seconds"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the image store is full"
    if isinstance(error, ConnectionRefusedError):
        return "it refused the connection"
    return type(error).__name__
