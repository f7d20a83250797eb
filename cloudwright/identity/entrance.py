"""How a command that signs somebody in or out says so to the HTTP face."""

from __future__ import annotations

from typing import Any

from cloudwright.core.command import Flat
from cloudwright.identity.model import User

LOGIN = {
    "username": ("string", "the user's name"),
    "userid": ("string", "the user"),
    "domainid": ("string", "its domain"),
    "account": ("string", "its account"),
    "firstname": ("string", "its first name"),
    "lastname": ("string", "its last name"),
    "type": ("string", "the type of its account"),
    "timezone": ("string", "its time zone"),
    "timezoneoffset": ("string", "how many hours that is from UTC now"),
    "registered": ("string", "always false"),
    "timeout": ("integer", "seconds after which an idle session ends"),
    "sessionkey": ("string", "what each call of the session shows"),
    "is2faenabled": ("string", "whether a second factor is asked for"),
    "is2faverified": ("string", "whether none is due in this session"),
    "providerfor2fa": ("string", "which second factor that is"),
    "issuerfor2fa": ("string", "what authenticator apps call this cloud"),
    "managementserverid": ("string", "the server that answered, for root"),
    "passwordchangerequired": ("boolean", "whether the password must be changed first"),
}
"""What is told to whoever is signed in."""


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
