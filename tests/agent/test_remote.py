from __future__ import annotations

import threading

import msgspec
import pytest

from cloudwright.agent.dispatch import Dispatcher, Lanes
from cloudwright.agent.frame import Call, Reply
from cloudwright.agent.remote import CONTRACTS, LOCAL, SERVED, TIMEOUTS, UNORDERED, order_key, patience, remote, verbs
from cloudwright.appliance.document import Document
from cloudwright.drivers.error import DriverFault, Refused
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.drivers.network.contract import Applied
from cloudwright.drivers.segment import Segment, SegmentKind


class Wire:
    """A transport that keeps what it was given and answers what it was told."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.given: list[tuple[str, str, object, float, str]] = []

    def __call__(self, kind: str, verb: str, arguments: bytes, timeout: float, key: str) -> bytes:
        self.given.append((kind, verb, msgspec.msgpack.decode(arguments), timeout, key))
        return msgspec.msgpack.encode(self.answer)


def test_every_verb_of_every_contract_has_a_message() -> None:
    named = {f"{kind}.{name}" for kind, contract in SERVED.items() for name in verbs(contract)}
    assert {"hypervisor.start", "pool.clone", "images.begin_fetch", "network.apply"} <= named
    assert not {name for name in named if name.split(".")[1] in LOCAL}
    assert set(TIMEOUTS) <= named
    assert {name.split(".")[1] for name in named} >= UNORDERED


def test_calls_carry_arguments_by_name_without_defaults() -> None:
    wire = Wire(None)
    remote(wire).hypervisor.stop("i-1", grace=60.0)
    remote(wire).hypervisor.stop("i-1", True)
    assert wire.given == [
        ("hypervisor", "stop", {"name": "i-1", "grace": 60.0}, 90.0, "hypervisor:i-1"),
        ("hypervisor", "stop", {"name": "i-1", "force": True}, 60.0, "hypervisor:i-1"),
    ]
    with pytest.raises(TypeError):
        remote(wire).hypervisor.stop("i-1", colour="red")  # type: ignore[call-arg]


def test_answers_are_typed_and_checked() -> None:
    applied = Applied(7, {"dhcp": "no such device"}, 3.5)
    assert remote(Wire(applied)).network.apply("r-1", Document("r-1", 7)) == applied
    with pytest.raises(DriverFault, match=r"network\.apply cannot be understood"):
        remote(Wire({"generation": "seven"})).network.apply("r-1", Document("r-1", 7))


def test_what_calls_must_stay_in_order_about() -> None:
    wire, segment = Wire("br"), Segment(SegmentKind.VLAN, "cloudbr0", 7)
    far = remote(wire)
    far.network.ensure(segment)
    far.pool.locate("p-1", "v-1")
    assert [key for *_, key in wire.given] == ["network:vlan-cloudbr0-7", ""]
    arguments = verbs(CONTRACTS["pool"])["begin_install"].arguments("k", "p-1", "t-1", "http://x", "")
    assert order_key("pool", "begin_install", arguments) == "pool:t-1"
    run = verbs(Hypervisor)["guest"].arguments("i-1", ["true"], 20.0)
    assert patience("hypervisor", "guest", run) == 50.0


def test_a_call_whose_caller_has_gone_is_not_begun() -> None:
    class Counting:
        calls = 0

        def remove(self, name: str) -> None:
            type(self).calls += 1
            held.wait(5)

    held, replies, both = threading.Event(), list[Reply](), threading.Semaphore(0)
    dispatcher = Dispatcher({"hypervisor": Counting()})

    def reply(answer: Reply) -> None:
        replies.append(answer)
        both.release()

    arguments = msgspec.msgpack.encode({"name": "i-1"})
    dispatcher.submit(Call(1, "hypervisor", "remove", arguments, 5.0, "i-1"), reply)
    dispatcher.submit(Call(2, "hypervisor", "remove", arguments, 0.01, "i-1"), reply)
    threading.Event().wait(0.1)
    held.set()
    assert both.acquire(timeout=30)
    assert both.acquire(timeout=30)
    dispatcher.close()
    assert Counting.calls == 1
    assert [answer.error for answer in replies] == ["", "DriverFault"]
    assert "was not begun" in replies[1].text


def test_a_kind_of_error_that_the_wire_does_not_know_travels_as_its_nearest() -> None:
    class TooBig(Refused):
        pass

    class Picky:
        def machines(self) -> None:
            raise TooBig("too big by 3 bytes")

    replies, done = list[Reply](), threading.Event()
    dispatcher = Dispatcher({"hypervisor": Picky()})

    def reply(answer: Reply) -> None:
        replies.append(answer)
        done.set()

    dispatcher.submit(Call(1, "hypervisor", "machines", b"\x80", 5.0), reply)
    assert done.wait(5)
    dispatcher.close()
    assert replies == [Reply(1, error="Refused", text="too big by 3 bytes")]


def test_lanes_keep_order_under_a_crowd() -> None:
    lanes, done, seen = Lanes(8), threading.Semaphore(0), dict[str, list[int]]()

    def job(lane: str, number: int) -> None:
        seen.setdefault(lane, []).append(number)
        done.release()

    for number in range(500):
        for lane in ("a", "b", "c"):
            lanes.submit(lane, lambda lane=lane, number=number: job(lane, number))  # type: ignore[misc]
    for _ in range(1500):
        assert done.acquire(timeout=10)
    lanes.close()
    assert seen == {lane: list(range(500)) for lane in ("a", "b", "c")}
