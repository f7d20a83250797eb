"""The host contract: what the agent of a host does about itself."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from cloudwright.drivers.hypervisor.contract import Seen
from cloudwright.drivers.work import Work

PRE_FLIGHT, PRE_MAINTENANCE, MAINTENANCE, POST_MAINTENANCE = "PreFlight", "PreMaintenance", "Maintenance", "PostMaintenance"
STAGES = (PRE_FLIGHT, PRE_MAINTENANCE, MAINTENANCE, POST_MAINTENANCE)
"""Stages of a rolling maintenance, for each of which a host may have a hook."""


class Stats(Struct):
    """What a host does just now. `load` over 1, 5 and 15 minutes; memory in MiB; `processor` is the busy share, 0.0-1.0."""

    load: list[float]
    memory: int
    memory_free: int
    processor: float
    machines: list[Seen]


class HostAgent(Protocol):
    """About the agent of one host. Every verb may be called twice."""

    def request(self) -> str:
        """Make a new key, which never leaves the host, and answer a certificate request (PEM) for it."""

    def install(self, certificate: str, reconnect: bool) -> None:
        """Keep the certificate (PEM) of the last request; it serves from the next connection on, which with `reconnect` comes at
        once. Raises Refused when it is for another key."""

    def hooks(self) -> list[str]:
        """The stages for which this host has a hook: a program of its administrator."""

    def begin_hook(self, key: str, stage: str, payload: str, seconds: float) -> None:
        """Run the hook of a stage with `payload` as its only argument, for so many seconds at most. Unless `key` is known."""

    def work(self, key: str) -> Work:
        """How far a hook is. The result of one that is done: `output` (text, the end of it) and `avoid` (bool): the hook says
        that this host needs no maintenance now."""

    def cancel(self, key: str) -> None:
        """Kill a hook and forget its key."""
