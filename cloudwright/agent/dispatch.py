"""The serving end of `cloudwright.agent.remote`: decodes calls, runs drivers on threads, encodes their answers and errors."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from cloudwright.agent.frame import MAX_MESSAGE, Call, Reply
from cloudwright.agent.remote import SERVED, Verb, verbs
from cloudwright.drivers.error import BY_NAME, DriverError, DriverFault, Refused

log = logging.getLogger(__name__)


def failure(call: int, error: DriverError) -> Reply:
    """The reply that raises `error` at the caller; a driver's own kind of error travels as the nearest known one."""
    name = next(each.__name__ for each in type(error).__mro__ if each.__name__ in BY_NAME)
    return Reply(call, error=name, text=str(error))


class Lanes:
    """Runs jobs on a pool of threads: those of one lane one after another, in the order they came, others side by side."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "verb")
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Callable[[], None]]] = {}

    def submit(self, lane: str, job: Callable[[], None]) -> None:
        """Run the job, after those of its lane. The empty lane has no order. Jobs do not raise."""
        if not lane:
            self._pool.submit(job)
            return
        with self._lock:
            if lane in self._waiting:
                self._waiting[lane].append(job)
                return
            self._waiting[lane] = deque()
        self._pool.submit(self._run, lane, job)

    def _run(self, lane: str, job: Callable[[], None]) -> None:
        try:
            job()
        finally:
            with self._lock:
                following = self._waiting[lane].popleft() if self._waiting[lane] else None
                if following is None:
                    del self._waiting[lane]
            if following is not None:
                self._pool.submit(self._run, lane, following)

    def close(self) -> None:
        """Begin nothing more. What runs goes on; nobody waits for it."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Dispatcher:
    """Serves drivers by kind ("hypervisor", "pool", …) to calls."""

    def __init__(self, drivers: Mapping[str, object], threads: int = 16, contracts: Mapping[str, type] = SERVED) -> None:
        self._drivers = dict(drivers)
        self._verbs: dict[str, dict[str, Verb]] = {kind: verbs(contracts[kind]) for kind in drivers}
        self._lanes = Lanes(threads)

    def submit(self, call: Call, reply: Callable[[Reply], None]) -> None:
        """Run the call on a thread and hand its outcome to `reply` there."""
        came = time.monotonic()
        self._lanes.submit(call.key, lambda: reply(self._serve(call, came)))

    def close(self) -> None:
        """Begin no more calls."""
        self._lanes.close()

    def _serve(self, call: Call, came: float) -> Reply:
        began = time.monotonic()
        try:
            if began - came > call.timeout:
                raise DriverFault(f"{call.kind}.{call.verb} waited {began - came:.1f} s for its turn and was not begun")
            reply = self._run(call)
        except DriverError as error:
            reply = failure(call.id, error)
        except Exception as error:
            log.exception("driver fault", extra={"call": call.id, "verb": f"{call.kind}.{call.verb}"})
            reply = failure(call.id, DriverFault(f"{type(error).__name__}: {error}"))
        took = round((time.monotonic() - began) * 1000, 1)
        log.info("call", extra=_fields(call) | {"outcome": reply.error or "done", "milliseconds": took})
        return reply

    def _run(self, call: Call) -> Reply:
        verb = self._verbs.get(call.kind, {}).get(call.verb)
        if verb is None:
            raise Refused(f"the agent on this host does not serve {call.kind}.{call.verb}; it may be older than the server")
        try:
            arguments = verb.decode_arguments(call.arguments)
        except msgspec.DecodeError as error:
            raise Refused(
                f"the agent on this host does not accept these arguments of {call.kind}.{call.verb}: {error}"
            ) from error
        values = {name: getattr(arguments, name) for name in arguments.__struct_fields__}
        answer = msgspec.msgpack.encode(getattr(self._drivers[call.kind], call.verb)(**values))
        if len(answer) > MAX_MESSAGE - 1024:
            raise DriverFault(f"the answer of {call.kind}.{call.verb} takes {len(answer)} bytes; {MAX_MESSAGE} is the most")
        return Reply(call.id, answer)


def _fields(call: Call) -> dict[str, object]:
    """What may be logged of a call: never its arguments, which hold passwords and user data."""
    return {"call": call.id, "verb": f"{call.kind}.{call.verb}", "key": call.key, "trace": call.trace}
