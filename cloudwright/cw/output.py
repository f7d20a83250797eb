"""Answers in the form that was asked for. All but `default` are stable: scripts may read them.

`json` is the answer as CloudMonkey prints it, `yaml` the same. `table` shows the telling columns of a list, or the fields of one
object; `wide` all columns, `column` the same without a header. `text` is one `field = value` a line, `csv` has a header.
`default` is `table` on a terminal and `json` elsewhere.
"""

from __future__ import annotations

import json
from typing import Any

from cloudwright.cw.failure import Wrong
from cloudwright.cw.names import rows_of

TELLING = (
    "id", "name", "username", "displayname", "state", "resourcestate", "status", "type", "ipaddress", "account", "project",
    "zonename", "hostname", "templatename", "serviceofferingname", "size", "protocol", "publicport", "privateport", "cidr",
    "value", "level", "description", "displaytext", "created",
)  # fmt: skip
"""Columns of a table, in the order of how much they tell."""
LONGEST = 60  # characters of a table's cell
MOST = 7  # columns of a table
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


def written(answer: Any, form: str, fields: list[str] | None = None) -> str:
    """An answer as text, without a last line feed; "" where a list is empty and the form has no way to say so."""
    if form == "json":
        return json.dumps(answer, indent=2, ensure_ascii=False)
    if form == "yaml":
        return _yaml(answer)
    rows = _rows(answer)
    if not all(isinstance(row, dict) for row in rows):
        return "\n".join(map(cell, rows))
    return _FORMS[form](rows, fields or [], (isinstance(answer, dict) and "count" in answer) or isinstance(answer, list))


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
    there = _columns(rows)
    plain = [field for field in there if not any(isinstance(row.get(field), dict | list) for row in rows)]
    known = [field for field in TELLING if field in plain]
    others = [field for field in plain if field not in known and not field.endswith("id")]
    return (known if len(known) >= 3 else known + others)[:MOST] or there


def _grid(rows: list[Row], fields: list[str], longest: int = 0) -> list[str]:
    lines = [[field.upper() for field in fields]]
    for row in rows:
        texts = [cell(row.get(field)).replace("\n", " ") for field in fields]
        lines.append([text if not longest or len(text) <= longest else text[: longest - 1] + "…" for text in texts])
    widths = [max(len(line[i]) for line in lines) for i in range(len(fields))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _table(rows: list[Row], fields: list[str], many: bool) -> str:
    if not rows:
        return ""
    if not many:
        shown = fields or [field for field in rows[0] if rows[0][field] not in ("", None, [], {})]
        width = max(map(len, shown), default=0)
        return "\n".join(f"{field.ljust(width)}  {cell(rows[0].get(field))}".rstrip() for field in shown)
    return "\n".join(_grid(rows, fields or _telling(rows), 0 if fields else LONGEST))


def _wide(rows: list[Row], fields: list[str], many: bool) -> str:
    return "\n".join(_grid(rows, fields or _columns(rows))) if rows else ""


def _column(rows: list[Row], fields: list[str], many: bool) -> str:
    return "\n".join(_grid(rows, fields or _columns(rows))[1:]) if rows else ""


def _text(rows: list[Row], fields: list[str], many: bool) -> str:
    return "\n\n".join("\n".join(f"{field} = {cell(row.get(field))}" for field in fields or row) for row in rows)


def _csv(rows: list[Row], fields: list[str], many: bool) -> str:
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


_FORMS = {"table": _table, "wide": _wide, "column": _column, "text": _text, "csv": _csv}
