"""Providers of network services on a physical network, and the virtual router elements that the zone wizard enables."""

from __future__ import annotations

from typing import Any

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError, WrongState
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import PhysicalNetwork, Provider
from cloudwright.infrastructure.service import ROUTERS, SERVICES
from cloudwright.infrastructure.zone import STATES
from cloudwright.network.model import Network


class ProviderView(
    View, of=Provider, key="networkserviceprovider",
    joins=[(PhysicalNetwork, PhysicalNetwork.c.id == Provider.c.physical_network_id)],
):  # fmt: skip
    """A provider on a physical network."""

    id = field(Provider.c.uuid, "the provider's id")
    name = field(Provider.c.name, "its name")
    physicalnetworkid = field(PhysicalNetwork.c.uuid, "the physical network")
    state = field(Provider.c.state, "Enabled or Disabled")
    servicelist = field(Provider.c.services, "the services that it provides", "list")
    canenableindividualservice = computed(lambda row, caller: True, "whether services can be chosen", "boolean")


class ListNetworkServiceProviders(List, answers=ProviderView, keywords=[Provider.c.name]):
    """Lists providers of network services."""

    physical_network: Ref[PhysicalNetwork] | None = where(Provider.c.physical_network_id, "only those of this physical network")
    name: str | None = where(Provider.c.name, "only those of this name")
    state: str | None = where(Provider.c.state, "only those in this state")


class AddNetworkServiceProvider(Command, answers=ProviderView, event="SERVICE.PROVIDER.CREATE", starts=Record, creates=Provider):
    """Adds a provider to a physical network, disabled."""

    physical_network: Ref[PhysicalNetwork] = param("the physical network", use=Use.CHANGE)
    name: str = param("the provider", choices=list(SERVICES))
    service_list: list[str] = param("only these of its services", default=[])
    destination_physical_network: str | None = param(
        "where bridged traffic goes", wire_name="destinationphysicalnetworkid", kind="uuid", check=not_built("bridged providers")
    )

    def run(self, tx: Tx, caller: Caller) -> Provider:
        name = next(known for known in SERVICES if known.lower() == self.name.lower())
        services = _services(name, self.service_list)
        row = tx.insert(Provider(physical_network_id=self.physical_network.id, name=name, services=services))
        self.start(tx, created(row, f"{name} is on physical network {self.physical_network.name}"), row, caller)
        return row


class UpdateNetworkServiceProvider(Command, answers=ProviderView, event="SERVICE.PROVIDER.UPDATE", starts=Record):
    """Enables or disables a provider, or changes which services it provides."""

    id: Ref[Provider] = param("the provider", use=Use.CHANGE)
    state: str | None = param("Enabled or Disabled", choices=[*STATES, "Shutdown"])
    service_list: list[str] | None = param("the services that it provides")

    def run(self, tx: Tx, caller: Caller) -> Provider:
        row = self.id
        state = row.state if self.state is None else "Enabled" if self.state.lower() == "enabled" else "Disabled"
        if state == "Enabled" and row.name in ROUTERS and not row.element_enabled:
            text = f"Provider {row.name} cannot be enabled: its virtual router element is not enabled"
            raise WrongState(
                text, param="state", fix=[f"enable that element first (configureVirtualRouterElement id={row.uuid} enabled=true)"]
            )
        services = row.services if self.service_list is None else _services(row.name, self.service_list)
        tx.update(row, state=state, services=services)
        self.start(tx, changed(f"provider {row.name} is {state.lower()}"), row, caller)
        return row


class DeleteNetworkServiceProvider(Command, event="SERVICE.PROVIDER.DELETE", starts=Record):
    """Removes a provider from a physical network on which there are no guest networks."""

    id: Ref[Provider] = param("the provider", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        row = self.id
        networks = tx.count(Network, Network.c.physical_network_id == row.physical_network_id)
        if networks:
            raise InUse(f"Provider {row.name} may be in use: {networks} networks are on its physical network", param="id")
        tx.remove(row)
        self.start(tx, changed(f"provider {row.name} is gone"), row, caller)
        return Success()


class VirtualRouterElementView(View, of=Provider, key="virtualrouterelement"):
    """Whether a provider's appliances may be made. It has the provider's own id."""

    id = field(Provider.c.uuid, "the element's id")
    nspid = field(Provider.c.uuid, "the provider")
    enabled = field(Provider.c.element_enabled, "whether its appliances may be made")


class ListVirtualRouterElements(List, answers=VirtualRouterElementView):
    """Lists virtual router elements."""

    id: str | None = where(Provider.c.uuid, "only this one", kind="uuid")
    nsp: Ref[Provider] | None = where(Provider.c.id, "only that of this provider")
    enabled: bool | None = where(Provider.c.element_enabled, "only those that are enabled, or not")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [("routers", Provider.c.name.in_(ROUTERS), {})]


class CreateVirtualRouterElement(
    Command, answers=VirtualRouterElementView, event="SERVICE.PROVIDER.CREATE", starts=Record, creates=Provider
):
    """Answers the element of a provider: each virtual router has one from the beginning."""

    nsp: Ref[Provider] = param("the provider", use=Use.CHANGE)
    provider_type: Ref[Provider] | None = param("the same provider again", wire_name="providertype")

    def run(self, tx: Tx, caller: Caller) -> Provider:
        _check_router(self.nsp)
        if self.provider_type is not None and self.provider_type.id != self.nsp.id:
            raise ParamError(f"Parameter providertype: it is not {self.nsp.name}, which nspid names", param="providertype")
        self.start(tx, changed(f"the element of {self.nsp.name} is there"), self.nsp, caller)
        return self.nsp


class ConfigureVirtualRouterElement(Command, answers=VirtualRouterElementView, event="NETWORK.ELEMENT.CONFIGURE", starts=Record):
    """Says whether a provider's appliances may be made."""

    id: Ref[Provider] = param("the element", use=Use.CHANGE)
    enabled: bool = param("whether they may")

    def run(self, tx: Tx, caller: Caller) -> Provider:
        _check_router(self.id)
        if not self.enabled and self.id.state == "Enabled":
            text = f"The element of {self.id.name} cannot be disabled: its provider is enabled"
            raise WrongState(
                text, param="enabled", fix=["disable the provider first (updateNetworkServiceProvider with state=Disabled)"]
            )
        tx.update(self.id, element_enabled=self.enabled)
        self.start(tx, changed(f"the element of {self.id.name} is {'enabled' if self.enabled else 'disabled'}"), self.id, caller)
        return self.id


def _check_router(row: Provider) -> None:
    if row.name not in ROUTERS:
        raise ParamError(f"Provider {row.name} has no virtual router element; {' and '.join(ROUTERS)} have one", param="id")


def _services(name: str, wanted: list[str]) -> list[str]:
    """The wanted services in their own spelling, or all. Raises ParamError for one that the provider cannot do."""
    known = {service.lower(): service for service in SERVICES[name]}
    unknown = [service for service in wanted if service.lower() not in known]
    if unknown:
        all_ = ", ".join(sorted(SERVICES[name]))
        text = f"Parameter servicelist: {name} does not provide {', '.join(unknown)}; it provides {all_}"
        raise ParamError(text, param="servicelist")
    return sorted({known[service.lower()] for service in wanted}) or sorted(SERVICES[name])
