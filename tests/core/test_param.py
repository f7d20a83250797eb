"""What a parameter makes of what was sent: its value, its default, or the refusal that names it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cloudwright.core import wire
from cloudwright.core.error import ParamError
from cloudwright.core.param import declare, param, read, resolve
from cloudwright.core.secret import Secret

ROOT, USER = SimpleNamespace(role_type="Admin"), SimpleNamespace(role_type="User")


def got(annotation, given, sent="", caller=USER):
    declared = declare("size", annotation, given)
    return read(declared, wire.Parameters({"size": sent} if sent is not None else {}), "growThing", caller)


def test_what_is_sent_is_read_as_its_kind():
    assert got(int, param(), "7") == 7
    assert got(str | None, param(), "x") == "x"
    assert got(list[str], param(), "a,b") == ["a", "b"]
    secret = got(Secret, param(), "s")
    assert isinstance(secret, Secret)
    assert secret.reveal() == "s"
    assert type(got(str, param(), "s")) is str


@pytest.mark.parametrize("sent", [None, ""])
def test_what_is_not_sent_is_the_default_or_missing(sent):
    assert got(int | None, param(), sent) is None
    assert got(int, param(default=3), sent) == 3
    some = ["a"]
    assert got(list[str], param(default=some), sent) == some
    assert got(list[str], param(default=some), sent) is not some
    for kind in (int, list[str], dict[str, str]):
        with pytest.raises(wire.WireError, match="size"):
            got(kind, param(), sent)


def test_a_list_of_nothing_was_not_sent():
    assert got(list[str], param(default=["a"]), ",") == ["a"]
    with pytest.raises(wire.WireError, match="size"):
        got(list[str], param(), ",")


def test_a_value_that_may_not_be_is_refused():
    for given, sent in ((param(minimum=2), "1"), (param(maximum=2), "3"), (param(check=lambda value: "is odd"), "3")):
        with pytest.raises(ParamError) as refused:
            got(int, given, sent)
        assert refused.value.param == "size"
    with pytest.raises(ParamError, match="is not one of a, b"):
        got(str, param(choices=["a", "b"]), "c")
    assert got(str, param(choices=["a", "b"]), "B") == "B"


def test_a_map_is_read_from_its_entries():
    declared = declare("tags", dict[str, str], param(style="kv"))
    sent = wire.Parameters({"tags[0].key": "a", "tags[0].value": "1", "tags": "x"})
    assert read(declared, sent, "growThing", USER) == {"a": "1"}


def test_what_only_some_roles_may_use_is_not_there_for_others():
    given = param(default=5, roles=("Admin",))
    assert (got(int, given, "7", ROOT), got(int, given, "7", USER)) == (7, 5)
    needed = param(roles=("Admin",))
    assert (got(int, needed, "7", ROOT), got(int, needed, "7", USER)) == (7, None)
    with pytest.raises(wire.WireError):
        got(int, needed, "", ROOT)


def test_what_refers_to_nothing_stays_as_it_is():
    for value in ("x", ["x"], None):
        assert resolve(declare("size", str | None, param()), value, None, USER) == value
