"""Parameters that the API has and this platform has not yet: given, they are refused with a sentence, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def not_built(what: str) -> Callable[[Any], str | None]:
    """The check of a parameter that asks for `what`. False asks for nothing."""
    return lambda value: None if value is False else f"cannot be given: {what} are not there yet"
