"""A host's network in a simulated cloud: remembers what it was told, in the world."""

from __future__ import annotations

import msgspec

from cloudwright.appliance.document import Document
from cloudwright.drivers.error import NotThere, Refused
from cloudwright.drivers.hypervisor.contract import Machine, Power
from cloudwright.drivers.network.contract import ApplianceSeen, ApplianceSpec, Applied
from cloudwright.drivers.segment import Segment, SegmentKind
from cloudwright.drivers.world import Value, World

SEGMENT, APPLIANCE = "segment", "appliance"


class FakeHostNetwork:
    """Implements `contract.HostNetwork` over a world. An appliance's value: spec, running, document (or None)."""

    def __init__(self, world: World, host: str, labels: tuple[str, ...] = ("cloudbr0", "cloudbr1")) -> None:
        self._world = world
        self._host = host
        self._labels = labels

    def ensure(self, segment: Segment) -> str:
        self._meet("ensure")
        return self._make(segment)

    def release(self, segment: Segment) -> None:
        self._meet("release")
        if segment.key not in self._used():
            self._world.drop(self._host, SEGMENT, segment.key)

    def segments(self) -> list[str]:
        self._meet("segments")
        return sorted(self._world.of(self._host, SEGMENT))

    def start(self, appliance: ApplianceSpec) -> ApplianceSeen:
        self._meet("start")
        for port in appliance.ports:
            self._make(port.segment)
        value = self._world.get(self._host, APPLIANCE, appliance.name) or {"document": None}
        value |= {"spec": msgspec.to_builtins(appliance), "running": True}
        self._world.put(self._host, APPLIANCE, appliance.name, value)
        return _seen(appliance.name, value)

    def apply(self, name: str, document: Document) -> Applied:
        self._meet("apply")
        value = self._value(name)
        if document.generation >= _generation(value):
            value["document"] = msgspec.to_builtins(document)
            self._world.put(self._host, APPLIANCE, name, value)
        return Applied(generation=_generation(value))

    def see(self, name: str) -> ApplianceSeen:
        self._meet("see")
        return _seen(name, self._value(name))

    def appliances(self) -> list[ApplianceSeen]:
        self._meet("appliances")
        return [_seen(name, value) for name, value in sorted(self._world.of(self._host, APPLIANCE).items())]

    def remove(self, name: str) -> None:
        self._meet("remove")
        self._world.drop(self._host, APPLIANCE, name)

    def _meet(self, verb: str) -> None:
        self._world.faults.meet(self._host, verb)

    def _make(self, segment: Segment) -> str:
        if segment.kind is not SegmentKind.VXLAN and segment.label not in self._labels:
            raise Refused(f"this host has no bridge {segment.label}, which segment {segment.key} needs")
        self._world.put(self._host, SEGMENT, segment.key, {"tag": segment.tag})
        return segment.label if segment.kind is not SegmentKind.VXLAN else f"br-{segment.tag}"

    def _used(self) -> set[str]:
        """The keys of the segments that appliances and machines on this host are plugged into."""
        appliances = (s for value in self._world.of(self._host, APPLIANCE).values() for s in _spec_segments(value))
        machines = (s for value in self._world.of(self._host, "machine").values() for s in _plugged(value))
        return {segment.key for segment in (*appliances, *machines)}

    def _value(self, name: str) -> Value:
        value = self._world.get(self._host, APPLIANCE, name)
        if value is None:
            raise NotThere(f"there is no appliance {name} on this host")
        return value


def _plugged(machine: Value) -> list[Segment]:
    """What a simulated machine that is not stopped is plugged into."""
    if machine["power"] not in (Power.RUNNING, Power.PAUSED):
        return []
    return [nic.segment for nic in msgspec.json.decode(str(machine["machine"]), type=Machine).nics]


def _spec(value: Value) -> ApplianceSpec:
    return msgspec.convert(value["spec"], ApplianceSpec)


def _spec_segments(value: Value) -> list[Segment]:
    return [port.segment for port in _spec(value).ports]


def _generation(value: Value) -> int:
    document = value["document"]
    return int(document["generation"]) if isinstance(document, dict) else 0


def _seen(name: str, value: Value) -> ApplianceSeen:
    ports = [port.mac for port in _spec(value).ports]
    return ApplianceSeen(name=name, generation=_generation(value), running=bool(value["running"]), ports=ports)
