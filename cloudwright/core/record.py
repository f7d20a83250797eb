"""Jobs of commands that only change rows. Clients expect a job of them; its work was done when the command was accepted."""

from __future__ import annotations

from cloudwright.core.resource import Resource
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx


class Record(Task, rank=5):
    """Says what the command did. If it cannot even be said, what the command made is taken back."""

    made: str = ""  # the kind of row that the command made, if it made one
    id: int = 0
    what: str

    @step
    def recorded(self, tx: Tx) -> None:
        self.say(self.what)

    @recorded.undo
    def unmade(self, tx: Tx) -> None:
        if self.made:
            kind = Resource.by_name[self.made]
            row = tx.find(kind, kind.c.id == self.id)
            if row is not None:
                tx.remove(row)


def created(row: Resource, what: str) -> Record:
    """The job of a command that made a row."""
    return Record(made=row.kind, id=row.id, what=what)


def changed(what: str) -> Record:
    """The job of a command that changed or removed one."""
    return Record(what=what)
