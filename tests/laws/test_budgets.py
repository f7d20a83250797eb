"""Sizes: a reader's patience is the budget. The list of exceptions is empty."""

from __future__ import annotations

from tests.laws.source import functions, length, lines, modules, percentile

FORBIDDEN = ("utils", "common", "manager", "helper", "helpers", "impl", "base", "misc")


def test_files() -> None:
    sizes = {path: lines(path) for path in modules()}
    assert {path: size for path, size in sizes.items() if size > 500} == {}
    assert percentile(list(sizes.values()), 0.9) <= 300


def test_functions() -> None:
    sizes = {f"{path}:{fn.lineno} {fn.name}": length(fn) for path, tree in modules().items() for fn in functions(tree)}
    assert {where: size for where, size in sizes.items() if size > 60} == {}
    assert percentile(list(sizes.values()), 0.9) <= 25


def test_parameters() -> None:
    wrong = {}
    for path, tree in modules().items():
        for fn in functions(tree):
            positional = [*fn.args.posonlyargs, *fn.args.args]
            own = [a for a in positional if a.arg not in ("self", "cls")]
            if len(own) > 6:
                wrong[f"{path}:{fn.lineno} {fn.name}"] = len(own)
    assert wrong == {}


def test_names() -> None:
    parts = {path: path.removesuffix(".py").split("/")[1:] for path in modules()}
    wrong = [path for path, names in parts.items() for name in names if set(name.lower().split("_")) & set(FORBIDDEN)]
    assert wrong == []
