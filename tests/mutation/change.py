"""The ways in which a line can be wrong: each answers copies of a syntax tree with one thing changed."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

_OTHER: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.GtE, ast.LtE: ast.Lt, ast.Gt: ast.LtE, ast.GtE: ast.Gt,
}  # fmt: skip
_WORDS = {
    "Kind": {"ROOT": "DOMAIN", "DOMAIN": "USER", "USER": "DOMAIN"},
    "Use": {"SEE": "CHANGE", "USE": "CHANGE", "CHANGE": "SEE"},
}
_METHODS = {"and_": "or_", "or_": "and_", "in_": "not_in", "not_in": "in_"}


class Mutant:
    """A changed module: `line` and `what` say the change, `source` is the whole text."""

    def __init__(self, line: int, function: str, what: str, source: str) -> None:
        self.line, self.function, self.what, self.source = line, function, what, source


def mutants(source: str, wanted: frozenset[str]) -> Iterator[Mutant]:
    """All mutants of a module; where `wanted` names functions, of these alone."""
    tree = ast.parse(source)
    for number, (node, function) in enumerate(_nodes(tree)):
        if wanted and function not in wanted:
            continue
        for what in _changes(node):
            changed = copy.deepcopy(tree)
            target = list(_nodes(changed))[number][0]
            before = ast.unparse(target).partition("\n")[0]
            _swap(changed, target, _apply(target, what))
            text = f"{what}: {before if len(before) < 90 else before[:87] + '...'}"
            yield Mutant(getattr(node, "lineno", 0), function, text, ast.unparse(ast.fix_missing_locations(changed)))


def _nodes(tree: ast.AST, function: str = "") -> Iterator[tuple[ast.AST, str]]:
    """Expressions and statements in their order, with the function around each; no annotations, no docstrings."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "keywords") and isinstance(tree, ast.FunctionDef | ast.AnnAssign):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child, function
                inner = child.name if isinstance(child, ast.FunctionDef) and not function else function
                yield from _nodes(child, inner)


def _changes(node: ast.AST) -> Iterator[str]:
    """The names of what can be changed at a node."""
    if isinstance(node, ast.If | ast.IfExp):
        yield "negate the condition"
    if isinstance(node, ast.comprehension):
        yield from (f"drop filter {i}" for i in range(len(node.ifs)))
    if isinstance(node, ast.BoolOp):
        yield from (f"drop term {i}" for i in range(len(node.values)))
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OTHER:
        yield "turn the comparison"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "drop not"
    if isinstance(node, ast.Return) and not (
        node.value is None or (isinstance(node.value, ast.Constant) and not node.value.value)
    ):
        yield "answer None"
    if isinstance(node, ast.Raise):
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
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Raise):
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
