"""What is declared is documented, once and in words; nothing prints; no secret shows."""

from __future__ import annotations

import ast
import dis
import re
import tomllib
from collections import Counter

import pytest

from cloudwright import catalogue
from cloudwright.core.command import Command, Verb
from cloudwright.core.resource import Resource
from cloudwright.core.secret import PRINTED, Secret
from cloudwright.core.setting import Setting
from cloudwright.core.task import Task
from cloudwright.core.view import View
from tests.laws.source import ROOT, functions, imports, modules


@pytest.fixture(autouse=True, scope="module")
def everything() -> None:
    catalogue.load()


def test_every_command_says_what_it_does() -> None:
    wrong = [name for name, verb in Verb.by_name.items() if len(verb.api.doc) < 10 or not verb.api.doc.endswith((".", ")"))]
    assert wrong == []


def test_every_parameter_is_documented_and_has_a_name_of_its_own() -> None:
    silent = [f"{name}.{p.wire_name}" for name, verb in Verb.by_name.items() for p in verb.api.params.values() if not p.doc]
    assert silent == []
    twice = {
        name: names
        for name, verb in Verb.by_name.items()
        if (names := [n for n, times in Counter(p.wire_name for p in verb.api.params.values()).items() if times > 1])
    }
    assert twice == {}


def test_every_field_is_documented() -> None:
    silent = [
        f"{view.__name__}.{name}"
        for view in View.by_name.values()
        for name, f in view.fields.items()
        if not f.doc and name[0] != "_"
    ]
    silent += [f"{name}.{n}" for name, verb in Verb.by_name.items() for n, (_, doc) in verb.api.response.items() if not doc]
    assert silent == []


def test_remedies_are_sentences() -> None:
    """A command's name is no remedy for people: it stands behind what to do, in parentheses."""
    wrong = [
        f"{path}:{one.lineno} {word}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword | ast.Assign)
        and (node.arg if isinstance(node, ast.keyword) else ast.unparse(node.targets[0])) == "fix"
        for one in ast.walk(node.value)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
        for word in one.value.replace(",", " ").split()[:1]
        if word in Verb.by_name
    ]
    assert wrong == []


def test_every_setting_says_what_it_does() -> None:
    assert [name for name, declared in Setting.by_name.items() if len(declared.doc) < 8] == []


def test_every_setting_is_heeded() -> None:
    """One that nobody reads promises what does not happen."""
    texts = [(ROOT / path).read_text() for path in modules()]
    names = [name for text in texts for name in re.findall(r"^(\w+)(?:: [^=\n]+)? = setting\(", text, re.MULTILINE)]
    assert len(names) > 100
    used = Counter(word for text in texts for word in re.findall(r"\b[A-Z][A-Z_0-9]+\b", text))
    declared = Counter(names)
    assert [name for name in declared if used[name] <= declared[name]] == []


def test_tasks_loops_and_rows_say_what_they_are() -> None:
    ours = (*Task.by_name.values(), *Resource.by_name.values())
    assert [kind.__name__ for kind in ours if kind.__module__.startswith("cloudwright.") and not kind.__doc__] == []


def test_public_functions_of_core_are_documented() -> None:
    silent = [
        f"{path}:{fn.lineno} {fn.name}"
        for path, tree in modules().items()
        if path.startswith("cloudwright/core/")
        for node in (tree, *(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and not n.name.startswith("_")))
        for fn in node.body
        if isinstance(fn, ast.FunctionDef) and not fn.name.startswith("_") and not fn.decorator_list and not ast.get_docstring(fn)
        if not (isinstance(node, ast.ClassDef) and fn.name in ("process_bind_param", "process_result_value", "operate", "reach"))
    ]
    assert silent == []


def test_nothing_prints_but_the_command_line() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        if not path.startswith("cloudwright/cli/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert wrong == []


def test_warnings_are_errors() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["filterwarnings"][0] == "error"


def test_nothing_is_left_for_later() -> None:
    word = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    wrong = [str(path.relative_to(ROOT)) for path in (ROOT / "cloudwright").rglob("*.py") if word.search(path.read_text())]
    assert wrong == []


def test_secrets_do_not_show() -> None:
    secret = Secret("hunter2")
    assert {str(secret), repr(secret), f"{secret}", "%s" % secret} == {PRINTED}  # noqa: UP031
    wrong = [
        f"{name}.{p.wire_name}"
        for name, verb in Verb.by_name.items()
        for p in verb.api.params.values()
        if re.search(r"password|secret|privatekey|passphrase|presharedkey|pskey", p.wire_name)
        and p.kind == "string"
        and not p.secret
    ]
    assert wrong == [], "declare them as Secret: what a Secret says wrongly is not repeated in errors"


def test_no_view_tells_a_secret_column() -> None:
    from cloudwright.core.resource import Sealed

    wrong = [
        f"{view.__name__}.{name}"
        for view in View.by_name.values()
        for name, f in view.fields.items()
        if f.expr is not None and isinstance(getattr(f.expr, "type", None), Sealed) and not name.startswith("_")
    ]
    assert wrong == []


def test_only_results_of_jobs_reveal_secrets() -> None:
    """A list, or an answer that comes at once, is told to all who may see the row; a job knows who asked for it."""
    wrong = [
        f"{name}.{f.name}"
        for name, verb in Verb.by_name.items()
        for f in (verb.api.answers.fields.values() if verb.api.answers else ())
        if f.secret and not verb.api.is_async
    ]
    assert wrong == []
    assert sum(f.secret for view in View.by_name.values() for f in view.fields.values()) >= 2


def test_who_reveals_a_secret_asks_for_whom() -> None:
    """Fields made of a sealed column are `revealed`, or look at the caller."""
    from cloudwright.core.resource import Sealed

    wrong = []
    for view in View.by_name.values():
        sealed = {name for name, f in view.fields.items() if isinstance(getattr(f.expr, "type", None), Sealed)}
        for name, f in view.fields.items():
            code = getattr(f.compute, "__code__", None)
            if code is not None and not f.secret and sealed & set(code.co_consts) and "reveal" in code.co_names:
                reads = [one.argval for one in dis.get_instructions(code) if one.opname.startswith("LOAD_FAST")]
                wrong += [] if "caller" in reads else [f"{view.__name__}.{name}"]
    assert wrong == []


def test_commands_do_not_reach_drivers() -> None:
    """Drivers are reached by acting steps: a command has no `reach`, and its module calls one only within a task."""
    wrong = []
    for path, tree in modules().items():
        if path.split("/")[1] not in ("identity", "infrastructure", "compute", "storage", "network", "operations"):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef) or not any(
                "Command" in ast.unparse(b) or "Query" in ast.unparse(b) for b in node.bases
            ):
                continue
            for fn in functions(node):  # type: ignore[arg-type]
                wrong += [
                    f"{path}:{call.lineno}" for call in ast.walk(fn) if isinstance(call, ast.Attribute) and call.attr == "reach"
                ]
    assert wrong == []


def test_steps_that_decide_do_not_act() -> None:
    """A step that was given `tx` runs within a transaction, which no driver's time may hold."""
    wrong = [
        f"{path}:{fn.lineno} {fn.name}"
        for path, tree in modules().items()
        if path.split("/")[1] in ("infrastructure", "compute", "storage", "network", "operations")
        for fn in functions(tree)
        if "tx" in {a.arg for a in fn.args.args}
        for node in ast.walk(fn)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "self.reach"
    ]
    assert wrong == []


def test_nothing_hangs_on_where_it_was_made() -> None:
    """Modules of drivers, guest and appliance are importable alone, by a host that has no database."""
    for path, tree in modules().items():
        if path.startswith(("cloudwright/drivers/", "cloudwright/guest/", "cloudwright/appliance/")):
            assert not any(name.split(".")[0] == "sqlalchemy" for name in imports(tree)), path


def test_events_are_of_the_api() -> None:
    """Names of events have the API's form: capital words with dots."""
    wrong = [
        verb.api.event for verb in Verb.by_name.values() if not re.fullmatch(r"([A-Z0-9_]+(\.[A-Z0-9_]+)*)?", verb.api.event)
    ]
    assert wrong == []
    assert [name for name, verb in Verb.by_name.items() if verb.api.event and not issubclass(verb, Command)] == []
