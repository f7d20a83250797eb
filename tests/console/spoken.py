"""Words that the API tells in its answers and its catalogue does not list: what the console shows of them needs a translation."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cloudwright
from cloudwright.compute.affinity import DEDICATED
from cloudwright.core.command import Verb
from cloudwright.core.task import Task
from cloudwright.identity.limit_view import UNLIMITED
from cloudwright.infrastructure.service import SERVICES
from cloudwright.operations.configuration import SCOPE_NAMES
from cloudwright.operations.event import UNASKED
from cloudwright.operations.raising import TYPES
from cloudwright.storage.template.view import STATES as FETCHED

SOURCE = Path(cloudwright.__file__).parent
DOMAINS = ("core", "identity", "infrastructure", "storage", "compute", "network", "operations")
STATES = {"state", "resource_state", "allocation_state", "managed_state", "redundant_state"}
WORD = re.compile(r"[A-Z][A-Za-z]+")


def spoken() -> list[str]:
    """Tasks of jobs, their steps, states that something is given, scopes of settings, affinities, services, types of events."""
    own = [task for task in Task.by_name.values() if task.__module__.startswith("cloudwright.")]
    steps = {step.name for task in own for step in task.steps}
    named = {DEDICATED, UNLIMITED, "Download Complete", "Downloaded", *FETCHED.values(), *SCOPE_NAMES.values()}
    services = {name for provider, its in SERVICES.items() for name in (provider, *its)}
    return sorted({task.__name__ for task in own} | steps | services | set(_states()) | named | set(_types()))


def _types() -> Iterator[str]:
    """Types of alerts, and of events that no one command tells of by its name."""
    yield from (type_.name for type_ in TYPES.values())
    declared = Counter(verb.api.event for verb in Verb.by_name.values() if verb.__module__.startswith("cloudwright."))
    yield from (event for event, times in declared.items() if event and times > 1)
    yield from UNASKED


def _states() -> Iterator[str]:
    """Every word that the source assigns to a state, or names as one where a row is made or changed."""
    for domain in DOMAINS:
        for path in (SOURCE / domain).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                yield from _given(node)


def _given(node: ast.AST) -> Iterator[str]:
    named: list[tuple[str | None, ast.expr | None]] = []
    if isinstance(node, ast.keyword):
        named = [(node.arg, node.value)]
    elif isinstance(node, ast.Assign):
        named = [(getattr(to, "attr", getattr(to, "id", None)), node.value) for to in node.targets]
    elif isinstance(node, ast.AnnAssign):
        named = [(getattr(node.target, "id", None), node.value)]
    for name, value in named:
        if name in STATES and value is not None:
            yield from _words(value)


def _words(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from _words(value.body)
        yield from _words(value.orelse)
    elif isinstance(value, ast.Call):
        for inner in [*value.args, *(word.value for word in value.keywords)]:
            yield from _words(inner)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str) and WORD.fullmatch(value.value):
        yield value.value
