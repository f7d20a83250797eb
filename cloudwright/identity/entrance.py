"""How a command that signs somebody in or out says so to the HTTP face."""

from __future__ import annotations

from typing import Any

from cloudwright.core.command import Flat
from cloudwright.identity.model import User


class Entrance(Flat):
    """What the face shall do beside answering `body`."""

    body: dict[str, Any] = {}
    user: User | None = None  # open a session of theirs; the answer tells of them
    origin: str = ""  # see LoginSession
    told: str = ""
    redirect: str = ""  # send the browser there: one of our settings or of a registered provider, never what a caller gave
    browser: str = ""  # to be kept by the browser for a few minutes, and seen in Caller.browser
    leaves: bool = False  # end the session
    shown: bool = False  # a page of ours reads who signed in from cookies
    key_path: str = ""  # of the cookie `sessionkey`
