"""The package's sources, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cloudwright"
GENERATED = PACKAGE / "migrations" / "versions"


@lru_cache(maxsize=1)
def modules() -> dict[str, ast.Module]:
    """Each module of the package, by its path from the repository's root."""
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != GENERATED]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


def lines(path: str) -> int:
    """How many lines a file has."""
    return len((ROOT / path).read_text().splitlines())


def imports(tree: ast.Module) -> Iterator[str]:
    """The modules a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function's body, its docstring apart."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and isinstance(body[0].value.value, str):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def percentile(values: list[int], part: float) -> int:
    """The value that `part` of all do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
