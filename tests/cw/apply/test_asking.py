"""Nothing is deleted that somebody at the terminal has not said yes to."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cw.conftest import Terminals, cw

DOOMED = "kind: diskOffering\nname: doomed\nspec: {displaytext: doomed, disksize: 1}\n"
LOST = "kind: userData\nname: lost\nspec: {userdata: '#!/bin/sh'}\n"


def there() -> set[str]:
    return {row["name"] for row in json.loads(cw("list diskofferings listall=true").out).get("diskoffering", [])}


@pytest.fixture
def applied(signed, server, tmp_path):
    """A file by which two things were made, and which has them no more; one is gone at the server, too: its mark is stale."""
    file = tmp_path / "asked.yaml"
    file.write_text(DOOMED + "---\n" + LOST)
    assert cw(f"apply -f {file}").code == 0
    assert cw("delete userdata id=lost").code == 0
    file.write_text("")
    yield file
    assert cw(f"apply --prune --yes -f {file}").code == 0
    assert "doomed" not in there()


def test_only_a_yes_is_a_yes(applied, monkeypatch):
    for answer in ("n", "", "what?"):
        monkeypatch.setattr(sys, "stdin", Terminals(answer + "\n"))
        said = cw(f"apply --prune -f {applied}", terminal=True)
        assert (said.code, "Delete 1? [y/N] Nothing was done" in said.err) == (0, True), said
        assert "doomed" in there()
    monkeypatch.setattr(sys, "stdin", Terminals("y\n"))
    said = cw(f"apply --prune -f {applied}", terminal=True)
    assert (said.code, "deleted diskOffering doomed" in said.out) == (0, True), said
