"""Write the migration from the newest version to the tables as they are: `make migration M="what changed"`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cloudwright.core.db import Database
from cloudwright.core.schema import configuration, migrate
from cloudwright.migrations import HEAD, SCRIPTS


def write(message: str) -> None:
    """Compare an empty database, brought to the newest version, with the tables; write the difference as the next version."""
    from alembic import command

    with tempfile.TemporaryDirectory() as directory:
        db = Database(f"sqlite:///{Path(directory) / 'old.db'}")
        following = f"{int(HEAD) + 1:04d}"
        if any(Path(__file__).with_name("versions").glob(f"{HEAD}_*.py")):
            migrate(db, SCRIPTS, "head")
        else:
            following = HEAD
        with db.engine.connect() as connection:
            command.revision(configuration(connection, SCRIPTS), message=message, autogenerate=True, rev_id=following)
        db.close()


if __name__ == "__main__":
    write(" ".join(sys.argv[1:]))
