"""Long work of the fakes: it ends at once, or after the delay told for its verb, and lives in the world."""

from __future__ import annotations

import threading
import time

from cloudwright.drivers.error import DriverError
from cloudwright.drivers.work import Work, WorkState
from cloudwright.drivers.world import Value, World


class SimulatedWork:
    """Work begun on `host` of `world`: each piece puts one thing into the world when its time has come.

    `faults.delay("host/copy", 5)` makes copies take five seconds; `faults.fail("host/copy")` makes the next one fail.
    """

    def __init__(self, world: World, host: str) -> None:
        self._world = world
        self._host = host
        self._mutex = threading.Lock()

    def known(self, key: str) -> bool:
        """Whether `key` was begun and not cancelled."""
        return self._world.get(self._host, "work", key) is not None

    def begin(self, key: str, verb: str, thing: tuple[str, str, str, Value], result: Value, error: str = "") -> None:
        """Begin to make `thing` (host, kind, name, value). With `error` the work fails instead."""
        if self.known(key):
            return
        faults = self._world.faults
        try:
            faults.strike(self._host, verb)
        except DriverError as failure:
            error = str(failure)
        begun = time.time()
        value: Value = {"begun": begun, "due": begun + faults.seconds(self._host, verb), "thing": list(thing)}
        self._world.put(self._host, "work", key, value | {"state": "running", "error": error, "result": result})
        self.work(key)

    def work(self, key: str) -> Work:
        """How far it is; work that is due happens now."""
        with self._mutex:
            value = self._world.get(self._host, "work", key)
            if value is None:
                return Work(key, WorkState.UNKNOWN)
            if value["state"] == "running":
                begun, due, now = float(str(value["begun"])), float(str(value["due"])), time.time()
                if now < due:
                    return Work(key, WorkState.RUNNING, (now - begun) / (due - begun))
                value = self._settle(key, value)
        if value["state"] == "failed":
            return Work(key, WorkState.FAILED, error=str(value["error"]))
        result = value["result"]
        return Work(key, WorkState.DONE, 1.0, result=result if isinstance(result, dict) else {})

    def cancel(self, key: str) -> None:
        """Forget it; what is not yet made never will be."""
        with self._mutex:
            self._world.drop(self._host, "work", key)

    def _settle(self, key: str, value: Value) -> Value:
        value = value | {"state": "failed" if value["error"] else "done"}
        self._world.put(self._host, "work", key, value)
        thing = value["thing"]
        if value["state"] == "done" and isinstance(thing, list | tuple):
            host, kind, name, made = thing
            if self._world.get(host, kind, name) is None:
                self._world.put(host, kind, name, made)
        return value
