"""Bad input for every command: the documented error by the parameter's name, and nothing changed.

All is generated from the declarations, so a new command is tested when it is written.
"""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloudwright import catalogue
from cloudwright.core.access import Caller
from cloudwright.core.command import Verb
from cloudwright.core.param import Param
from tests.wire.house import House, Told
from tests.wire.values import FURTHER, NOBODY, right, wrong

catalogue.load()
COMMANDS = sorted(name for name, verb in Verb.by_name.items() if verb.__module__.startswith("cloudwright."))
DOCUMENTED = {200, 401, 430, 431, 432, 511, 531, 533, 534, 535, 536, 537}
INSIDE = re.compile(
    r"Traceback|Internal error|sqlalchemy|sqlite|<class|NoneType|object at 0x|\bBUG\b|cloudwright\.|Error\(|Decimal\("
)
"""Words of the inside."""


def base(house: House, who: Caller, command: str) -> dict[str, str]:
    """What the command takes, all of it right."""
    further = FURTHER.get(command, {})
    parts = [right(p, lambda p: row(house, who, p)) for p in offered(command, who) if p.required or p.wire_name in further]
    known = {name: value for part in parts for name, value in part.items()}
    return known | {name: value for name, value in further.items() if value is not None}


def row(house: House, who: Caller, p: Param) -> str | None:
    """The id of a row that a parameter may refer to."""
    found = house.mine(p.refers, who, p.use) if p.refers else None
    return found.uuid if found else None


def offered(command: str, who: Caller) -> list[Param]:
    """What a caller may send; `signature` is the call's own here (samlSlo means another by it, which browsers bring unsigned)."""
    known = [p for p in Verb.by_name[command].api.params.values() if p.wire_name != "signature"]
    return [p for p in known if not p.roles or who.role_type in p.roles]


WAYS = [("GET", "json"), ("POST", "xml"), ("POST", "json"), ("GET", "xml")]
ways = itertools.cycle(WAYS)


def tell(house: House, who: Caller, command: str, sent: dict[str, str], asked: object) -> Told:
    """Ask in one way or another, and hold what is true of every answer."""
    return hold(house, house.ask(who, command, sent, *next(ways)), asked)


def hold(house: House, told: Told, asked: object) -> Told:
    """What is true of every answer."""
    failures = [record.getMessage() + "\n" + str(record.exc_info) for record in house.complaints.records]
    house.complaints.records.clear()
    assert not failures, (asked, failures)
    assert told.status in DOCUMENTED, (asked, told)
    if told.status != 200:
        assert told.text, (asked, told)
        assert not INSIDE.search(told.raw), (asked, told.raw)
    assert house.touched() == [], asked
    return told


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("who", ["root", "ann"])
def test_right_input_is_understood_in_every_way(house: House, command: str, who: str) -> None:
    caller: Caller = getattr(house, who)
    sent = base(house, caller, command)
    answers = [hold(house, house.ask(caller, command, sent, *way), (command, way)) for way in WAYS]
    assert len({told.status for told in answers}) == 1, answers


@pytest.mark.parametrize("command", COMMANDS)
def test_each_parameter_alone(house: House, command: str) -> None:
    sent = base(house, house.root, command)
    silent = []
    for p in offered(command, house.root):
        others = {name: value for name, value in sent.items() if name.split("[")[0] != p.wire_name}
        for bad in wrong(p):
            asked = (command, p.wire_name, bad.what, bad.sent)
            told = tell(house, house.root, command, {**others, **bad.sent}, asked)
            if bad.refused and (told.status not in (430, 431) or not named(told, p)):
                silent.append((asked, told.status, told.param, told.text))
    assert silent == []


def named(told: Told, p: Param) -> bool:
    return (told.param or "").split("[")[0].split("]")[0].lower() == p.wire_name.lower()


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_missing_is_named(house: House, command: str) -> None:
    sent = base(house, house.root, command)
    for p in offered(command, house.root):
        if p.required:
            others = {name: value for name, value in sent.items() if name.split("[")[0] != p.wire_name}
            told = tell(house, house.root, command, others, (command, p.wire_name))
            assert (told.status, told.param) == (431, p.wire_name), told


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_anothers_is_not_there(house: House, command: str) -> None:
    """Another tenant's row answers as one that does not exist, by uuid and by number."""
    sent = base(house, house.ann, command)
    for p in offered(command, house.ann):
        foreign = house.foreign(p.refers, house.ann) if p.refers else None
        if foreign is None:
            continue
        others = {name: value for name, value in sent.items() if name != p.wire_name}
        for theirs, nobodys in ((foreign.uuid, NOBODY), (str(foreign.id), "99999999")):
            told = tell(house, house.ann, command, {**others, p.wire_name: theirs}, (command, p.wire_name))
            other = tell(house, house.ann, command, {**others, p.wire_name: nobodys}, (command, p.wire_name))
            assert (told.status, told.param) == (other.status, other.param), (told, other)
            assert told.text.replace(theirs, "#").replace(NOBODY, "#") == other.text.replace(nobodys, "#").replace(NOBODY, "#")
            assert told.status in ((431, 432) if theirs == foreign.uuid else (200, 431, 432)), told


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("who", ["root", "ann"])
def test_several_at_once(house: House, command: str, who: str) -> None:
    """Right, wrong and arbitrary values side by side."""
    caller: Caller = getattr(house, who)
    sent = base(house, caller, command)
    choices = {}
    for p in offered(command, caller):
        fit = right(p, lambda p: row(house, caller, p))
        anything = st.text(max_size=40).map(lambda text, name=p.wire_name: {name: text})
        choices[p.name] = st.one_of(st.just({}), st.just(fit), st.sampled_from([bad.sent for bad in wrong(p)]), anything)

    @settings(
        max_examples=8,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.fixed_dictionaries(choices))
    def several(parts: dict[str, dict[str, str]]) -> None:
        mixed = {name: value for part in parts.values() for name, value in part.items()}
        tell(house, caller, command, {**sent, **mixed}, (command, mixed))

    several()
