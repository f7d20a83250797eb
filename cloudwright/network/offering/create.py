"""Making a network offering: which services its networks have, and who provides them."""

from __future__ import annotations

from collections.abc import Mapping

from cloudwright.compute.model import ServiceOffering
from cloudwright.core.access import Caller
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Domain
from cloudwright.infrastructure.model import Zone
from cloudwright.infrastructure.offered import offer
from cloudwright.network.model import NetworkOffering
from cloudwright.network.offering.view import NetworkOfferingView
from cloudwright.network.services import CAPABILITIES, NOT_BUILT, ROUTER, WITHOUT

_NEEDS = {"StaticNat": "SourceNat", "PortForwarding": "SourceNat", "Firewall": "SourceNat", "SourceNat": "Dhcp"}
_UNBUILT = {
    "for_nsx": "NSX", "provider": "further providers", "nsx_support_lb": "NSX", "nsx_supports_internal_lb": "NSX",
    "network_mode": "routed networks", "for_tungsten": "Tungsten Fabric", "specify_as_number": "BGP", "routing_mode": "BGP",
    "for_vpc": "VPCs", "keep_alive_enabled": "load balancing", "max_connections": "load balancing",
}  # fmt: skip


class CreateNetworkOffering(Command, answers=NetworkOfferingView, event="NETWORK.OFFERING.CREATE"):
    """Makes a network offering, disabled unless enable says otherwise."""

    traffic_type: str = param("what its networks carry: Guest", choices=("Guest",))
    guest_ip_type: str = param("Isolated, Shared or L2", choices=("Isolated", "Shared", "L2"))
    name: str = param("its name")
    display_text: str | None = param("its description; the name by default")
    tags: str | None = param("tags of the physical networks it wants", length=4096)
    specify_vlan: bool = param("whether the VLAN is asked for when a network is made", default=False)
    availability: str = param("Optional, or Required", default="Optional", choices=("Optional", "Required"))
    network_rate: int | None = param("Mb/s of its networks", minimum=0)
    conserve_mode: bool = param("whether one public address may serve several purposes", default=True)
    service_offering: Ref[ServiceOffering] | None = param("the service offering of its routers, where they are system VMs")
    internet_protocol: str = param("IPv4", default="IPv4", since="4.17.0")
    supported_services: list[str] | None = param("its services")
    service_provider_list: dict[str, str] | None = param(
        "who provides each service", style="fields", keys=("service", "provider")
    )
    service_capability_list: dict[str, str] | None = param(
        "what services can", style="fields", keys=("service", "capabilitytype", "capabilityvalue")
    )
    specify_ip_ranges: bool = param("whether the addresses are asked for when a network is made", default=False)
    is_persistent: bool = param("whether networks are implemented without machines", default=False)
    details: dict[str, str] | None = param("further settings", style="free", since="4.2.0")
    egress_default_policy: bool = param("whether guests may send out where no rule says otherwise", default=False)
    domainid: list[Ref[Domain]] | None = param("the domains it is for; everybody by default", wire_name="domainid")
    zoneid: list[Ref[Zone]] | None = param("the zones it is for; all by default", wire_name="zoneid", since="4.13")
    enable: bool = param("true: it may be used at once", default=False, since="4.16")
    for_vpc: bool | None = param("whether it is for tiers of VPCs")
    keep_alive_enabled: bool | None = param("whether its load balancer keeps connections")
    max_connections: int | None = param("connections of its load balancer")
    for_nsx: bool | None = param("whether NSX provides it", since="4.20.0")
    provider: str | None = param("another provider of its networks", since="4.21.0")
    nsx_support_lb: bool | None = param("whether NSX balances load", since="4.20.0")
    nsx_supports_internal_lb: bool | None = param("whether NSX balances load inside", since="4.20.0")
    network_mode: str | None = param("NATTED or ROUTED", since="4.20.0")
    for_tungsten: bool | None = param("whether Tungsten Fabric provides it")
    specify_as_number: bool | None = param("whether an AS number is asked for", since="4.20.0")
    routing_mode: str | None = param("Static or Dynamic", since="4.20.0")

    def run(self, tx: Tx, caller: Caller) -> NetworkOffering:
        self._refuse_unbuilt()
        kind = next(k for k in ("Isolated", "Shared", "L2") if k.lower() == self.guest_ip_type.lower())
        services = self._services(kind)
        made = tx.insert(
            NetworkOffering(
                name=self.name, display_text=self.display_text or self.name, guest_type=kind, services=services,
                capabilities=self._capabilities(services), state="Enabled" if self.enable else "Disabled",
                availability=self.availability.capitalize(), specify_vlan=self.specify_vlan, tags=self.tags or "",
                specify_ip_ranges=self.specify_ip_ranges, conserve_mode=self.conserve_mode, persistent=self.is_persistent,
                egress_allow=self.egress_default_policy, rate=self.network_rate, details=self.details or {},
                zone_ids=[zone.uuid for zone in self.zoneid or ()],
                service_offering_id=self.service_offering.id if self.service_offering else None,
            )
        )  # fmt: skip
        return offer(tx, made, self.domainid or [])

    def _refuse_unbuilt(self) -> None:
        for name, what in _UNBUILT.items():
            given = self.__dict__[name]
            if given not in (None, False, "") and not (name == "network_mode" and str(given).upper() == "NATTED"):
                wire_name = name.replace("_", "")
                raise ParamError(f"Parameter {wire_name}: {what} is not built yet", param=wire_name)
        if self.internet_protocol.lower() != "ipv4":
            raise ParamError(
                f"Parameter internetprotocol: {self.internet_protocol[:32]!r} is not built yet; networks are IPv4",
                param="internetprotocol",
            )

    def _services(self, kind: str) -> dict[str, str]:
        named = {service_name(name): "" for name in self.supported_services or ()}
        entries: list[Mapping[str, str]] = self.service_provider_list or []  # type: ignore[assignment] # of style fields
        for entry in entries:
            service, provider = service_name(entry.get("service", "")), entry.get("provider", "")
            if provider.lower() != ROUTER.lower():
                raise ParamError(
                    f"Parameter serviceproviderlist: provider {provider[:64]!r} of {service} is not built; {ROUTER} is",
                    param="serviceproviderlist",
                )
            named.setdefault(service, "")
        if kind == "L2" and named:
            raise ParamError("Parameter supportedservices: an L2 network has no services", param="supportedservices")
        if kind == "Shared" and "SourceNat" in named:
            raise ParamError("Parameter supportedservices: a shared network has no SourceNat", param="supportedservices")
        for service in named:
            need = _NEEDS.get(service)
            if need and need not in named:
                raise ParamError(f"Parameter supportedservices: {service} needs {need}, too", param="supportedservices")
        return dict.fromkeys(named, ROUTER)

    def _capabilities(self, services: Mapping[str, str]) -> dict[str, dict[str, str]]:
        chosen: dict[str, dict[str, str]] = {}
        entries: list[Mapping[str, str]] = self.service_capability_list or []  # type: ignore[assignment] # of style fields
        for entry in entries:
            service = service_name(entry.get("service", ""))
            name, value = entry.get("capabilitytype", ""), entry.get("capabilityvalue", "")
            if service not in services:
                text = f"Parameter servicecapabilitylist: {service} is not among the services"
                raise ParamError(text, param="servicecapabilitylist")
            if (service, name.lower()) in WITHOUT and value.lower() == "false":
                continue
            known = {key.lower(): key for key in CAPABILITIES[service]}
            key = known.get(name.lower(), "")
            only = CAPABILITIES[service].get(key, "")
            if not key or only.lower() != value.lower():
                has = [f"{key}={value}" for key, value in CAPABILITIES[service].items()]
                text = f"Parameter servicecapabilitylist: {service} cannot have {name[:64]}={value[:64]}"
                raise ParamError(text, param="servicecapabilitylist", why=[f"it has {', '.join(has) or 'no capabilities'}"])
            chosen.setdefault(service, {})[key] = only
        return chosen


def service_name(text: str) -> str:
    """A service's name as the API writes it. Raises ParamError for what is unknown or not built."""
    known = {name.lower(): name for name in CAPABILITIES}
    if text.lower() in known:
        return known[text.lower()]
    unbuilt = {name.lower(): what for name, what in NOT_BUILT.items()}
    if text.lower() in unbuilt:
        what = f"Parameter supportedservices: {text}: {unbuilt[text.lower()]} is not built yet"
    else:
        what = f"Parameter supportedservices: there is no service {text[:64]!r}"
    raise ParamError(what, param="supportedservices", why=[f"services are {', '.join(CAPABILITIES)}"])
