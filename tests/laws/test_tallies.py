"""What counts towards limits is written row by row: a statement on many rows would pass the ledger by."""

from __future__ import annotations

import ast

import pytest

from cloudwright import catalogue
from cloudwright.core.resource import Resource
from tests.laws.source import modules

UNCOUNTED = {
    "Vm": {"observed"},
    "Network": {"idle_since", "version"},
    "TemplateAt": {"progress", "last_used"},
}
"""Columns that a statement may set on many rows: no tally depends on them."""


@pytest.fixture(autouse=True, scope="module")
def everything() -> None:
    catalogue.load()


def tallied() -> set[str]:
    return {kind.__name__ for kind in Resource.by_name.values() if kind.tallied and kind.__module__.startswith("cloudwright.")}


def bulk(tree: ast.Module, kinds: set[str]) -> list[tuple[str, str, set[str], int]]:
    """(class, verb, columns set, line) of each `X.t.insert()`, `X.t.update()…values(…)` and `X.t.delete()`."""
    found = []
    within = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(value=ast.Name(id=name), attr="t"), attr="insert" | "update" | "delete" as verb
                )
            ) if name in kinds:
                found.append((name, verb, _columns(node, within), node.lineno))
    return found


def _columns(node: ast.AST, within: dict[int, ast.AST]) -> set[str]:
    """What the chain of calls on a statement sets by keyword; "?" for what cannot be told."""
    columns: set[str] = set()
    while isinstance(above := within.get(id(node)), ast.Attribute | ast.Call):
        if isinstance(above, ast.Call) and isinstance(above.func, ast.Attribute) and above.func.attr == "values":
            columns |= {keyword.arg or "?" for keyword in above.keywords} | ({"?"} if above.args else set())
        node = above
    return columns or {"?"}


def test_rows_that_count_are_written_one_by_one() -> None:
    kinds = tallied()
    assert {"Vm", "Volume", "Network", "PublicIp", "Template", "TemplateAt"} <= kinds
    wrong = [
        f"{path}:{line} {verb}s {name} rows at once: {sorted(columns)}"
        for path, tree in modules().items()
        for name, verb, columns, line in bulk(tree, kinds)
        if verb != "update" or not columns <= UNCOUNTED.get(name, set())
    ]
    assert wrong == []


def test_the_law_sees_what_it_forbids() -> None:
    text = (
        "tx.execute(Vm.t.update().where(x).values(state='Stopped'))\ntx.execute(Volume.t.delete())\ntx.execute(Host.t.update())"
    )
    found = [(name, verb, columns) for name, verb, columns, _ in sorted(bulk(ast.parse(text), tallied()), key=lambda one: one[3])]
    assert found == [("Vm", "update", {"state"}), ("Volume", "delete", {"?"})]
