"""Hosts: added, enrolled, seen, maintained and deleted."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Kind
from cloudwright.core.error import InUse, ParamError, WrongState
from cloudwright.core.server import Server
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import Unreachable
from cloudwright.drivers.host import pki
from cloudwright.drivers.host.contract import Stats
from cloudwright.drivers.hypervisor.contract import HostFacts, Power, Seen
from cloudwright.infrastructure import authority, observe
from cloudwright.infrastructure.authority import Gatekeeper
from cloudwright.infrastructure.host import maintain, silence
from cloudwright.infrastructure.model import Host
from tests.conftest import call, done, finished
from tests.infrastructure.zone import Built, simulated_zone

FACTS = HostFacts("KVM", "9.0", "kvm1", cpus=8, cpu_mhz=2400, memory=16384, can=["live-migration"], labels=["cloudbr0"])


@pytest.fixture
def built(cloud: Cloud) -> Built:
    """A zone with two simulated hosts."""
    return simulated_zone(cloud)


def kvm_host(cloud: Cloud, built: Built) -> dict[str, str]:
    """A host of a second cluster, added and not enrolled: as addHost told it."""
    found = call(cloud, built.caller, "listClusters", hypervisor="KVM").get("cluster")
    cluster = (found or call(
        cloud, built.caller, "addCluster", zoneid=built.zone.uuid, podid=built.pod.uuid, clustername="kvm", hypervisor="KVM",
        clustertype="CloudManaged",
    )["cluster"])[0]  # fmt: skip
    told: dict[str, str] = call(
        cloud, built.caller, "addHost", zoneid=built.zone.uuid, podid=built.pod.uuid, clusterid=cluster["id"], hypervisor="KVM",
        url="http://192.0.2.10", username="root", password="not used", hosttags="gpu, ssd",
    )["host"][0]  # fmt: skip
    return told


def token_of(told: dict[str, str]) -> str:
    """The token in an enrolment command."""
    return told["enrolcommand"].split()[1]


def _id(tx: Tx, uuid: str) -> int:
    return int(tx.value(sa.select(Host.c.id).where(Host.c.uuid == uuid)))


def state_of(cloud: Cloud, uuid: str) -> str:
    """What is known of a host."""
    row = cloud.db.read().find(Host, Host.c.uuid == uuid)
    assert row is not None
    return row.state


def machine_on(cloud: Cloud, host: Host, name: str = "m1") -> Vm:
    """A running machine, as a row."""
    return cloud.db.write(lambda tx: tx.insert(Vm(
        name=name, instance_name=f"i-{name}", state="Running", zone_id=host.zone_id, host_id=host.id, service_offering_id=1,
        hypervisor="Simulator", cpus=1, cpu_mhz=1000, memory=512, account_id=2, domain_id=1,
    )))  # fmt: skip


def test_a_simulated_host_is_up_with_the_size_it_was_given(cloud: Cloud, built: Built) -> None:
    place = {"zoneid": built.zone.uuid, "podid": built.pod.uuid, "clusterid": built.cluster.uuid, "hypervisor": "Simulator"}
    told = call(cloud, built.caller, "addHost", url="http://sim/c0/h9?cpus=4&mhz=1500&memory=2048", hosttags="a,b", **place)[
        "host"
    ][0]
    assert (told["name"], told["state"], told["resourcestate"]) == ("c0-h9", "Up", "Enabled")
    assert (told["cpunumber"], told["cpuspeed"], told["memorytotal"], told["hosttags"]) == (4, 1500, 2048 << 20, "a,b")
    assert "enrolcommand" not in told
    for url, why in (
        ("http://sim/c0/h9", "has a host c0-h9 already"),
        ("http://", "names no host"),
        ("http://sim/x?cpus=0", "whole num"),
    ):
        with pytest.raises(ParamError, match=why):
            call(cloud, built.caller, "addHost", url=url, **place)
    with pytest.raises(ParamError, match="is of Simulator, not KVM"):
        call(cloud, built.caller, "addHost", url="http://x", **(place | {"hypervisor": "KVM"}))


def test_a_token_enrols_once(cloud: Cloud, built: Built) -> None:
    told = kvm_host(cloud, built)
    assert (told["state"], told["hosttags"]) == ("Creating", "gpu,ssd")
    gate = Gatekeeper(cloud.db)
    assert gate.redeem("guessed") is None
    assert gate.redeem(token_of(told)) == told["id"]
    assert gate.redeem(token_of(told)) is None


def test_a_second_command_makes_the_first_worthless(cloud: Cloud, built: Built) -> None:
    first, second = kvm_host(cloud, built), kvm_host(cloud, built)
    assert first["id"] == second["id"]
    gate = Gatekeeper(cloud.db)
    assert gate.redeem(token_of(first)) is None
    assert gate.redeem(token_of(second)) == first["id"]


def test_an_expired_token_is_worth_nothing(cloud: Cloud, built: Built) -> None:
    cloud.db.write(lambda tx: authority.TOKEN_SECONDS.set(tx, "60"))
    told = kvm_host(cloud, built)
    from cloudwright.infrastructure.model import EnrolToken

    cloud.db.write(lambda tx: tx.execute(EnrolToken.t.update().values(expires=tx.now - 1)))
    assert Gatekeeper(cloud.db).redeem(token_of(told)) is None


def test_the_token_rests_nowhere(cloud: Cloud, built: Built) -> None:
    told = kvm_host(cloud, built)
    token, connection = token_of(told), cloud.db.read().connection
    tables = [row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        assert token not in str(connection.exec_driver_sql(f"SELECT * FROM {table}").all()), table
    assert "enrolcommand" not in call(cloud, built.caller, "listHosts", id=told["id"])["host"][0]


def test_certificates_are_signed_trusted_and_revoked(cloud: Cloud, built: Built) -> None:
    told = kvm_host(cloud, built)
    gate, request = Gatekeeper(cloud.db), pki.request(pki.new_key())
    first = gate.sign(told["id"], request)
    assert pki.host(first) == told["id"]
    assert not gate.revoked(pki.serial(first), told["id"])
    shown = call(cloud, built.caller, "listCaCertificate")["certificates"]["certificate"]
    assert shown == "".join(authority.trusted(cloud.db.read()))
    done(cloud, built.caller, "revokeCertificate", serial=pki.serial(first))
    assert gate.revoked(pki.serial(first), told["id"])
    second = gate.sign(told["id"], request)
    assert not gate.revoked(pki.serial(second), told["id"])
    assert gate.revoked(pki.serial(second), "00000000-0000-0000-0000-000000000000")
    with pytest.raises(LookupError):
        gate.sign("00000000-0000-0000-0000-000000000000", request)


def test_certificates_are_issued_for_names(cloud: Cloud, built: Built) -> None:
    job = done(cloud, built.caller, "issueCertificate", domain="db.example.org,*.example.org", ipaddress="192.0.2.7", duration=9)
    told = call(cloud, built.caller, "queryAsyncJobResult", jobid=job.uuid)["jobresult"]["certificates"]
    assert pki.matches(told["certificate"], told["privatekey"])
    assert told["cacertificates"] == "".join(authority.trusted(cloud.db.read()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pki.load_identity(context, pki.Identity(told["certificate"], told["privatekey"]))
    key = pki.new_key()
    job = done(cloud, built.caller, "issueCertificate", csr=pki.request(key), domain="web.example.org")
    told = call(cloud, built.caller, "queryAsyncJobResult", jobid=job.uuid)["jobresult"]["certificates"]
    assert "privatekey" not in told
    assert pki.matches(told["certificate"], key)
    for given, why in (
        ({}, "name nobody"),
        ({"domain": "server.cloudwright.internal"}, "pose as a server"),
        ({"domain": "*.cloudwright.internal"}, "pose as a server"),
        ({"domain": "-x"}, "not a list of host names"),
        ({"ipaddress": "300.1.1.1"}, "not a list of addresses"),
        ({"csr": "x", "domain": "a"}, "cannot be read"),
    ):
        with pytest.raises(ParamError, match=why):
            call(cloud, built.caller, "issueCertificate", **given)


def test_a_new_authority_signs_and_the_old_one_stays_trusted(cloud: Cloud) -> None:
    old = cloud.db.write(authority.current)
    new = cloud.db.write(authority.rotate)
    assert authority.trusted(cloud.db.read()) == [new.certificate, old.certificate]
    assert cloud.db.write(authority.current).id == new.id
    with pytest.raises(WrongState):
        cloud.db.write(lambda tx: authority.drop(tx, tx.get(authority.Authority, new.id)))
    cloud.db.write(lambda tx: authority.drop(tx, tx.get(authority.Authority, old.id)))
    assert authority.trusted(cloud.db.read()) == [new.certificate]
    assert "BEGIN CERTIFICATE" in authority.material(cloud.db, ["127.0.0.1"]).identity.certificate


def test_hosts_come_and_go_as_they_are_seen(cloud: Cloud, built: Built) -> None:
    told = kvm_host(cloud, built)
    seen = observe.Observer(cloud.db)
    seen.connected(told["id"], FACTS)
    now = call(cloud, built.caller, "listHosts", id=told["id"])["host"][0]
    assert (now["state"], now["cpunumber"], now["memorytotal"], now["hypervisorversion"]) == ("Up", 8, 16384 << 20, "9.0")
    seen.gone(told["id"])
    silent = call(cloud, built.caller, "listHosts", id=told["id"])["host"][0]
    assert silent["state"] == "Disconnected"
    assert silent["disconnected"]
    cloud.db.write(lambda tx: tx.execute(Host.t.update().where(Host.c.uuid == told["id"]).values(disconnected=tx.now - 2000)))
    assert cloud.db.write(observe.overdue) == 1
    assert state_of(cloud, told["id"]) == "Alert"
    (alert,) = alerts(cloud, built)
    assert alert["name"] == "ALERT.COMPUTE.HOST"
    assert alert["description"] == f"Host {told['name']} (192.0.2.10) has been silent for 33 minutes"
    seen.pushed(told["id"], "machines", [])
    assert state_of(cloud, told["id"]) == "Up"
    assert alerts(cloud, built) == []
    cloud.db.write(lambda tx: tx.execute(Host.t.update().values(last_seen=tx.now - 3600)))
    assert cloud.db.write(observe.overdue) == 1  # not the simulated ones, which nobody hears of
    assert state_of(cloud, told["id"]) == "Disconnected"
    seen.connected("00000000-0000-0000-0000-000000000000", FACTS)  # a host that is gone is none


def test_a_host_of_another_kind_is_an_alert(cloud: Cloud, built: Built) -> None:
    told = kvm_host(cloud, built)
    observe.Observer(cloud.db).connected(told["id"], HostFacts("Simulator", "1", "x", 1, 1, 1))
    assert state_of(cloud, told["id"]) == "Alert"
    assert alerts(cloud, built)[0]["description"] == f"Host {told['name']} was added as KVM and says that it is Simulator"
    observe.Observer(cloud.db).connected(told["id"], FACTS)
    assert alerts(cloud, built) == []


def alerts(cloud: Cloud, built: Built) -> list[dict[str, Any]]:
    """Those of troubles that have not passed."""
    return [one for one in call(cloud, built.caller, "listAlerts").get("alert", []) if "settled" not in one]


def test_many_hosts_of_a_cluster_that_fall_silent_are_one_alert(cloud: Cloud, built: Built) -> None:
    first = kvm_host(cloud, built)
    seen = observe.Observer(cloud.db)

    def fall(tx: Tx) -> None:
        about = tx.get(Host, _id(tx, first["id"]))
        place = {"zone_id": about.zone_id, "pod_id": about.pod_id, "cluster_id": about.cluster_id, "hypervisor": "KVM"}
        for i in range(silence.FEW):
            tx.insert(Host(name=f"k{i}", address="192.0.2.11", url="", state="Disconnected", disconnected=tx.now - 3600, **place))
        tx.update(about, state="Disconnected", disconnected=tx.now - 3600)
        observe.overdue(tx)

    cloud.db.write(fall)
    (one,) = alerts(cloud, built)
    assert one["description"].startswith("6 hosts of cluster ")
    assert one["description"].endswith(f"have been silent for 60 minutes: {first['name']}, k0, k1, k2, k3, k4")
    hosts = cloud.db.read().all(Host, Host.c.state == "Alert")
    for host in hosts[1:]:
        seen.connected(host.uuid, FACTS)
    assert alerts(cloud, built) == [one], "one is silent still"
    call(cloud, built.caller, "deleteHost", id=first["id"], forced="true")
    assert alerts(cloud, built) == []


def test_what_a_host_measures_is_told_while_it_is_heard(cloud: Cloud, built: Built) -> None:
    told = kvm_host(cloud, built)
    server = int(cloud.db.read().value(sa.select(Server.c.id)))
    seen = observe.Observer(cloud.db, server)
    seen.connected(told["id"], FACTS)

    def listed(command: str, key: str, **params: str) -> dict[str, Any]:
        found: dict[str, Any] = call(cloud, built.caller, command, **params)[key][0]
        return found

    assert "cpuused" not in listed("listHosts", "host", id=told["id"])
    seen.pushed(told["id"], "stats", Stats([0.5, 2.0, 3.0], 16384, 12288, 0.8, []))
    here = {"id": told["clusterid"]}
    host = listed("listHostsMetrics", "host", id=told["id"])
    assert (host["cpuused"], host["cpuloadaverage"], host["memoryused"]) == ("80.00%", 0.5, 4096 << 20)
    assert (host["cpuusedghz"], host["memoryusedgb"], host["msid"]) == ("15.36 Ghz", "4.00 GB", server)
    marks = ("cputhreshold", "cpudisablethreshold", "memorythreshold", "memorydisablethreshold")
    assert [host[mark] for mark in marks] == [True, False, False, False]
    other = cloud.db.write(lambda tx: tx.insert(Host(
        name="other", address="192.0.2.11", url="", zone_id=built.zone.id, pod_id=built.pod.id,
        cluster_id=tx.get(Host, _id(tx, told["id"])).cluster_id, hypervisor="KVM", state="Up", cpus=8, cpu_mhz=2400,
        memory=16384 << 20, busy=0.2, memory_used=0,
    )))  # fmt: skip
    cluster = listed("listClustersMetrics", "cluster", **here)
    figures = ("cpuused", "cpumaxdeviation", "memoryused", "memorymaxdeviation")
    assert [cluster[name] for name in figures] == ["50.00%", "30.00%", "12.50%", "12.50%"]
    assert [cluster[mark] for mark in marks] == [False] * 4
    assert listed("listZonesMetrics", "zone")["cpuused"] == "50.00%", "of those that measure it"
    assert "cpuused" not in listed("listHosts", "host", id=told["id"], details="capacity")
    assert {"cpuused", "cpunumber"} & listed("listHosts", "host", id=told["id"], details="stats").keys() == {"cpuused"}
    for uuid in (told["id"], other.uuid):
        cloud.db.write(lambda tx, uuid=uuid: tx.update(tx.get(Host, _id(tx, uuid)), state="Disconnected"))
    assert (
        not {"cpuused", "memoryused", "cpuloadaverage", "cputhreshold"} & listed("listHostsMetrics", "host", id=told["id"]).keys()
    )
    assert "cpuused" not in listed("listClustersMetrics", "cluster", **here)


def test_reports_reach_who_asked_for_them(cloud: Cloud, built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    told = kvm_host(cloud, built)
    got: list[tuple[str, list[str], bool]] = []
    monkeypatch.setattr(
        observe, "on_machines", [lambda tx, host, seen, whole: got.append((host.name, [m.name for m in seen], whole))]
    )
    seen = observe.Observer(cloud.db)
    seen.connected(told["id"], FACTS)
    machine = Seen("i-1", "u", Power.RUNNING)
    seen.pushed(told["id"], "machines", [machine])
    seen.pushed(told["id"], "seen", machine)
    assert got == [("192.0.2.10", ["i-1"], True), ("192.0.2.10", ["i-1"], False)]


def test_an_empty_host_goes_into_maintenance_and_back(cloud: Cloud, built: Built) -> None:
    host = built.hosts[0]
    done(cloud, built.caller, "prepareHostForMaintenance", id=host.uuid)
    told = call(cloud, built.caller, "listHosts", id=host.uuid)["host"][0]
    assert (told["state"], told["resourcestate"]) == ("Up", "Maintenance")
    with pytest.raises(WrongState, match="already"):
        call(cloud, built.caller, "prepareHostForMaintenance", id=host.uuid)
    with pytest.raises(WrongState, match="cannot be enabled or disabled"):
        call(cloud, built.caller, "updateHost", id=host.uuid, allocationstate="Enable")
    done(cloud, built.caller, "cancelHostMaintenance", id=host.uuid)
    assert call(cloud, built.caller, "listHosts", resourcestate="Enabled")["count"] == 2


def test_machines_that_cannot_move_keep_a_host(cloud: Cloud, built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintain, "movers", [])
    machine_on(cloud, built.hosts[0])
    with pytest.raises(InUse) as refused:
        call(cloud, built.caller, "prepareHostForMaintenance", id=built.hosts[0].uuid)
    assert refused.value.why == ["machine m1 (Running)"]


class MoveAway(Task, rank=50):
    """What compute's mover does, as far as a host is concerned."""

    vm: int
    refuses: bool = False

    @step
    def moved(self, tx: Tx) -> None:
        if self.refuses:
            raise InUse("machine m1 will not move")
        tx.update(tx.get(Vm, self.vm), host_id=None)


@pytest.mark.parametrize("refuses", [False, True])
def test_movers_empty_a_host_or_it_stays_open(cloud: Cloud, built: Built, monkeypatch: pytest.MonkeyPatch, refuses: bool) -> None:
    host = built.hosts[0]
    machine_on(cloud, host)

    def mover(tx: Tx, of: Host) -> list[tuple[Task, Vm]]:
        return [(MoveAway(vm=vm.id, refuses=refuses), vm) for vm in tx.all(Vm, Vm.c.host_id == of.id)]

    monkeypatch.setattr(maintain, "movers", [mover])
    job = finished(cloud, call(cloud, built.caller, "prepareHostForMaintenance", id=host.uuid)["jobid"])
    after = cloud.db.read().get(Host, host.id).resource_state
    assert (job.state, after) == (("failed", "Enabled") if refuses else ("done", "Maintenance"))


def test_a_host_is_deleted_when_it_is_idle_or_by_force(cloud: Cloud, built: Built) -> None:
    first, second = built.hosts
    with pytest.raises(WrongState, match="must be in Maintenance or Disabled"):
        call(cloud, built.caller, "deleteHost", id=first.uuid)
    call(cloud, built.caller, "updateHost", id=first.uuid, allocationstate="Disable", hosttags="x")
    (tag,) = call(cloud, built.caller, "listHostTags")["hosttag"]
    assert (tag["name"], tag["hostname"]) == ("x", first.name)
    machine_on(cloud, first)
    with pytest.raises(InUse, match="is not empty"):
        call(cloud, built.caller, "deleteHost", id=first.uuid)
    call(cloud, built.caller, "deleteHost", id=second.uuid, forced="true")
    assert [h["id"] for h in call(cloud, built.caller, "listHosts")["host"]] == [first.uuid]


def test_a_deleted_host_is_let_in_no_more(cloud: Cloud, built: Built) -> None:
    told = kvm_host(cloud, built)
    gate = Gatekeeper(cloud.db)
    serial = pki.serial(gate.sign(told["id"], pki.request(pki.new_key())))
    call(cloud, built.caller, "deleteHost", id=told["id"])
    assert gate.revoked(serial, told["id"])
    assert gate.redeem(token_of(told)) is None


def test_a_host_is_asked_for_a_sign_of_life(cloud: Cloud, built: Built) -> None:
    host = built.hosts[0]
    cloud.db.write(lambda tx: tx.update(tx.get(Host, host.id), state="Alert"))
    cloud.world.faults.fail(f"{host.uuid}/facts", Unreachable("no answer"), times=2)
    done(cloud, built.caller, "reconnectHost", id=host.uuid)
    assert state_of(cloud, host.uuid) == "Up"


def test_hosts_are_for_root_alone(cloud: Cloud, built: Built) -> None:
    user = Caller(
        user_id=9, user_uuid="u", username="u", account_id=9, account_uuid="a", account="a", domain_id=1, domain_uuid="d",
        domain_path="/", kind=Kind.USER, role_id=4, role_type="User",
    )  # fmt: skip
    assert call(cloud, user, "listHosts") == {}
    zone = call(cloud, user, "listZones")["zone"][0]
    assert "internaldns1" not in zone
    assert call(cloud, user, "listZones", available="false") == {}
    assert call(cloud, built.caller, "listZones", available="false")["zone"][0]["id"] == built.zone.uuid
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, user, "updateZone", id=built.zone.uuid, name="mine")


def test_a_dry_run_of_a_host_leaves_nothing(cloud: Cloud, built: Built) -> None:
    place = {"zoneid": built.zone.uuid, "podid": built.pod.uuid, "clusterid": built.cluster.uuid, "hypervisor": "Simulator"}
    told = call(cloud, built.caller, "addHost", url="http://sim/dry", dryrun="true", **place)
    assert {change["what"] for change in told["dryrun"]["changes"]} == {"host"}
    assert call(cloud, built.caller, "listHosts")["count"] == 2
