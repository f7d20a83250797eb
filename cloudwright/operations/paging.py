"""Pages of answers that are no rows of the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from cloudwright.core.command import Verb
from cloudwright.core.error import ParamError
from cloudwright.core.listing import PAGE_SIZE
from cloudwright.core.param import param
from cloudwright.core.tx import Reader

T = TypeVar("T")


class Paged(Verb):
    """The parameters by which a page is asked for."""

    page: int | None = param("which page, from 1; given together with pagesize", minimum=1)
    page_size: int | None = param("how many on a page; -1 alone means all", minimum=-1)


def cut(command: Paged, rows: Sequence[T], reader: Reader) -> Sequence[T]:
    """The page that was asked for. Raises ParamError as lists do."""
    if command.page is None and command.page_size == -1:
        return rows
    if (command.page is None) != (command.page_size is None):
        given, other = ("page", "pagesize") if command.page_size is None else ("pagesize", "page")
        raise ParamError(f"Parameter {given} was given without {other}; they belong together", param=other)
    most = PAGE_SIZE.get(reader)
    if command.page is None or command.page_size is None:
        return rows[:most]
    if not 0 < command.page_size <= most:
        raise ParamError(f"Parameter pagesize: {command.page_size} is not between 1 and {most}", param="pagesize")
    return rows[(command.page - 1) * command.page_size :][: command.page_size]
