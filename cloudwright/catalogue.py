"""All commands, tasks, views and tables: importing every module of the core and the domain packages declares them."""

from __future__ import annotations

import functools
import importlib
import pkgutil

DOMAINS = ("identity", "infrastructure", "compute", "storage", "network", "operations")


@functools.cache
def load() -> None:
    """Import every module of them, once."""
    for domain in ("core", *DOMAINS):
        package = importlib.import_module(f"cloudwright.{domain}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
