"""Where it is said who may: the code that is about nothing else, and in the commands themselves conditions on the caller,
refusals, and calls of what refuses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.mutation.change import Mutant, mutants

ROOT = Path(__file__).parents[2] / "cloudwright"
DOMAINS = ("identity", "compute", "storage", "network", "infrastructure", "operations")
ALL: frozenset[str] = frozenset()
TARGETS: dict[str, frozenset[str]] = {
    "core/access.py": ALL,
    "core/param.py": frozenset({"resolve", "_row", "read"}),
    "core/command.py": frozenset({"decode", "judge"}),
    "core/task.py": frozenset({"access"}),
    "identity/permission.py": ALL,
    "identity/gate.py": ALL,
    "identity/caller.py": ALL,
    "identity/owner.py": ALL,
    "identity/model.py": frozenset({"access"}),
    "identity/project/permit.py": ALL,
    "identity/project/model.py": frozenset({"access", "invites_caller", "managed_by_caller"}),
    "identity/directory/model.py": frozenset({"access"}),
    "compute/model.py": frozenset({"access"}),
    "storage/model.py": frozenset({"access", "shared_with_caller"}),
    "network/model.py": frozenset({"access"}),
    "infrastructure/model.py": frozenset({"access", "_zones_of_others"}),
    "infrastructure/offered.py": frozenset({"_somewhere", "offered_to_caller", "changed_by_caller", "_named"}),
    "operations/webhook/model.py": frozenset({"access"}),
    "operations/word/annotation.py": frozenset({"access"}),
    "web/handle.py": frozenset({"_authenticate", "_by_signature", "_by_session", "_authorize", "_check_address", "_recognize"}),
}
"""File -> the functions in question; none: all. Of the other modules of the domains: where they say who may."""

_FIRST = frozenset({"guard", "judge", "check_for"})
_WHO = re.compile(r"\bcaller\.(root|kind|role_type|key_id)\b|\bKind\.[A-Z]|\bUse\.[A-Z]|\b(rule|lookup)\(")


def files() -> list[str]:
    """The targets and all modules of the domains, below the package."""
    found = {str(path.relative_to(ROOT)) for domain in DOMAINS for path in (ROOT / domain).rglob("*.py")}
    return sorted(found | TARGETS.keys())


def mutants_in(file: str) -> Iterator[Mutant]:
    """All mutants of a module's code."""
    functions = TARGETS.get(file)
    return mutants((ROOT / file).read_text(), lambda name, *at: functions == ALL or name in (functions or ()) or said(name, *at))


def said(_function: str, node: ast.AST, statement: ast.stmt | None) -> bool:
    """Whether this node of a command's code says who may. A call for its own sake does where what is called refuses."""
    if statement is None or isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return False
    if isinstance(node, ast.Expr):
        return _guarding(node, guards())
    if isinstance(node, ast.If | ast.IfExp) and isinstance(node.test, ast.BoolOp):
        return False  # each of its terms is dropped
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Kind":
        return False  # the comparison is turned
    return any(_says(part) for part in _head(statement)) or _refuses(statement)


@cache
def guards() -> frozenset[str]:
    """The names of the functions that are told who calls, and are there to refuse: they do it, or have another one do it."""
    functions = [
        node
        for file in files()
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.FunctionDef)
        and node.name not in ("run", "ask")
        and "caller" in {argument.arg for argument in node.args.args}
    ]
    found = _FIRST
    while True:
        more = {one.name for one in functions if any(_refuses(s) or _guarding(s, found) for s in _statements(one))}
        if more <= found:
            return found
        found |= more


def _statements(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    return (node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function)


def _refuses(statement: ast.stmt) -> bool:
    """Whether it raises Denied, at once or under its condition."""
    within: Iterable[ast.stmt] = statement.body if isinstance(statement, ast.If) else [statement]
    return any(isinstance(one, ast.Raise) and "Denied(" in ast.unparse(one) for one in within)


def _guarding(statement: ast.AST, names: frozenset[str]) -> bool:
    """Whether it is a call of one of these for its own sake."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    called = statement.value.func
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    return name in _FIRST or (name in names and "caller" in map(ast.unparse, statement.value.args))


def _head(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement, without the statements in it."""
    return (child for child in ast.iter_child_nodes(statement) if not isinstance(child, ast.stmt))


def _says(expression: ast.AST) -> bool:
    compared = (node for node in ast.walk(expression) if isinstance(node, ast.Compare))
    return _WHO.search(ast.unparse(expression)) is not None or any("caller." in ast.unparse(node) for node in compared)
