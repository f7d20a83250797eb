"""What commands and answers declare of who may, each made weaker: `use=` and `roles=` of a parameter, `authorized=` of a command,
`admin=` of a field."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import cloudwright.catalogue
from cloudwright.core.access import Kind, Use, rule
from cloudwright.core.command import Verb
from cloudwright.core.param import Param
from cloudwright.core.view import View
from cloudwright.identity.caller import KINDS
from tests.mutation.change import Mutant

NOWHERE = -1  # the node of what is declared


def mutants(file: str) -> Iterator[Mutant]:
    """All of a module."""
    for of, name, what in _weaker():
        if of == file:
            yield Mutant(name, what, range(0), NOWHERE)


def put(file: str, mutant: Mutant) -> None:
    """Have it be declared so."""
    setattr(*_weaker()[file, mutant.function, mutant.what])


def told_apart(p: Param) -> bool:
    """Whether some may use what this parameter refers to, and not change it."""
    rules = [[str(rule(p.refers, kind, use)) for kind in Kind] for use in (Use.USE, Use.CHANGE)] if p.refers else []
    return len(rules) == 2 and rules[0] != rules[1]


@cache
def _weaker() -> dict[tuple[str, str, str], tuple[Any, str, Any]]:
    """(file, what of which class, what is weaker) -> (what declares it, which attribute, what that shall be)."""
    cloudwright.catalogue.load()
    found: dict[tuple[str, str, str], tuple[Any, str, Any]] = {}
    for verb in Verb.by_name.values():
        if set(verb.api.authorized) & KINDS.keys() and not KINDS.keys() <= set(verb.api.authorized):
            found[_file(verb), verb.__name__, "authorize all"] = (verb.api, "authorized", tuple(KINDS))
        for name, p in verb.api.params.items():
            of = _declaring(verb, name)
            if p.roles:
                found[_file(of), f"{of.__name__}.{name}", "give it to all roles"] = (p, "roles", ())
            if p.use is Use.CHANGE and told_apart(p):
                found[_file(of), f"{of.__name__}.{name}", "let it be used, not changed"] = (p, "use", Use.USE)
    for view in View.by_name.values():
        for name, f in view.fields.items():
            if f.admin and not name.startswith("_") and _file(view):
                of = _declaring(view, name)
                found[_file(of), f"{of.__name__}.{name}", "tell it to all"] = (f, "admin", False)
    return found


def _declaring(verb: type, name: str) -> type:
    return next((one for one in verb.__mro__ if name in vars(one)), verb)


def _file(of: type) -> str:
    """Its module's, below the package; none for a test's."""
    package, *inner = of.__module__.split(".")
    return "/".join(inner) + ".py" if package == "cloudwright" else ""
