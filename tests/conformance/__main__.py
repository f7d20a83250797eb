"""Compare what we offer with the CloudStack API: `python -m tests.conformance [category] [--missing] [--fields] [--json]`.

Without a category: a line for each, how many commands, parameters and fields of those commands are there. With one, or with
`--missing`: by name what is not. With `--fields`: the fields that are not, by what would bring them. What we have and the
catalogue has not is listed last; it is harmless to clients.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cloudwright import catalogue
from cloudwright.core.command import Verb
from cloudwright.operations.discovery import described

CATALOGUE = Path(__file__).with_name("catalogue.json")
ABSENT = Path(__file__).with_name("absent.json")  # what would bring fields -> the fields, of any answer or of one
NO_COMMANDS = {"login", "logout"}  # the HTTP face answers these itself


class Compared(NamedTuple):
    """One command of the catalogue beside ours."""

    category: str
    name: str
    there: bool
    params: set[str]
    missing_params: set[str]
    response: str
    fields: set[str]
    missing_fields: set[str]
    differs: list[str]


def compared() -> Iterator[Compared]:
    """Every command of the catalogue."""
    facts = json.loads(CATALOGUE.read_text())
    for category, commands in facts["categories"].items():
        for name, fact in commands.items():
            fields = set(facts["responses"].get(fact["response"], ()))
            if name not in Verb.by_name:
                yield Compared(category, name, name in NO_COMMANDS, set(), set(), "", set(), set(), [])
                continue
            told = described(name, True, "Admin")
            has = {p["name"] for p in told["params"]}
            tells = {f["name"] for f in told["response"]}
            params = set(fact["params"])
            yield Compared(
                category, name, True, params, params - has, fact["response"], fields, fields - tells,
                list(_differences(name, fact, told)),
            )  # fmt: skip


def absent() -> dict[str, str]:
    """By field, as `field` or `Response.field`: what would bring it. Raises ValueError where two things would."""
    found: dict[str, str] = {}
    for what, names in json.loads(ABSENT.read_text()).items():
        if twice := found.keys() & names:
            raise ValueError(f"{sorted(twice)} of {what}: something else brings them, too")
        found |= dict.fromkeys(names, what)
    return found


def lacking(rows: Iterable[Compared]) -> dict[str, set[str]]:
    """By field, as `Response.field`: the commands whose answers lack it."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for field in row.missing_fields:
            found[f"{row.response}.{field}"].add(row.name)
    return found


def entry(known: dict[str, str], field: str) -> str:
    """Under which name a field (`Response.field`) stands in `absent`; "" where it does not."""
    return next((name for name in (field, field.partition(".")[2]) if name in known), "")


def _differences(name: str, fact: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
    api = Verb.by_name[name].api
    if told["isasync"] is not bool(fact.get("async")):
        yield f"isasync is {told['isasync']}"
    if api.resp_key != fact["key"]:
        yield f"the outer key is {api.resp_key}, not {fact['key']}"
    inner = api.job_key or (api.answers.key if api.answers else "")
    if fact.get("inner") and inner and inner != fact["inner"]:
        yield f"the inner key is {inner}, not {fact['inner']}"
    required = {p["name"] for p in told["params"] if p["required"]}
    for more in sorted(required - set(fact.get("required", ()))):
        yield f"{more} is required, in the catalogue it is not"


def main(arguments: list[str]) -> int:
    """Print the comparison."""
    reader = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    reader.add_argument("category", nargs="?", help="only this category, by name what is missing")
    reader.add_argument("--missing", action="store_true", help="by name what is missing, in all categories")
    reader.add_argument("--fields", action="store_true", help="the missing fields, by what would bring them")
    reader.add_argument("--json", action="store_true", help="the totals as JSON")
    given = reader.parse_args(arguments)
    catalogue.load()
    rows = [row for row in compared() if given.category in (None, row.category)]
    if not rows:
        reader.error(f"there is no category {given.category}")
    totals = _totals(rows)
    if given.json:
        print(json.dumps(totals))
        return 0
    if given.fields:
        _print_fields(rows)
        return 0
    for category in sorted({row.category for row in rows}):
        _print_category(category, [row for row in rows if row.category == category], given.missing or given.category is not None)
    print(f"{'all':24} {_line(totals)}")
    if given.category is None:
        own = sorted(set(Verb.by_name) - {row.name for row in rows})
        print(f"{len(own)} commands of our own: {', '.join(own)}")
    return 0


def _print_fields(rows: list[Compared]) -> None:
    known, by = absent(), defaultdict(list)
    for field, commands in sorted(lacking(rows).items()):
        by[known.get(entry(known, field), "NOBODY SAID WHY")].append(f"    {field} ({len(commands)} commands)")
    for what, fields in sorted(by.items()):
        print(what, *fields, sep="\n")


def _totals(rows: list[Compared]) -> dict[str, int]:
    there = [row for row in rows if row.there]
    return {
        "commands": len(there),
        "of_commands": len(rows),
        "params": sum(len(row.params - row.missing_params) for row in there),
        "of_params": sum(len(row.params) for row in there),
        "fields": sum(len(row.fields - row.missing_fields) for row in there),
        "of_fields": sum(len(row.fields) for row in there),
        "differences": sum(len(row.differs) for row in there),
    }


def _line(t: dict[str, int]) -> str:
    parts = [f"{t[name]:4}/{t['of_' + name]:<4} {name}" for name in ("commands", "params", "fields")]
    return "  ".join(parts) + f"  {t['differences']:3} differences"


def _print_category(category: str, rows: list[Compared], names: bool) -> None:
    print(f"{category:24} {_line(_totals(rows))}")
    if not names:
        return
    absent = [row.name for row in rows if not row.there]
    if absent:
        print(f"    no command   {', '.join(absent)}")
    for row in rows:
        for what, missing in (("no parameter", row.missing_params), ("no field", row.missing_fields)):
            if missing:
                print(f"    {row.name}: {what} {', '.join(sorted(missing))}")
        for difference in row.differs:
            print(f"    {row.name}: {difference}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
