"""How tasks use an image store: opened first where its driver does not know it yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cloudwright.core.task import Task
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.images.contract import ImageStore as ImageDriver
from cloudwright.storage.model import ImageStore

T = TypeVar("T")


def in_store(task: Task, store: ImageStore, act: Callable[[ImageDriver], T]) -> T:
    """Do something with an image store."""
    driver = task.reach(ImageDriver, store)
    try:
        return act(driver)
    except NotThere:
        driver.open(store.path or f"/simulated/{store.uuid}")
        return act(driver)
