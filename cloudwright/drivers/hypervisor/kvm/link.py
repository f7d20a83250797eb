"""The connection to libvirtd: opened when first needed, reopened when lost, and the news that come over it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import libvirt

from cloudwright.drivers.hypervisor.kvm.fault import spoken

_KEEPALIVE = (5, 3)  # seconds between questions, questions unanswered until the connection counts as dead
_RETRY = 0.5  # seconds between attempts to reconnect
_events = threading.Lock()
_turning: list[threading.Thread] = []


def turn_events() -> None:
    """Start libvirt's event loop, once in a process and before any connection is opened."""
    with _events:
        if not _turning:
            libvirt.virEventRegisterDefaultImpl()
            _turning.append(threading.Thread(target=_turn, name="libvirt-events", daemon=True))
            _turning[0].start()


def _turn() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


class Link:
    """A connection that heals. News go to `heard(name)` on one thread of its own; `name` is "" when all may have changed."""

    def __init__(self, uri: str, heard: Callable[[str], None]) -> None:
        turn_events()
        self._uri = uri
        self._heard = heard
        self._lock = threading.Lock()
        self._open: libvirt.virConnect | None = None
        self._closed = threading.Event()
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, name="libvirt-news", daemon=True)
        self._listener.start()
        self.reboots: dict[str, int] = {}  # how often each machine's guest was seen to restart

    def connection(self) -> libvirt.virConnect:
        """The living connection. Raises DriverFault when libvirtd does not answer."""
        with self._lock:
            if self._open is None:
                with spoken(f"libvirtd at {self._uri} does not answer"):
                    self._open = self._connect()
            return self._open

    def close(self) -> None:
        """Hang up for good."""
        self._closed.set()
        self._news.put(None)
        with self._lock:
            if self._open is not None:
                self._open.unregisterCloseCallback()
                self._open.close()
                self._open = None

    def _connect(self) -> libvirt.virConnect:
        connection = libvirt.open(self._uri)
        connection.setKeepAlive(*_KEEPALIVE)
        connection.registerCloseCallback(self._lost, None)
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._changed, None)
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, self._rebooted, None)
        return connection

    def _changed(self, _connection: object, domain: libvirt.virDomain, _event: int, _detail: int, _opaque: object) -> None:
        self._news.put(domain.name())

    def _rebooted(self, _connection: object, domain: libvirt.virDomain, _opaque: object) -> None:
        self.reboots[domain.name()] = self.reboots.get(domain.name(), 0) + 1

    def _lost(self, connection: libvirt.virConnect, _reason: int, _opaque: object) -> None:
        with self._lock:
            if self._open is connection or self._closed.is_set():
                self._open = None
        threading.Thread(target=self._heal, name="libvirt-reconnect", daemon=True).start()

    def _heal(self) -> None:
        """Reconnect, however long libvirtd stays away, and then look at everything anew."""
        while not self._closed.is_set():
            try:
                with self._lock:
                    if self._open is None and not self._closed.is_set():
                        self._open = self._connect()
            except libvirt.libvirtError:
                self._closed.wait(_RETRY)
            else:
                self._news.put("")
                return

    def _listen(self) -> None:
        while (name := self._news.get()) is not None:
            self._heard(name)
