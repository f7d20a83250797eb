"""Regions: this installation, and others that it tells clients of."""

from __future__ import annotations

from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import param
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, computed, field
from cloudwright.infrastructure.model import Region

HERE = 1
"""The number of the region that this installation is."""


class RegionView(View, of=Region, key="region"):
    """A region."""

    id = field(Region.c.number, "the region's number", "integer")
    name = field(Region.c.name, "its name")
    endpoint = field(Region.c.end_point, "the address of its API")
    gslbserviceenabled = computed(lambda row, caller: False, "whether it balances load between regions", "boolean")
    portableipserviceenabled = computed(lambda row, caller: False, "whether addresses move between zones", "boolean")


class ListRegions(List, answers=RegionView, keywords=[Region.c.name]):
    """Lists regions."""

    id: int | None = where(Region.c.number, "only this one")
    name: str | None = where(Region.c.name, "only the one of this name")


class AddRegion(Command, answers=RegionView):
    """Makes another region known."""

    id: int = param("its number, the same in all regions", minimum=1)
    name: str = param("its name")
    end_point: str = param("the address of its API")

    def run(self, tx: Tx, caller: Caller) -> Region:
        there = tx.find(Region, Region.c.number == self.id)
        if there is not None:
            text = f"Parameter id: region {self.id} is there already, as {there.name}"
            raise ParamError(text, param="id", fix=["give another number", "or change that one (updateRegion)"])
        return tx.insert(Region(number=self.id, name=self.name, end_point=self.end_point))


class UpdateRegion(Command, answers=RegionView):
    """Changes a region's name or address."""

    id: int = param("its number")
    name: str | None = param("its new name")
    end_point: str | None = param("the new address of its API")

    def run(self, tx: Tx, caller: Caller) -> Region:
        row = _numbered(tx, self.id)
        tx.update(row, name=self.name or row.name, end_point=row.end_point if self.end_point is None else self.end_point)
        return row


class RemoveRegion(Command):
    """Forgets a region."""

    id: int = param("its number")

    def run(self, tx: Tx, caller: Caller) -> Success:
        row = _numbered(tx, self.id)
        if row.number == HERE:
            raise InUse(f"Region {row.name} cannot be removed: it is this installation", param="id")
        tx.remove(row)
        return Success()


def _numbered(tx: Tx, number: int) -> Region:
    row = tx.find(Region, Region.c.number == number)
    if row is None:
        raise ParamError(f"Parameter id: there is no region {number}", param="id")
    return row
