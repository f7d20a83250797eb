"""What a client breaks on: names, outer keys, and whether an answer is a job."""

from __future__ import annotations

import json

from cloudwright import catalogue
from cloudwright.core.command import Verb
from tests.conformance.__main__ import CATALOGUE, compared

OWN = {"cancelJob", "explainAccess", "getOpenApi", "listJobStory", "resumeJob"}
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
