"""Answers in the form that was asked for. All but `default` are stable: scripts may read them.

`json` is the answer as CloudMonkey prints it, `yaml` the same. `table` shows the telling columns of a list, or the fields of one
object; `wide` all columns, `column` the same without a header. `text` is one `field = value` a line, `csv` has a header.
`default` is `table` on a terminal and `json` elsewhere.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from cloudwright.cw.failure import Wrong
from cloudwright.cw.names import rows_of

TELLING = (
    "id", "name", "username", "displayname", "state", "resourcestate", "allocationstate", "status", "networktype", "type",
    "rolename", "email", "value", "capacityused", "capacitytotal", "percentused", "ipaddress", "account", "project",
    "zonename", "hostname", "templatename", "serviceofferingname", "cpunumber", "cpuspeed", "memory", "disksize", "size",
    "protocol", "publicport", "privateport", "cidr", "level", "description", "displaytext", "created",
)  # fmt: skip
"""Columns of a table, in the order of how much they tell."""
LONGEST = 60  # characters of a table's cell
LEAST = 12  # characters that a cell keeps, however narrow the terminal
MOST = 7  # columns of a table
EMPTY: tuple[Any, ...] = ("", None, [], {})
Row = dict[str, Any]


def queried(answer: Any, query: str) -> Any:
    """What a JMESPath query finds in an answer. Raises Wrong."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(query, answer)
    except JMESPathError as error:
        raise Wrong(f"--query {query!r} is no JMESPath: {error}") from None


def filtered(answer: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """The answer with only these fields of its objects, in this order. A field may go deeper: `nic.ipaddress`."""
    rows = rows_of(answer)
    if not rows:
        return answer
    kept = [{field: value for field in fields if (value := _deep(row, field.split("."))) is not None} for row in rows]
    if rows[0] is answer:
        return kept[0]
    key = next(key for key, value in answer.items() if value is rows or value is rows[0])
    return answer | {key: kept if isinstance(answer[key], list) else kept[0]}


def _deep(value: Any, path: list[str]) -> Any:
    if not path:
        return value
    if isinstance(value, list):
        found = [inner for entry in value if (inner := _deep(entry, path)) is not None]
        return found or None
    return _deep(value.get(path[0]), path[1:]) if isinstance(value, dict) else None


class Layout(NamedTuple):
    """What a table is to have: the fields that were asked for, else the columns that tell most of such things; and how many
    characters a line may have, 0 for any number."""

    fields: list[str] = []
    columns: list[str] = []
    width: int = 0


def written(answer: Any, form: str, layout: Layout = Layout()) -> str:  # noqa: B008  it never changes
    """An answer as text, without a last line feed; "" where a list is empty and the form has no way to say so."""
    if form == "json":
        return json.dumps(answer, indent=2, ensure_ascii=False)
    if form == "yaml":
        return _yaml(answer)
    rows = _rows(answer)
    if not all(isinstance(row, dict) for row in rows):
        return "\n".join(map(cell, rows))
    many = (isinstance(answer, dict) and "count" in answer) or isinstance(answer, list)
    return _table(rows, layout, many) if form == "table" else _FORMS[form](rows, layout.fields)


def _rows(answer: Any) -> list[Any]:
    if isinstance(answer, dict):
        return rows_of(answer)
    return answer if isinstance(answer, list) else [] if answer is None else [answer]


def cell(value: Any) -> str:
    """A value on one line: lists by commas, objects by their names or in JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(cell, value))
    if isinstance(value, dict):
        named = value.get("name") or value.get("ipaddress")
        return str(named) if named else json.dumps(value, ensure_ascii=False)
    return str(value)


def _columns(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(field for row in rows for field in row))


def _telling(rows: list[Row]) -> list[str]:
    """The columns worth a table: known to be telling, not empty everywhere; else the first plain ones."""
    there = [field for field in _columns(rows) if any(row.get(field) not in EMPTY for row in rows)]
    plain = [field for field in there if not any(isinstance(row.get(field), dict | list) for row in rows)]
    known = [field for field in TELLING if field in plain]
    others = [field for field in plain if field not in known and not field.endswith("id")]
    return (known if len(known) >= 3 else known + others)[:MOST] or there


def _lines(rows: list[Row], fields: list[str]) -> list[list[str]]:
    """The cells of a table, its header first."""
    return [[field.upper() for field in fields], *([cell(row.get(field)).replace("\n", " ") for field in fields] for row in rows)]


def _grid(lines: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _cut(lines: list[list[str]], width: int) -> list[list[str]]:
    """The cells, none longer than LONGEST, and where `width` is given short enough for it; an id is cut by nobody."""
    whole = [title.endswith("ID") for title in lines[0]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    longest = LONGEST
    while width and longest > LEAST and _wide_as(widths, whole, longest) > width:
        longest -= 1
    return [[text if keep else _short(text, longest) for text, keep in zip(line, whole, strict=True)] for line in lines]


def _wide_as(widths: list[int], whole: list[bool], longest: int) -> int:
    return sum(w if keep else min(w, longest) for w, keep in zip(widths, whole, strict=True)) + 2 * (len(widths) - 1)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _table(rows: list[Row], layout: Layout, many: bool) -> str:
    if not rows:
        return ""
    if not many:
        there = [field for field in layout.columns or rows[0] if rows[0].get(field) not in EMPTY]
        shown = layout.fields or there
        width = max(map(len, shown), default=0)
        return "\n".join(f"{field.ljust(width)}  {cell(rows[0].get(field))}".rstrip() for field in shown)
    if layout.fields:
        return "\n".join(_grid(_lines(rows, layout.fields)))
    return "\n".join(_grid(_cut(_lines(rows, layout.columns or _telling(rows)), layout.width)))


def _wide(rows: list[Row], fields: list[str]) -> str:
    return "\n".join(_grid(_lines(rows, fields or _columns(rows)))) if rows else ""


def _column(rows: list[Row], fields: list[str]) -> str:
    return "\n".join(_grid(_lines(rows, fields or _columns(rows))[1:])) if rows else ""


def _text(rows: list[Row], fields: list[str]) -> str:
    return "\n\n".join("\n".join(f"{field} = {cell(row.get(field))}" for field in fields or row) for row in rows)


def _csv(rows: list[Row], fields: list[str]) -> str:
    import csv
    import io

    columns = fields or _columns(rows)
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    if columns:
        writer.writerow(columns)
    writer.writerows([[cell(row.get(field)) for field in columns] for row in rows])
    return made.getvalue().rstrip("\n")


def _yaml(answer: Any) -> str:
    import yaml

    return str(yaml.safe_dump(answer, sort_keys=False, allow_unicode=True, default_flow_style=False)).rstrip("\n")


_FORMS = {"wide": _wide, "column": _column, "text": _text, "csv": _csv}
