"""What commands that archive or delete rows of a log have in common: which rows are meant, and that some must be named."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use, rule
from cloudwright.core.command import Verb
from cloudwright.core.error import ParamError
from cloudwright.core.param import param
from cloudwright.core.resource import Resource, Seconds


class Span(Verb):
    """Rows between two times, of one type."""

    end_date: datetime.datetime | None = param("those before then; a day means its end")
    start_date: datetime.datetime | None = param("those since then, given with enddate")
    type_: str | None = param("those of this type")


def named(command: Span, of: type[Resource], ids: list[Any], type_: sa.ColumnElement[bool] | None, caller: Caller) -> Any:
    """The condition on the rows a command names, and what it binds. Raises ParamError when none are named."""
    if not ids and type_ is None and command.end_date is None:
        raise ParamError("Either ids, type or enddate must be given: otherwise all would be meant", param="ids")
    if command.start_date is not None and command.end_date is None:
        raise ParamError("Parameter startdate was given without enddate", param="enddate")
    conditions = [of.c.gone == 0, *([of.c.id.in_([row.id for row in ids])] if ids else []), *([] if type_ is None else [type_])]
    for bound, test in ((command.end_date, of.c.created.__le__), (command.start_date, of.c.created.__ge__)):
        if bound is not None:
            conditions.append(test(sa.literal(bound.timestamp(), Seconds)))
    allowed = rule(of, caller.kind, Use.CHANGE)
    return sa.and_(*conditions, *([] if allowed is None else [allowed]))
