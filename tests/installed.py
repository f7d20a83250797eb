"""Installations for tests: made once in a process, then copied.

url = installed(directory)  # of a database on which nothing ran but the installation
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from cloudwright.cloud import Cloud
from cloudwright.drivers.world import MemoryWorld
from tests import databases

KEY = Fernet.generate_key()


def installed(directory: Path, engine: str = "sqlite") -> str:
    """The URL of a new installation's database; an embedded one lies in the directory. Its key is KEY, its server left."""
    return databases.copy(_first(engine), directory)


@functools.cache
def _first(engine: str) -> str:
    directory = Path(tempfile.mkdtemp(dir=databases.roomy()))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    url = databases.fresh(engine, directory)
    cloud = Cloud(url, key=KEY, world=MemoryWorld())
    cloud.install()
    cloud.stop()
    return url
