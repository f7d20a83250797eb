"""Changing and deleting network offerings, and what offerings can be made of."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure.offered import reoffer
from cloudwright.network.model import Network, NetworkOffering
from cloudwright.network.offering.view import NetworkOfferingView
from cloudwright.operations.paging import Paged, cut

ISOLATION = ("VLAN", "VXLAN")


class UpdateNetworkOffering(Command, answers=NetworkOfferingView, event="NETWORK.OFFERING.EDIT"):
    """Changes a network offering. Its services stay as they are: networks rely on them."""

    id: Ref[NetworkOffering] = param("the offering", use=Use.CHANGE, optional_in_api=True)
    name: str | None = param("a new name")
    display_text: str | None = param("a new description")
    availability: str | None = param("Optional, or Required", choices=("Optional", "Required"))
    sort_key: int | None = param("where it stands in lists")
    state: str | None = param("Enabled or Disabled", choices=("Enabled", "Disabled"))
    keep_alive_enabled: bool | None = param("whether its load balancer keeps connections")
    max_connections: int | None = param("connections of its load balancer")
    tags: str | None = param("tags of the physical networks it wants", length=4096)
    domainid: str | None = param("the domains it shall be for, comma-separated; public for everybody", length=4096)
    zoneid: str | None = param("the zones it shall be for, comma-separated; all for all", length=4096, since="4.13")

    def run(self, tx: Tx, caller: Caller) -> NetworkOffering:
        if self.keep_alive_enabled or self.max_connections is not None:
            raise ParamError("Parameter maxconnections: load balancing is not built yet", param="maxconnections")
        values: dict[str, object] = {
            "name": self.name, "display_text": self.display_text, "sort_key": self.sort_key, "tags": self.tags,
            "availability": self.availability and self.availability.capitalize(),
            "state": self.state and self.state.capitalize(),
        }  # fmt: skip
        values = {name: value for name, value in values.items() if value is not None}
        tx.update(self.id, **values)
        reoffer(tx, caller, self.id, self.domainid, self.zoneid)
        return self.id


class DeleteNetworkOffering(Command, event="NETWORK.OFFERING.DELETE"):
    """Deletes a network offering that no network has."""

    id: Ref[NetworkOffering] = param("the offering", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        if self.id.is_default:
            text = f"Network offering {self.id.name} came with the installation and stays"
            raise ParamError(text, param="id", fix=["disable it with updateNetworkOffering state=Disabled"])
        used = tx.count(Network, Network.c.offering_id == self.id.id)
        if used:
            raise InUse(
                f"Network offering {self.id.name} is in use", param="id", why=[f"{used} networks have it"],
                fix=["disable it with updateNetworkOffering state=Disabled: networks keep it, new ones cannot have it"],
            )  # fmt: skip
        tx.remove(self.id)
        return Success()


class ListNetworkIsolationMethods(Paged, Query, response={"name": ("string", "the isolation method")}):
    """Lists how guest networks can be kept apart."""

    keyword: str | None = param("only those in whose name this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        names = [name for name in ISOLATION if (self.keyword or "").lower() in name.lower()]
        return Told("isolationmethod", [{"name": name} for name in cut(self, names, reader)], len(names))
