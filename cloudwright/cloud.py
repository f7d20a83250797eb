"""A server's insides, wired: database, membership, tasks, commands, drivers. `cloudwright.cli` adds the network faces."""

from __future__ import annotations

import logging
from pathlib import Path

from cloudwright import catalogue, migrations
from cloudwright.core import loop, schema, seal, secret, setting
from cloudwright.core.db import Database
from cloudwright.core.engine import Engine, Hook, no_hook
from cloudwright.core.run import Runner
from cloudwright.core.server import Membership, one_by_one
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import Busy, DriverFault, Unreachable
from cloudwright.drivers.world import MemoryWorld, World
from cloudwright.infrastructure.reach import Reach
from cloudwright.operations import outcome

log = logging.getLogger(__name__)


class Cloud:
    """Everything of one server process that is not a network listener."""

    def __init__(
        self,
        url: str,
        *,
        node: str = "one",
        key: bytes | None = None,
        world: World | None = None,
        workers: int = 16,
        hook: Hook = no_hook,
    ) -> None:
        catalogue.load()
        if key is not None:
            secret.use(key)
        self.db = Database(url)
        schema.bring(self.db, migrations.HEAD, migrations.SCRIPTS)
        seal.check(self.db)
        setting.keep_fresh(self.db)
        self.world: World = world or MemoryWorld()
        self.reach = Reach(self.world)
        self.member = Membership(self.db, node)
        self.member.join()
        self.member.each_beat.append(lambda: setting.refresh(self.db))
        transient = (Unreachable, Busy, DriverFault)
        self.engine = Engine(self.db, self.member.id, self.reach, workers=workers, transient=transient, hook=hook)
        self.engine.unreachable = (Unreachable,)
        self.engine.on_end, self.engine.on_stuck = outcome.ended, outcome.stuck
        self.runner = Runner(self.db)

    def install(self) -> secret.Secret | None:
        """What a new installation starts with; on an old one, what it lacks. Answers the admin's password if one was made up."""
        from cloudwright.operations import install

        def seed(tx: Tx) -> secret.Secret | None:
            one_by_one(tx)
            return install.seed(tx)

        return self.db.write(seed)

    def start(self) -> None:
        """Run tasks, those that never end among them."""

        def ensure(tx: Tx) -> None:
            one_by_one(tx)
            loop.ensure(tx)

        self.db.write(ensure)
        self.engine.start()

    def stop(self) -> None:
        """End cleanly: steps that run come to their end, everything else waits for the next start."""
        self.engine.stop()
        self.member.leave()
        self.db.close()

    def kill(self) -> None:
        """End as a killed process does, as far as others can see. For tests."""
        self.member.die()
        self.engine.stop()
        self.db.close()


def master_key(directory: Path) -> bytes:
    """The installation's master key, in a file beside its data."""
    directory.mkdir(parents=True, exist_ok=True)
    return secret.Vault.key_file(directory / "master.key")
