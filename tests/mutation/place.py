"""Puts a changed module in the place of the one that is loaded: in a forked process, which ends without mending it.

Functions get their changed code; what a module makes by a statement of its own is made again, and so is what others made of that.
"""

from __future__ import annotations

import ast
import gc
import inspect
import sys
import threading
import weakref
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import _lru_cache_wrapper
from pathlib import Path
from queue import SimpleQueue
from types import CodeType, FunctionType, ModuleType
from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.core import access, db, listing, tx
from cloudwright.core.view import View
from cloudwright.identity import permission
from tests import compiled, databases


class Unplaced(Exception):
    """A change that reached nothing."""


def functions() -> dict[str, list[FunctionType]]:
    """The functions there are, by file."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    for one in gc.get_objects():
        if type(one) is FunctionType:
            found[one.__code__.co_filename].append(one)
    return found


def put(module: ModuleType, tree: ast.Module, there: Iterable[FunctionType]) -> None:
    """Have a module be as this tree says. `there` are its functions. Raises Unplaced."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes(compile(tree, str(module.__file__), "exec"))}
    reached = False
    for function in there:
        code = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        if code not in (None, function.__code__):
            function.__code__, reached = code, True
    for old, new in zip(ast.parse(inspect.getsource(module)).body, tree.body, strict=True):
        if isinstance(new, ast.Assign | ast.AnnAssign) and ast.dump(old) != ast.dump(new):
            _make(module, new)
            reached = True
    if not reached:
        raise Unplaced(f"{module.__name__}: the change reached neither a function nor what the module made")


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _make(module: ModuleType, statement: ast.Assign | ast.AnnAssign) -> None:
    """Run a statement of a module, then those of all modules that use what it made."""
    before = dict(vars(module))
    exec(compile(ast.Module([statement], []), str(module.__file__), "exec"), vars(module))
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    for name in {name for target in targets for name in _names(target, ast.Store)}:
        for other in [other for key, other in sys.modules.items() if key.startswith("cloudwright.")]:
            if name in vars(other) and (other is module or vars(other)[name] is before[name]):
                setattr(other, name, vars(module)[name])
                for further in ast.parse(inspect.getsource(other)).body:
                    if isinstance(further, ast.Assign | ast.AnnAssign) and name in _names(further, ast.Load):
                        _make(other, further)


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def forget(files: Iterable[str]) -> None:
    """Drop the statements that are kept, and the answers of functions of these files."""
    kept: list[Any] = [access._lookups, access._prepared, listing.List._built, listing._counting, View._statements]
    for one in [*kept, permission._known]:
        one.clear()
    _caches.extend([] if _caches else (one for one in gc.get_objects() if isinstance(one, _lru_cache_wrapper)))
    for cache in _caches:
        if inspect.unwrap(cache).__code__.co_filename in files:
            cache.cache_clear()


_caches: list[Any] = []


@contextmanager
def at_rest() -> Iterator[list[db.Database]]:
    """The databases of the installations there are, closed: a fork takes neither threads nor connections along."""
    clouds = [one for one in gc.get_objects() if isinstance(one, Cloud) and not one.db._closed]
    for cloud in clouds:
        cloud.member.die()
        cloud.db.close()
        cloud.db._local = threading.local()  # with this thread's connection
    gc.collect()
    gc.freeze()  # else each fork copies what its collector visits
    try:
        yield [cloud.db for cloud in clouds]
    finally:
        for cloud in clouds:
            _open(cloud.db, cloud.db.url)


def awake(resting: Iterable[db.Database], directory: Path) -> None:
    """In a fork: open them again, each on a copy in the directory, with nothing compiled for them."""
    compiled._compiled.clear()
    tx._statements.clear()
    for one in resting:
        _open(one, databases.copy(one.url, directory))


def _open(one: db.Database, url: str) -> None:
    one.engine = db.connect(url)
    one._local, one._readers, one._queue = threading.local(), weakref.WeakSet(), SimpleQueue()
    one._connection, one._closed = None, False
    one._thread = threading.Thread(target=one._writer, name="writer", daemon=True)
    one._thread.start()
