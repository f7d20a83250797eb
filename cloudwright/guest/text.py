"""Values on their way into a configuration file, and files on their way onto the disk."""

from __future__ import annotations

import os
import re

from cloudwright.guest.failure import Failed

_TOKEN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/-]*")


def token(value: object) -> str:
    """The value as one word of a configuration file. Raises Failed when it could say more than that."""
    word = str(value)
    if not _TOKEN.fullmatch(word):
        raise Failed(f"{word!r} cannot stand in a configuration file")
    return word


def write(path: str, text: str, mode: int = 0o644) -> bool:
    """Replace a file in one move and tell whether its text is another now."""
    if read(path) == text:
        return False
    part = path + ".part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    os.replace(part, path)
    return True


def read(path: str) -> str:
    """A file's text, empty when there is no such file."""
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""
