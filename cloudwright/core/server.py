"""Servers and their leases: who is alive, and whose work is taken over.

A server is a row with an epoch. Each of its write transactions renews `beat` under that epoch, which is heartbeat and fence in
one. Others judge a beat by their own monotonic clock, so clocks need not agree: a beat that stands still for `lease` seconds is a
dead server.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloudwright import __version__
from cloudwright.core.db import Database, Fenced
from cloudwright.core.prepared import Prepared
from cloudwright.core.resource import Resource, column
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Reader, Tx

log = logging.getLogger(__name__)


class Server(Resource, table="server", unique=[("node",)]):
    """A server process, known by its node name across restarts."""

    node: str
    epoch: int = 0
    beat: int = 0
    alive: bool = True
    started: float = 0.0
    address: str = ""  # where other servers reach it: "10.0.0.1:8250"
    stopped: float | None = None  # when it left, or was found dead
    facts: dict[str, str] = column(default={})  # what it ran on when it started: version, system, kernel, processors, booted


_RENEW = Prepared(
    Server.t.update()
    .where(Server.c.id == sa.bindparam("me"), Server.c.epoch == sa.bindparam("mine"))
    .values(beat=sa.bindparam("next"))
)
_LANDED = sa.select(Server.c.beat).where(Server.c.id == sa.bindparam("me")).with_for_update()


def addresses(reader: Reader) -> list[str]:
    """Where the living servers are reached."""
    there = reader.all(Server, Server.c.alive.is_(True), Server.c.address != "")
    return sorted(row.address for row in there)


class Membership:
    """This process as a server: registers, beats, and takes over from the dead."""

    def __init__(self, db: Database, node: str, lease: float = 6.0) -> None:
        self.db, self.node, self.lease = db, node, lease
        self.id = self.epoch = 0
        self._next = 0  # the beat of the transaction that was begun last: no two have the same
        self._seen: dict[int, tuple[int, float]] = {}
        self._looked = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="beat", daemon=True)
        self.each_beat: list[Callable[[], object]] = []

    def join(self) -> None:
        """Register with the next epoch: an older process of this node is fenced, its tasks are free again."""
        try:
            self.db.write(lambda tx: tx.find(Server, Server.c.node == self.node) or tx.insert(Server(node=self.node)))
        except sa.exc.IntegrityError:
            log.debug("another process registered node %s at the same moment", self.node)
        row = self.db.write(self._take_epoch)
        self.id, self.epoch, self._next = row.id, row.epoch, row.beat
        self.db.renew, self.db.landed = self.renew, self.landed
        self._thread.start()

    def _take_epoch(self, tx: Tx) -> Server:
        row = tx.find(Server, Server.c.node == self.node)
        if row is None:
            raise LookupError(f"BUG: server {self.node} vanished (ServersAreNeverRemoved)")
        tx.lock(row)  # another process of this node may start at the same moment
        tx.update(row, epoch=row.epoch + 1, alive=True, started=tx.now, facts=_facts())
        _free_tasks(tx, row.id)
        return row

    def renew(self, connection: Connection) -> None:
        """First in every write transaction."""
        self._next += 1
        if _RENEW.send(connection, {"me": self.id, "mine": self.epoch, "next": self._next}).rowcount != 1:
            raise Fenced(f"server {self.node} was taken over by another")

    def landed(self, connection: Connection) -> bool:
        """Whether the last transaction is durable. While the database still holds it open on a connection that was lost, the lock
        makes us wait."""
        return connection.execute(_LANDED, {"me": self.id}).scalar() == self._next

    def leave(self) -> None:
        """Stop beating and hand back the work, so that nobody waits for the lease to run out."""
        self.die()
        with contextlib.suppress(Fenced):  # then the work was taken already
            self.db.write(lambda tx: self._retire(tx, self.id, self.epoch))

    def die(self) -> None:
        """Stop beating without a word, as a killed process does."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _beat(self) -> None:
        while not self._stop.wait(min(1.0, self.lease / 6)):
            try:
                self.db.write(lambda tx: None)
                self._judge()
                for fn in self.each_beat:
                    fn()
            except Fenced:
                return
            except Exception:
                log.exception("the heartbeat failed; it is tried again")

    def _judge(self) -> None:
        now, looked = time.monotonic(), self._looked
        self._looked = now
        if now - looked > self.lease / 2:
            self._seen.clear()  # this process slept, or the database was away: nobody's silence proves anything
        for row in self.db.read().all(Server, Server.c.alive.is_(True), Server.c.id != self.id):
            beat, since = self._seen.get(row.id, (-1, now))
            if row.beat != beat:
                self._seen[row.id] = (row.beat, now)
            elif now - since > self.lease:
                self.take_over(row)

    def take_over(self, dead: Server) -> None:
        """Fence a dead server and free its tasks."""

        def fence(tx: Tx) -> bool:
            same = (Server.c.id == dead.id, Server.c.epoch == dead.epoch, Server.c.beat == dead.beat)
            if tx.execute(Server.t.update().where(*same).values(alive=False, epoch=dead.epoch + 1, stopped=tx.now)) != 1:
                return False
            _free_tasks(tx, dead.id)
            return True

        if self.db.write(fence):
            log.warning("server %s was silent for %.0f s: its tasks were taken over", dead.node, self.lease)

    @staticmethod
    def _retire(tx: Tx, id: int, epoch: int) -> None:
        tx.execute(Server.t.update().where(Server.c.id == id, Server.c.epoch == epoch).values(alive=False, stopped=tx.now))
        _free_tasks(tx, id)


def _facts() -> dict[str, str]:
    """What this process runs, and on what."""
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        system = platform.system()
    return {
        "version": __version__, "system": system, "kernel": platform.release(), "processors": str(os.cpu_count() or 1),
        "booted": f"{time.time() - time.clock_gettime(time.CLOCK_BOOTTIME):.0f}",
    }  # fmt: skip


def _free_tasks(tx: Tx, owner: int) -> None:
    mine = (TaskRow.c.owner == owner, TaskRow.c.live == 1)
    tx.execute(TaskRow.t.update().where(*mine).values(owner=0))
    tx.signal("task")


def one_by_one(tx: Tx) -> None:
    """Let no two servers do what follows in their transactions side by side: what each does only where it is missing."""
    first = tx.find(Server)
    if first is not None:
        tx.lock(first)
