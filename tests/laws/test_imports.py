"""Imports point one way."""

from __future__ import annotations

import sys
import tomllib

import pytest

from tests.laws.source import ROOT, imports, modules

DOMAINS = ("identity", "infrastructure", "compute", "storage", "network", "operations")
FACES = ("web", "cli", "agent")
MAY: dict[str, tuple[str, ...]] = {
    "core": ("core",),
    "guest": ("guest",),
    "appliance": ("appliance",),
    "drivers": ("drivers", "appliance.document"),
    "agent": ("agent", "drivers", "appliance.document"),
    "cw": ("cw",),
}
"""What the parts that others stand on may import of ours. `cloudwright` itself is the version."""


def ours(tree: object) -> list[str]:
    """What a module imports of the package, without the package's name."""
    found = [name.removeprefix("cloudwright.") for name in imports(tree) if name.startswith("cloudwright.")]  # type: ignore[arg-type]
    return sorted(set(found) - {"__version__"})


def within(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(part + ".") for part in parts)


@pytest.mark.parametrize("part", MAY)
def test_what_others_stand_on_imports_none_of_them(part: str) -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if path.startswith(f"cloudwright/{part}/")
        for name in ours(tree)
        if not within(name, MAY[part]) and not any(may.startswith(name + ".") for may in MAY[part])
    ]
    assert wrong == []


def test_domains_do_not_know_the_faces() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if path.split("/")[1] in DOMAINS
        for name in ours(tree)
        if within(name, FACES)
    ]
    assert wrong == []


def test_the_command_line_needs_what_its_own_package_declares() -> None:
    """It is installed without the rest, so what it imports must be in packaging/cli/pyproject.toml; and all there is needed."""
    project = tomllib.loads((ROOT / "packaging" / "cli" / "pyproject.toml").read_text())["project"]
    called = {"pyyaml": "yaml", "prompt-toolkit": "prompt_toolkit"}
    declared = {called.get(name, name) for name in project["dependencies"]}
    trees = [tree for path, tree in modules().items() if path.startswith("cloudwright/cw/")]
    found = {name.split(".")[0] for tree in trees for name in imports(tree)}
    assert found - sys.stdlib_module_names - {"cloudwright"} == declared


def test_the_guest_is_of_the_standard_library_alone() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if path.startswith("cloudwright/guest/")
        for name in imports(tree)
        if name.split(".")[0] not in sys.stdlib_module_names | {"cloudwright"}
    ]
    assert wrong == []
