"""Alembic's way in: the connection comes from whoever runs it, the wished schema from the tables."""

from __future__ import annotations

from typing import Any

from alembic import context

from cloudwright import catalogue
from cloudwright.core.resource import BigId, Gone, Json, Long, Sealed, Seconds, metadata
from cloudwright.core.search import PREFIX

NAMED = {id(BigId): "BigId", id(Long): "Long", id(Seconds): "Seconds"}
STORED = {Json: "Long", Sealed: "sa.Text()", Gone: "sa.BigInteger()"}


def render(kind: str, item: Any, autogen: Any) -> Any:
    """Our types by the names that migrations may use: those of core/resource.py that will not change."""
    if kind != "type":
        return False
    name = NAMED.get(id(item)) or next((name for ours, name in STORED.items() if isinstance(item, ours)), None)
    if name is None:
        return False
    if not name.startswith("sa."):
        autogen.imports.add(f"from cloudwright.core.resource import {name}")
    return name


def ours(_: Any, name: str | None, *__: Any) -> bool:
    """What is made beside the tables to search them is no part of a version."""
    return not (name or "").startswith(PREFIX)


catalogue.load()
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_item=render, transactional_ddl=False,
    include_object=ours,
)  # fmt: skip
context.run_migrations()
