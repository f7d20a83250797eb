"""What a client breaks on: names, outer keys, and whether an answer is a job."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cloudwright import catalogue
from cloudwright.core.command import Verb
from tests.conformance.__main__ import CATALOGUE, absent, compared, entry, lacking

NOTE = Path(__file__).parents[2] / "docs/notes/0014-response-fields.md"
OWN = {"cancelJob", "explainAccess", "getOpenApi", "listCapacityHistory", "listJobStory", "resumeJob"}
"""Commands that CloudStack has not."""


def test_every_command_is_one_of_the_api_or_meant_to_be_our_own() -> None:
    catalogue.load()
    known = {name for commands in json.loads(CATALOGUE.read_text())["categories"].values() for name in commands}
    ours = {name for name, verb in Verb.by_name.items() if verb.__module__.startswith("cloudwright.")}
    assert ours - known == OWN


def test_jobs_and_outer_keys_are_those_of_the_api() -> None:
    catalogue.load()
    wrong = {row.name: said for row in compared() if (said := [d for d in row.differs if "isasync" in d or "outer key" in d])}
    assert wrong == {}


def test_each_field_that_is_absent_has_its_reason() -> None:
    """A new gap is filled, or explained in absent.json; a gap that was filled is explained there no more."""
    catalogue.load()
    known = absent()
    entries = {field: entry(known, field) for field in lacking(compared())}
    assert [field for field, name in entries.items() if not name] == []
    assert known.keys() - set(entries.values()) == set()


def test_the_note_tells_of_each_reason() -> None:
    told = set(re.findall(r"^\| ([^|]+?) \|", NOTE.read_text(), re.MULTILINE))
    assert told - {"what", "---"} == set(absent().values())
