"""What a new installation starts with: each domain's own, in the order in which they need one another."""

from __future__ import annotations

import importlib
import importlib.util

from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx

ORDER = ("identity", "infrastructure", "storage", "compute", "network", "operations")


def seed(tx: Tx) -> Secret | None:
    """Store what is missing. Answers the admin's password when one was made up: it must be shown to the operator, once."""
    password: Secret | None = None
    for domain in ORDER:
        name = f"cloudwright.{domain}.seed"
        if importlib.util.find_spec(name) is not None:
            password = importlib.import_module(name).seed(tx) or password
    return password
