"""The one pattern that names of volumes, templates, pools and images obey: a letter, a dash, a uuid or the like.

Names become file names, so nothing that means something to a path can be in them.
"""

from __future__ import annotations

import re

from cloudwright.drivers.error import Refused

NAME = re.compile(r"[a-z]-[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


def checked(name: str) -> str:
    """The name itself. Raises Refused when it is not one."""
    if not NAME.fullmatch(name):
        raise Refused(f"{name[:80]!r} is not a name of the form <letter>-<uuid>")
    return name
