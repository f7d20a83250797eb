"""The server's side of enrolment: a one-time token and a certificate request against a certificate."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor

import msgspec
from aiohttp import web
from msgspec import Struct

from cloudwright.drivers.host import pki

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
SLOWEST = 0.5  # seconds that every refusal takes, whatever it was refused for
ATTEMPTS = 10  # refusals that one address may collect in a minute
WINDOW = 60.0
ADDRESSES = 10_000  # remembered at most


class Enrolment(Struct):
    """What a host sends."""

    token: str
    csr: str


class Enrolled(Struct):
    """What it gets: its uuid, its certificate and the authorities to trust, all PEM."""

    host: str
    certificate: str
    trust: list[str]


class Attempts:
    """Counts refusals by address, in a sliding window."""

    def __init__(self, limit: int = ATTEMPTS, window: float = WINDOW, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._window, self._clock = limit, window, clock
        self._refusals: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0.0 now."""
        since = self._clock() - self._window
        recent = [when for when in self._refusals.get(address, ()) if when > since]
        return recent[-self._limit] - since if len(recent) >= self._limit else 0.0

    def refused(self, address: str) -> None:
        """Count one more."""
        recent = self._refusals.setdefault(address, [])
        recent.append(self._clock())
        del recent[: -self._limit]
        self._refusals.move_to_end(address)
        if len(self._refusals) > ADDRESSES:
            self._refusals.popitem(last=False)


class Enroller:
    """Serves POST /enrol. `redeem` and `sign` may block; they run on `threads`."""

    def __init__(
        self, redeem: Callable[[str], str | None], sign: Callable[[str, str], str], trust: list[str], threads: Executor
    ) -> None:
        self.trust = trust
        self._redeem, self._sign, self._threads = redeem, sign, threads
        self._attempts = Attempts()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with `Enrolled`, 400 (unreadable), 403 (token), 429 (too many attempts). Refusals tell nothing of the token."""
        address = request.remote or ""
        wait = self._attempts.wait(address)
        if wait:
            text = f"too many refused enrolments from {address}: try again in {wait:.0f} seconds"
            return web.Response(status=429, text=text, headers={"Retry-After": f"{wait:.0f}"})
        began = time.monotonic()
        try:
            asked = msgspec.json.decode(await request.read(), type=Enrolment)
            pki.check_request(asked.csr)  # before the token is spent
        except (msgspec.DecodeError, pki.BadRequest) as error:
            return await self._refuse(address, began, 400, f"the enrolment cannot be read: {error}")
        loop = asyncio.get_running_loop()
        host = await loop.run_in_executor(self._threads, self._redeem, asked.token)
        if host is None:
            log.warning("enrolment refused", extra={"address": address})
            return await self._refuse(address, began, 403, "this token is unknown, used or expired: make a new one")
        certificate = await loop.run_in_executor(self._threads, self._sign, host, asked.csr)
        log.info("host enrolled", extra={"host": host, "address": address, "serial": pki.serial(certificate)})
        answer = Enrolled(host, certificate, self.trust)
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def _refuse(self, address: str, began: float, status: int, text: str) -> web.Response:
        self._attempts.refused(address)
        await asyncio.sleep(began + SLOWEST - time.monotonic())
        return web.Response(status=status, text=text)
