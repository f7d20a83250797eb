"""The network of a real Linux host: Open vSwitch or Linux bridges, appliances in network namespaces."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cloudwright.appliance.document import Document
from cloudwright.drivers.error import DriverFault, NotThere, Refused
from cloudwright.drivers.network import probe
from cloudwright.drivers.network.command import Commands
from cloudwright.drivers.network.contract import ApplianceSeen, ApplianceSpec, Applied
from cloudwright.drivers.network.namespace import Namespace
from cloudwright.drivers.network.segments import Binding, Segments, Underlay
from cloudwright.drivers.segment import Segment

_NAME = re.compile(r"r-[0-9a-f-]{1,36}")
_LONGEST = 55  # characters of the state directory: a unix socket's path ends at 107


class _Report(msgspec.Struct):
    """What the guest programme answers."""

    generation: int = 0
    problems: dict[str, str] = {}
    milliseconds: float = 0.0
    leases: list[dict[str, str]] = []
    error: str = ""


class HostNetwork:
    """Implements `contract.HostNetwork`. All it must remember lies in `state`, the rest it reads from the kernel."""

    def __init__(
        self,
        state: Path,
        underlay: Underlay | None = None,
        uplinks: Mapping[str, str] | None = None,
        enter: tuple[str, ...] = (),
    ) -> None:
        if len(str(state)) > _LONGEST:
            raise Refused(f"the state directory {state} is longer than {_LONGEST} characters")
        self._state = state
        self._commands = Commands(enter)
        self._segments = Segments(self._commands, underlay, uplinks or {})
        self._lock = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        state.mkdir(mode=0o711, parents=True, exist_ok=True)
        (state / "segments").mkdir(exist_ok=True)
        self._segments.sweep()

    def abilities(self) -> tuple[list[str], dict[str, str]]:
        """(what this host's network can do, what it cannot and why)."""
        return probe.abilities(self._commands)

    def binding(self, segment: Segment) -> Binding:
        """Where a machine's interface of this segment plugs in. Raises Refused where the host cannot."""
        return self._segments.binding(segment)

    def ensure(self, segment: Segment) -> str:
        return self._bound(segment).bridge

    def release(self, segment: Segment) -> None:
        record = self._state / "segments" / segment.key
        with self._lock:
            self._segments.sweep()
            if self._segments.exists(segment) and self._segments.used(segment):
                return
            self._segments.unmake(segment)
            record.unlink(missing_ok=True)

    def segments(self) -> list[str]:
        records = sorted((self._state / "segments").iterdir())
        known = [msgspec.json.decode(record.read_bytes(), type=Segment) for record in records]
        return [segment.key for segment in known if self._segments.exists(segment)]

    def start(self, appliance: ApplianceSpec) -> ApplianceSeen:
        if not _NAME.fullmatch(appliance.name):
            raise Refused(f"{appliance.name!r} is no name of an appliance; those are r-<uuid>")
        with self._locks[appliance.name]:
            self._directory(appliance.name).mkdir(mode=0o711, exist_ok=True)
            bindings = [self._bound(port.segment) for port in appliance.ports]
            namespace = self._namespace(appliance.name)
            if namespace.complete(appliance, bindings):
                namespace.end()  # its sockets belong to interfaces that are gone; its document stays
            if self._ask(namespace, {"verb": "see"}) is None:
                namespace.launch()
        return self.see(appliance.name)

    def apply(self, name: str, document: Document) -> Applied:
        self._known(name)
        report = self._ask(self._namespace(name), {"verb": "apply", "document": document})
        if report is None:
            raise DriverFault(f"appliance {name} does not run: start it, then send generation {document.generation} again")
        return Applied(report.generation, report.problems, report.milliseconds)

    def see(self, name: str) -> ApplianceSeen:
        self._known(name)
        namespace = self._namespace(name)
        report = self._ask(namespace, {"verb": "see"})
        if report is None:
            return ApplianceSeen(name, self._remembered(name), running=False, ports=namespace.macs())
        return ApplianceSeen(name, report.generation, True, namespace.macs(), report.problems, report.leases)

    def appliances(self) -> list[ApplianceSeen]:
        found = []
        for name in sorted(path.name for path in self._state.iterdir() if _NAME.fullmatch(path.name)):
            with contextlib.suppress(NotThere):  # removed meanwhile
                found.append(self.see(name))
        return found

    def remove(self, name: str) -> None:
        with self._locks[name]:
            self._namespace(name).remove()

    def _bound(self, segment: Segment) -> Binding:
        with self._lock:
            binding = self._segments.make(segment)
            (self._state / "segments" / segment.key).write_bytes(msgspec.json.encode(segment))
            return binding

    def _directory(self, name: str) -> Path:
        return self._state / name

    def _namespace(self, name: str) -> Namespace:
        return Namespace(name, self._directory(name), self._commands)

    def _known(self, name: str) -> None:
        if not _NAME.fullmatch(name) or not self._directory(name).is_dir():
            raise NotThere(f"there is no appliance {name} on this host")

    def _remembered(self, name: str) -> int:
        """The generation that a stopped appliance will run when it is started again; 0 for none."""
        try:
            return msgspec.json.decode((self._directory(name) / "document.json").read_bytes(), type=Document).generation
        except (FileNotFoundError, msgspec.DecodeError):
            return 0

    def _ask(self, namespace: Namespace, request: dict[str, object]) -> _Report | None:
        answer = namespace.ask(msgspec.json.encode(request))
        if answer is None:
            return None
        report = msgspec.json.decode(answer, type=_Report)
        if report.error:
            raise DriverFault(f"appliance {namespace.name}: {report.error}")
        return report
