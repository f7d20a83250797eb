"""The ways in which a line can be wrong: one thing in a syntax tree is changed."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

_OTHER: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.GtE, ast.LtE: ast.Lt, ast.Gt: ast.LtE, ast.GtE: ast.Gt,
}  # fmt: skip
_WORDS = {
    "Kind": {"ROOT": "DOMAIN", "DOMAIN": "USER", "USER": "DOMAIN"},
    "Use": {"SEE": "CHANGE", "USE": "CHANGE", "CHANGE": "SEE"},
}
_METHODS = {"and_": "or_", "or_": "and_", "in_": "not_in", "not_in": "in_", "is_": "is_not", "is_not": "is_"}
_DECLARED = ("annotation", "returns", "decorator_list", "keywords", "bases", "defaults", "kw_defaults")


class Mutant(NamedTuple):
    """One change: in which function, what, in the lines of which statement, at which node."""

    function: str
    what: str
    lines: range
    node: int


def mutants(source: str, wanted: Callable[[str, ast.AST, ast.stmt | None], bool]) -> Iterator[Mutant]:
    """All mutants of a module that are `wanted`: in which function, at which node, in which statement. What is declared or
    registered while modules are loaded is no condition."""
    told = Counter[str]()
    for number, (node, function, statement) in enumerate(_nodes(ast.parse(source))):
        if function == "__init_subclass__" or not wanted(function, node, statement):
            continue
        for what in _changes(node):
            if what == "do not call" and not function:
                continue
            text = f"{what}: {ast.unparse(node).partition(chr(10))[0]}"
            text = text if len(text) < 110 else text[:107] + "..."
            told[function + text] += 1
            again = told[function + text]
            lines = range(0) if statement is None else _lines(statement)
            yield Mutant(function, text + (f" ({again})" if again > 1 else ""), lines, number)


def changed(source: str, mutant: Mutant) -> ast.Module:
    """The module with that change. Its lines are where they were."""
    tree = ast.parse(source)
    target = list(_nodes(tree))[mutant.node][0]
    _swap(tree, target, _apply(target, mutant.what.partition(":")[0]))
    return ast.fix_missing_locations(tree)


def _nodes(tree: ast.AST, function: str = "", around: ast.stmt | None = None) -> Iterator[tuple[ast.AST, str, ast.stmt | None]]:
    """Expressions and statements in their order, with the function and the statement around each. What is declared (annotations,
    decorators, defaults, the fields of a class) is no condition; the functions without a name are, that a field is given."""
    for name, value in ast.iter_fields(tree):
        if name in _DECLARED and isinstance(tree, ast.FunctionDef | ast.AnnAssign | ast.ClassDef | ast.arguments):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(tree, ast.ClassDef) and not isinstance(child, ast.FunctionDef):
                yield from _given(child, tree.name)
                continue
            within = child if isinstance(child, ast.stmt) else around
            yield child, function, within
            inner = child.name if isinstance(child, ast.FunctionDef) and not function else function
            yield from _nodes(child, inner, within)


def _given(statement: ast.AST, of: str) -> Iterator[tuple[ast.AST, str, ast.stmt | None]]:
    """What is in the functions without a name that a field of a class is given."""
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        name = ast.unparse(statement.targets[0] if isinstance(statement, ast.Assign) else statement.target)
        for found in ast.walk(statement):
            if isinstance(found, ast.Lambda):
                yield from _nodes(found, f"{of}.{name}", statement)


def _lines(statement: ast.stmt) -> range:
    """Those of a statement, without the statements in it."""
    body = getattr(statement, "body", None)
    return range(statement.lineno, max(statement.lineno + 1, body[0].lineno) if body else (statement.end_lineno or 0) + 1)


def _changes(node: ast.AST) -> Iterator[str]:
    """The names of what can be changed at a node."""
    if isinstance(node, ast.If | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.UnaryOp):  # which are turned
        yield "negate the condition"
    if isinstance(node, ast.comprehension):
        yield from (f"drop filter {i}" for i in range(len(node.ifs)))
    if isinstance(node, ast.BoolOp):
        yield from (f"drop term {i}" for i in range(len(node.values)))
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OTHER:
        yield "turn the comparison"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield "drop not"
    if isinstance(node, ast.Return) and node.value is not None:
        constant = node.value.value if isinstance(node.value, ast.Constant) else ...
        if constant is not None:
            yield "answer True" if constant is False else "answer None"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not ast.unparse(node.value).startswith("log."):
        yield "do not call"
    if isinstance(node, ast.Raise) and "BUG: " not in ast.unparse(node):  # nobody can bring that about
        yield "do not raise"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _WORDS.get(node.value.id, {}):
        yield "say another word"
    yield from _changes_of_call(node)


def _changes_of_call(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    if node.func.attr in _METHODS:
        yield "call the opposite"
    if node.func.attr in ("where", "and_", "or_", "filter"):
        yield from (f"drop argument {i}" for i in range(len(node.args)))


def _apply(node: ast.AST, what: str) -> ast.AST:
    """The node that takes the place of `node`, which may be changed."""
    last = what.rpartition(" ")[2]
    at = int(last) if last.isdigit() else 0
    if isinstance(node, ast.If | ast.IfExp):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.comprehension):
        del node.ifs[at]
    elif isinstance(node, ast.BoolOp):
        del node.values[at]
        return node.values[0] if len(node.values) == 1 else node
    elif isinstance(node, ast.Compare):
        node.ops[0] = _OTHER[type(node.ops[0])]()
    elif isinstance(node, ast.UnaryOp):
        return node.operand
    elif isinstance(node, ast.Return):
        node.value = ast.Constant(True if what == "answer True" else None)
    elif isinstance(node, ast.Raise | ast.Expr):
        return ast.Pass()
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        node.attr = _WORDS[node.value.id][node.attr]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if what.startswith("call"):
            node.func.attr = _METHODS[node.func.attr]
        else:
            del node.args[at]
            return node.func.value if node.func.attr == "where" and not node.args else node
    return node


def _swap(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    """Put a node in the place of another."""
    if old is new:
        return
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(child is old for child in value):
                value[:] = [new if child is old else child for child in value]
