"""Making a network offering like another, with services added or dropped."""

from __future__ import annotations

from typing import Any

from cloudwright.compute.model import ServiceOffering
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.model import Zone
from cloudwright.infrastructure.offered import offered_in
from cloudwright.network.model import NetworkOffering
from cloudwright.network.offering.create import CreateNetworkOffering, service_name
from cloudwright.network.offering.view import NetworkOfferingView
from cloudwright.storage.clone import like, unsaid


class CloneNetworkOffering(CreateNetworkOffering, answers=NetworkOfferingView, event="NETWORK.OFFERING.CREATE", since="4.23.0"):
    """Makes a network offering like another: what is not said is taken from that."""

    source_offering: Ref[NetworkOffering] = param("the offering to take after", wire_name="sourceofferingid")
    add_services: list[str] | None = param("services it shall have, too")
    drop_services: list[str] | None = param("services of the other that it shall not have")

    def run(self, tx: Tx, caller: Caller) -> NetworkOffering:
        source = self.source_offering
        if source.system_only:
            raise ParamError(f"Parameter sourceofferingid: {source.name} is the system's own", param="sourceofferingid")
        return like(self, CreateNetworkOffering, self._known(tx, source)).run(tx, caller)

    def _known(self, tx: Tx, source: NetworkOffering) -> dict[str, Any]:
        """What the making command is told of the source, by its attributes."""
        services = self._kept(source)
        given = [
            {"service": service, "capabilitytype": name, "capabilityvalue": value}
            for service, chosen in source.capabilities.items() if service in services for name, value in chosen.items()
        ]  # fmt: skip
        router = tx.get(ServiceOffering, source.service_offering_id) if source.service_offering_id else None
        return {
            "traffic_type": source.traffic, "guest_ip_type": source.guest_type, "display_text": source.display_text,
            "tags": source.tags or None, "specify_vlan": source.specify_vlan, "availability": source.availability,
            "network_rate": source.rate, "conserve_mode": source.conserve_mode, "internet_protocol": source.internet_protocol,
            "specify_ip_ranges": source.specify_ip_ranges, "is_persistent": source.persistent, "details": source.details or None,
            "egress_default_policy": source.egress_allow, "enable": source.state == "Enabled", "service_offering": router,
            "supported_services": services or None, "service_capability_list": given or None,
            "domainid": offered_in(tx, source) or None,
            "zoneid": tx.all(Zone, Zone.c.uuid.in_(source.zone_ids)) if source.zone_ids else None,
        }  # fmt: skip

    def _kept(self, source: NetworkOffering) -> list[str]:
        dropped = [service_name(name) for name in self.drop_services or ()]
        for name in dropped:
            if name not in source.services:
                text = f"Parameter dropservices: {source.name} has no {name} that could be dropped"
                raise ParamError(text, param="dropservices")
        added = [service_name(name) for name in self.add_services or ()]
        return [name for name in dict.fromkeys([*source.services, *added]) if name not in dropped]


unsaid(CloneNetworkOffering)
