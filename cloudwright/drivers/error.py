"""What a driver may raise. These names travel between agent and server; anything else becomes DriverFault."""

from __future__ import annotations


class DriverError(Exception):
    """Something a driver refused or could not do. `str(error)` is one plain sentence with names and numbers."""


class DriverFault(DriverError):
    """The component failed in a way nobody foresaw; trying again may help."""


class NotThere(DriverError):
    """The named thing does not exist on this host. An undo treats it as done."""


class Busy(DriverError):
    """The named thing is in use by other work; try again later."""


class Refused(DriverError):
    """The request can never succeed as it is (bad image, unsupported feature): do not retry here."""


class Unreachable(DriverError):
    """The host did not answer: nothing is known about what happened there. `place` ("storage_pool:3") says what is awaited,
    where it is not simply the host."""

    def __init__(self, text: str = "", place: str = "") -> None:
        super().__init__(text)
        self.place = place


BY_NAME: dict[str, type[DriverError]] = {
    kind.__name__: kind for kind in (DriverError, DriverFault, NotThere, Busy, Refused, Unreachable)
}
