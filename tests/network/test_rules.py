"""Rules and addresses: from the command to the document that the router runs, and what stands in each other's way."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import CloudError, Conflict, InUse, ParamError
from cloudwright.drivers.error import Refused
from cloudwright.network.model import FirewallRule, Network, Nic, PublicIp, Router
from cloudwright.network.nic.plug import refuse_rules
from tests.conftest import call, done, finished
from tests.network.built import document, machine, network, on_network, root, row


def _source(cloud: Cloud, on: Network) -> PublicIp:
    found: PublicIp = row(cloud, PublicIp, PublicIp.c.network_id == on.id, PublicIp.c.source_nat.is_(True))
    return found


def _listed(cloud: Cloud, command: str, key: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(cloud, root(cloud), command, **params).get(key, [])
    return found


def test_a_firewall_rule_reaches_the_router_and_leaves_it(cloud: Cloud) -> None:
    on = on_network(cloud)
    address = _source(cloud, on)
    made = done(
        cloud, root(cloud), "createFirewallRule", ipaddressid=address.uuid, protocol="TCP", startport=22, endport=23,
        cidrlist="198.51.100.0/24,203.0.113.7/32",
    )  # fmt: skip
    told = document(cloud, on.id)
    assert told["generation"] == row(cloud, Network).applied == row(cloud, Network).generation
    rule = {"protocol": "tcp", "sources": ["198.51.100.0/24", "203.0.113.7/32"], "destinations": [], "ports": "22-23"}
    assert told["addresses"][0]["ingress"] == [{**rule, "icmp_type": -1, "icmp_code": -1}]
    listed = _listed(cloud, "listFirewallRules", "firewallrule", ipaddressid=address.uuid)
    assert [(one["id"], one["state"], one["startport"], one["endport"]) for one in listed] == [
        (made.instance_uuid, "Active", 22, 23)
    ]
    done(cloud, root(cloud), "deleteFirewallRule", id=made.instance_uuid)
    assert document(cloud, on.id)["addresses"][0]["ingress"] == []
    assert _listed(cloud, "listFirewallRules", "firewallrule") == []


def test_a_rule_that_cannot_be_applied_is_taken_away(cloud: Cloud) -> None:
    on = on_network(cloud)
    address = _source(cloud, on)
    cloud.world.faults.fail("*/apply", Refused("the kernel has no nftables"), times=1)
    answer = call(cloud, root(cloud), "createFirewallRule", ipaddressid=address.uuid, protocol="icmp")
    task = finished(cloud, answer["jobid"])
    assert task.state == "failed"
    assert "nftables" in (task.error or "")
    assert cloud.db.read().find(FirewallRule) is None


def test_egress_rules_stay_within_the_network(cloud: Cloud) -> None:
    on = on_network(cloud)
    done(
        cloud, root(cloud), "createEgressFirewallRule", networkid=on.uuid, protocol="udp", startport=53,
        destcidrlist="192.0.2.53/32",
    )  # fmt: skip
    egress = document(cloud, on.id)["egress"][0]
    assert (egress["allow"], egress["rules"][0]["sources"], egress["rules"][0]["destinations"]) == (
        False,
        ["10.1.1.0/24"],
        ["192.0.2.53/32"],
    )
    with pytest.raises(Conflict) as refused:
        call(cloud, root(cloud), "createEgressFirewallRule", networkid=on.uuid, protocol="udp", startport=53)
    assert refused.value.why == [f"egress rule udp 53 of network {on.name} from 10.1.1.0/24, Active"]
    with pytest.raises(ParamError, match="lies outside"):
        call(cloud, root(cloud), "createEgressFirewallRule", networkid=on.uuid, protocol="all", cidrlist="10.9.0.0/16")


def test_the_rule_in_the_way_is_named(cloud: Cloud) -> None:
    on = on_network(cloud)
    address = _source(cloud, on)
    about = {"ipaddressid": address.uuid, "protocol": "tcp"}
    first = done(cloud, root(cloud), "createFirewallRule", **about, startport=80, endport=90).instance_uuid
    with pytest.raises(Conflict) as refused:
        call(cloud, root(cloud), "createFirewallRule", **about, startport=85, endport=99)
    assert refused.value.code == 537
    assert refused.value.why == [f"firewall rule tcp {address.address}:80-90 from 0.0.0.0/0, Active"]
    assert refused.value.fix == [f"delete that rule first (id {first}), or choose other ports"]
    done(cloud, root(cloud), "createFirewallRule", **about, startport=85, endport=99, cidrlist="198.51.100.0/24")


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ({"protocol": "gre"}, "protocol"),
        ({"protocol": "icmp", "startport": "1"}, "startport"),
        ({"protocol": "tcp", "endport": "9"}, "startport"),
        ({"protocol": "tcp", "startport": "9", "endport": "8"}, "endport"),
        ({"protocol": "tcp", "startport": "9", "icmptype": "8"}, "icmptype"),
        ({"protocol": "tcp", "startport": "9", "cidrlist": "300.1.1.0/24"}, "cidrlist"),
    ],
)
def test_wrong_rules_are_refused(cloud: Cloud, params: dict[str, str], wrong: str) -> None:
    address = _source(cloud, on_network(cloud))
    with pytest.raises(ParamError) as refused:
        call(cloud, root(cloud), "createFirewallRule", ipaddressid=address.uuid, **params)
    assert refused.value.param == wrong


def test_forwarding_opens_the_firewall_and_closes_it(cloud: Cloud) -> None:
    vm = machine(cloud)
    on = row(cloud, Network)
    address = _source(cloud, on)
    about = {"ipaddressid": address.uuid, "protocol": "tcp", "virtualmachineid": vm.uuid}
    made = done(cloud, root(cloud), "createPortForwardingRule", **about, publicport=8000, publicendport=8010, privateport=80)
    told = document(cloud, on.id)
    forward = told["forwards"][0]
    guest = told["dhcp"][0]["hosts"][0]["address"]
    assert (forward["public_ports"], forward["private"], forward["private_ports"]) == ("8000-8010", guest, "80-90")
    assert [rule["ports"] for rule in told["addresses"][0]["ingress"]] == ["8000-8010"]
    with pytest.raises(Conflict) as refused:
        call(cloud, root(cloud), "createPortForwardingRule", **about, publicport=8005, privateport=22)
    known = f"port forwarding rule tcp {address.address}:8000-8010 to {vm.name} ({guest}:80-90)"
    assert refused.value.why == [f"{known}, Active"]
    with pytest.raises(InUse) as refused_too:
        refuse_rules(cloud.db.read(), row(cloud, Nic))
    assert refused_too.value.why == [known]
    with pytest.raises(ParamError, match="as long as"):
        call(cloud, root(cloud), "createPortForwardingRule", **about, publicport=1, privateport=22, privateendport=23)
    done(cloud, root(cloud), "updatePortForwardingRule", id=made.instance_uuid, privateport=8080)
    assert document(cloud, on.id)["forwards"][0]["private_ports"] == "8080-8090"
    done(cloud, root(cloud), "deletePortForwardingRule", id=made.instance_uuid)
    told = document(cloud, on.id)
    assert (told["forwards"], told["addresses"][0]["ingress"]) == ([], [])


def test_an_address_is_taken_used_and_let_go_with_all_on_it(cloud: Cloud) -> None:
    vm = machine(cloud)
    on = row(cloud, Network)
    job = done(cloud, root(cloud), "associateIpAddress", networkid=on.uuid, ipaddress="10.1.3.33")
    about = {"ipaddressid": job.instance_uuid, "virtualmachineid": vm.uuid, "protocol": "tcp"}
    rule = done(cloud, root(cloud), "createPortForwardingRule", **about, publicport=22, privateport=22).instance_uuid
    with pytest.raises(Conflict, match="has port forwarding rules") as refused:
        call(cloud, root(cloud), "enableStaticNat", ipaddressid=job.instance_uuid, virtualmachineid=vm.uuid)
    assert refused.value.why[0].startswith(f"port forwarding rule tcp 10.1.3.33:22 to {vm.name} (10.1.1.")
    done(cloud, root(cloud), "deletePortForwardingRule", id=rule)
    call(cloud, root(cloud), "enableStaticNat", ipaddressid=job.instance_uuid, virtualmachineid=vm.uuid)
    (seen,) = _listed(cloud, "listVirtualMachines", "virtualmachine")
    assert (seen["publicip"], seen["publicipid"], seen["forvirtualnetwork"]) == ("10.1.3.33", job.instance_uuid, True)
    done(cloud, root(cloud), "createFirewallRule", ipaddressid=job.instance_uuid, protocol="tcp", startport=443)
    told = next(one for one in document(cloud, on.id)["addresses"] if one["address"] == "10.1.3.33")
    assert (told["static_nat_to"], told["ingress"][0]["ports"]) == (
        document(cloud, on.id)["dhcp"][0]["hosts"][0]["address"],
        "443",
    )
    with pytest.raises(Conflict, match="static NAT"):
        call(cloud, root(cloud), "createPortForwardingRule", **about, publicport=22, privateport=22)
    done(cloud, root(cloud), "disassociateIpAddress", id=job.instance_uuid)
    assert "10.1.3.33" not in [one["address"] for one in document(cloud, on.id)["addresses"]]
    assert cloud.db.read().find(FirewallRule) is None
    free = _listed(cloud, "listPublicIpAddresses", "publicipaddress", state="Free", ipaddress="10.1.3.33")
    assert [one["state"] for one in free] == ["Free"]


def test_what_is_told_of_a_router_an_interface_and_an_address(cloud: Cloud) -> None:
    vm = machine(cloud)
    on = row(cloud, Network)
    (router,) = _listed(cloud, "listRouters", "router")
    inside, outside = router["nic"]
    assert (inside["traffictype"], inside["ipaddress"], inside["networkid"]) == ("Guest", on.gateway, on.uuid)
    assert (outside["traffictype"], outside["ipaddress"], outside["gateway"]) == (
        "Public",
        _source(cloud, on).address,
        "10.1.0.1",
    )
    assert (inside["macaddress"], outside["macaddress"]) == (router["guestmacaddress"], router["publicmacaddress"])
    assert (inside["isdefault"], outside["isdefault"]) == (False, True)
    (nic,) = _listed(cloud, "listNics", "nic", virtualmachineid=vm.uuid)
    assert nic["vlanid"] == on.segment_number
    (address,) = _listed(cloud, "listPublicIpAddresses", "publicipaddress")
    assert (address["forprovider"], address["forsystemvms"]) == (False, False)
    assert _listed(cloud, "listPublicIpAddresses", "publicipaddress", forsystemvms="true") == []


def test_what_a_router_could_not_do_fails_its_checks(cloud: Cloud) -> None:
    on_network(cloud)

    def failing(**values: Any) -> tuple[bool, Any, list[str]]:
        cloud.db.write(lambda tx: tx.update(tx.get(Router, 1), **values))
        (router,) = _listed(cloud, "listRouters", "router", fetchhealthcheckresults="true")
        both = ("true", "false")
        found = [wanted for wanted in both if _listed(cloud, "listRouters", "router", healthchecksfailed=wanted)]
        return router["healthchecksfailed"], router.get("healthcheckresults"), found

    assert failing() == (False, None, ["false"])
    failed, (check,), found = failing(problems={"dhcp": "address in use"}, observed_at=0.0)
    told = {"checkname": "dhcp", "success": False, "details": "address in use", "lastupdated": "1970-01-01T00:00:00+0000"}
    assert (failed, found) == (True, ["true"])
    assert told.items() <= check.items()
    assert failing(state="Stopped")[0] is False, "it shall not run"
    assert failing(state="Unknown", problems={}) == (True, None, ["true"])


def test_addresses_are_refused_with_reasons(cloud: Cloud) -> None:
    on = on_network(cloud)
    source = _source(cloud, on)
    with pytest.raises(ParamError, match="source NAT"):
        call(cloud, root(cloud), "disassociateIpAddress", id=source.uuid)
    with pytest.raises(InUse, match="is taken"):
        call(cloud, root(cloud), "associateIpAddress", networkid=on.uuid, ipaddress=source.address)
    with pytest.raises(ParamError) as refused:
        call(cloud, root(cloud), "associateIpAddress", networkid=on.uuid, ipaddress="192.0.2.1")
    assert "10.1.1.1-10.1.4.254" in refused.value.why[0]


def test_the_first_address_of_a_network_is_its_source_nat(cloud: Cloud) -> None:
    made = network(cloud)
    job = done(cloud, root(cloud), "associateIpAddress", networkid=made.uuid)
    address = row(cloud, PublicIp, PublicIp.c.uuid == job.instance_uuid)
    assert (address.source_nat, address.state, row(cloud, Network).state) == (True, "Allocated", "Allocated")


def test_a_stopped_router_hears_of_rules_when_it_starts(cloud: Cloud) -> None:
    on = on_network(cloud)
    router = call(cloud, root(cloud), "listRouters", networkid=on.uuid)["router"][0]["id"]
    done(cloud, root(cloud), "stopRouter", id=router)
    assert list(cloud.world.all("appliance")) == []
    done(cloud, root(cloud), "createFirewallRule", ipaddressid=_source(cloud, on).uuid, protocol="icmp")
    assert list(cloud.world.all("appliance")) == []
    done(cloud, root(cloud), "startRouter", id=router)
    assert document(cloud, on.id)["addresses"][0]["ingress"][0]["protocol"] == "icmp"


def test_refused_by_service(cloud: Cloud) -> None:
    bare = network(cloud, offered="DefaultL2NetworkOffering")
    with pytest.raises(CloudError, match="no service Firewall"):
        call(cloud, root(cloud), "createEgressFirewallRule", networkid=bare.uuid, protocol="all")
