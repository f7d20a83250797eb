"""A router's document from its facts."""

from __future__ import annotations

import msgspec

from cloudwright.appliance import router
from cloudwright.appliance.document import Document, Forward, Rule
from cloudwright.appliance.facts import (
    Address,
    EgressRule,
    FirewallRule,
    GuestNetwork,
    Nic,
    PortForward,
    PublicNetwork,
    RouterFacts,
)


def facts() -> RouterFacts:
    lan = GuestNetwork("n1", "eth0", "02:00:00:00:00:01", "10.1.1.1", "10.1.1.0/24", "10.1.1.1", domain="lan.internal")
    shared = GuestNetwork("n2", "eth2", "02:00:00:00:00:03", "192.0.2.2", "192.0.2.0/24", "192.0.2.1", source_nat=False)
    web = Nic("n1", "02:00:00:00:01:05", "10.1.1.5", "web1", instance_name="i-2-5-VM", machine="m5", service_offering="Small")
    return RouterFacts(
        name="r-1",
        generation=3,
        upstream_dns=["192.0.2.53"],
        networks=[lan, shared],
        publics=[PublicNetwork("eth1", "02:00:00:00:00:02", "203.0.113.1", 24)],
        addresses=[Address("203.0.113.12", "eth1", static_nat_to="10.1.1.6"), Address("203.0.113.10", "eth1", source_nat=True)],
        nics=[
            web,
            Nic("n1", "02:00:00:00:01:06", "10.1.1.6", "db1", host="kvm1", default=False),
            Nic("n2", "02:00:00:00:02:07", "192.0.2.7", "s1"),
        ],
        firewall=[FirewallRule("203.0.113.10", "TCP", 22, 22, sources=["0.0.0.0/0"]), FirewallRule("203.0.113.10", "icmp")],
        egress=[EgressRule("n1", "udp", 53, 99, destinations=["192.0.2.53/32"])],
        forwards=[PortForward("203.0.113.10", "TCP", 22, 22, "10.1.1.5", 2222, 2222)],
    )


def test_a_document_travels_and_says_what_the_facts_say() -> None:
    document = router.document(facts())
    assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document
    assert document == router.document(facts())
    assert (document.name, document.generation, document.upstream_dns) == ("r-1", 3, ["192.0.2.53"])


def test_interfaces_lead_out_by_the_public_side() -> None:
    guest, shared, public = router.document(facts()).interfaces
    assert (guest.addresses, guest.gateway, guest.role) == (["10.1.1.1/24"], "", "guest")
    assert (shared.addresses, shared.gateway) == (["192.0.2.2/24"], "192.0.2.1")
    assert public.addresses == ["203.0.113.10/24", "203.0.113.12/24"]  # the source address is primary
    assert public.gateway == "203.0.113.1"


def test_rules_stand_at_their_address() -> None:
    document = router.document(facts())
    closed, source = document.addresses
    assert closed.ingress == []
    assert source.ingress == [Rule("tcp", ["0.0.0.0/0"], [], "22"), Rule("icmp")]
    assert document.forwards == [Forward("203.0.113.10", "tcp", "22", "10.1.1.5", "2222")]
    assert [entry.device for entry in document.egress] == ["eth0"]
    assert document.egress[0].rules == [Rule("udp", [], ["192.0.2.53/32"], "53-99")]


def test_machines_are_told_what_cloudstack_tells() -> None:
    lan, shared = router.document(facts()).dhcp
    web, database = lan.hosts
    assert web.metadata == {
        "availability-zone": "",
        "cloud-identifier": "CloudStack-{}",
        "instance-id": "i-2-5-VM",
        "local-hostname": "web1",
        "local-ipv4": "10.1.1.5",
        "public-hostname": "203.0.113.10",
        "public-ipv4": "203.0.113.10",
        "public-keys": "",
        "service-offering": "Small",
        "vm-id": "m5",
    }
    assert database.metadata["public-ipv4"] == "203.0.113.12"
    assert database.metadata["hypervisor-host-name"] == "kvm1"
    assert not database.default
    assert shared.hosts[0].metadata["public-ipv4"] == "192.0.2.7"
