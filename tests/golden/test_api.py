"""What clients meet: the commands with their parameters, who may call them, the settings. A change shows in review.

Written anew by `CLOUDWRIGHT_GOLDEN=write pytest tests/golden`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.command import Command, Verb
from cloudwright.core.plan import PLANNED
from cloudwright.core.setting import Setting
from cloudwright.identity import permission
from cloudwright.identity.model import Role

HERE = Path(__file__).parent


def hold(name: str, lines: list[str]) -> None:
    """Compare with the golden file of that name, or write it."""
    path = HERE / name
    if os.environ.get("CLOUDWRIGHT_GOLDEN") == "write":
        path.write_text("\n".join(lines) + "\n")
    assert path.read_text().splitlines() == lines, f"{name} differs: if that is meant, write it anew and review the difference"


def ours() -> Iterator[tuple[str, type[Verb]]]:
    """The commands of the package, by name."""
    yield from ((name, verb) for name, verb in sorted(Verb.by_name.items()) if verb.__module__.startswith("cloudwright."))


def test_commands(cloud: Cloud) -> None:
    lines = [f"every changing command also takes {' '.join(sorted(PLANNED))}"]
    for name, verb in ours():
        api = verb.api
        marks = [
            "async" if api.is_async else "",
            "creates" if api.creates else "",
            api.event,
            "" if issubclass(verb, Command) else "reads",
            f"(without a rule: {', '.join(sorted(api.authorized))})" if api.authorized else "",
        ]
        lines.append(" ".join([name, *(mark for mark in marks if mark)]))
        lines += [
            f"    {p.wire_name}: {p.kind}{' required' if p.told_required else ''}"
            for p in sorted(api.params.values(), key=lambda p: p.wire_name)
        ]
    hold("api.txt", lines)


def test_answers(cloud: Cloud) -> None:
    lines = []
    views = {view for name, verb in ours() if (view := verb.api.answers)}
    for view in sorted(views, key=lambda v: v.__name__):
        lines.append(f"{view.__name__} {view.key}")
        lines += [f"    {n}: {f.kind}{' admin' if f.admin else ''}" for n, f in sorted(view.fields.items()) if n[0] != "_"]
    hold("answers.txt", lines)


def test_who_may_call_what(cloud: Cloud) -> None:
    reader = cloud.db.read()
    roles = reader.all(Role)
    lines = [f"{len(roles)} roles: " + ", ".join(role.name for role in roles)]
    for name, _ in ours():
        may = [role.name for role in roles if permission.allowed(reader, role.id, role.role_type, name)]
        lines.append(f"{name}: {', '.join(may)}")
    hold("roles.txt", lines)


def test_settings(cloud: Cloud) -> None:
    importlib.import_module("cloudwright.web.door")  # the HTTP face declares some
    lines = []
    for name, declared in sorted(Setting.by_name.items()):
        scopes = f" [{' '.join(declared.scopes)}]" if declared.scopes else ""
        default = "(secret)" if declared.secret else repr(declared.default)
        lines.append(f"{name}: {declared.kind.__name__} {default}{scopes}")
    hold("settings.txt", lines)


@pytest.mark.parametrize("name", ["api.txt", "answers.txt", "roles.txt", "settings.txt"])
def test_golden_files_hold_something(name: str) -> None:
    assert len((HERE / name).read_text().splitlines()) > 20
