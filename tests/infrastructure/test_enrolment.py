"""A host enrols with the command that addHost told, over real sockets, is seen, and is cut off when it is revoked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from cloudwright.agent.dial import EnrolmentFailed, enrol
from cloudwright.agent.hub import Callbacks, Hub
from cloudwright.agent.remote import Drivers
from cloudwright.agent.state import State
from cloudwright.cli.remote import Remote
from cloudwright.cloud import Cloud
from cloudwright.drivers.host import pki
from cloudwright.drivers.hypervisor.contract import HostFacts
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.infrastructure import authority, observe
from cloudwright.infrastructure.authority import Gatekeeper
from cloudwright.infrastructure.model import Host
from tests.agent.conftest import Site
from tests.conftest import call, done
from tests.infrastructure.test_hosts import kvm_host
from tests.infrastructure.zone import simulated_zone


class RealSite(Site):
    """The agents' side of a test site, with a server behind it that is ours."""

    def __init__(self, directory: Path, cloud: Cloud) -> None:
        self.cloud = cloud
        super().__init__(directory)

    def new_hub(self, port: int = 0) -> Hub:
        """As a server makes its own."""
        gate, seen = Gatekeeper(self.cloud.db), observe.Observer(self.cloud.db)
        callbacks = Callbacks(gate.redeem, gate.sign, gate.revoked, seen.connected, seen.gone, seen.pushed)
        return Hub(authority.material(self.cloud.db, ["127.0.0.1"]), callbacks, "127.0.0.1", port, heartbeat=2.0)

    def drivers(self, host: str) -> Drivers:
        """Those of a simulated machine that says it is KVM."""
        facts = HostFacts("KVM", "9.1", "kvm1", cpus=8, cpu_mhz=2400, memory=16384)
        return replace(super().drivers(host), hypervisor=FakeHypervisor(self.world, host, facts))


@pytest.fixture
def site(cloud: Cloud, tmp_path: Path) -> Iterator[RealSite]:
    """A listening hub whose host and port are told to hosts."""
    made = RealSite(tmp_path, cloud)
    made.hub.start()
    cloud.db.write(lambda tx: authority.ADDRESS.set(tx, "127.0.0.1"))
    cloud.db.write(lambda tx: authority.PORT.set(tx, str(made.hub.port)))
    yield made
    made.hub.stop()


def row_of(cloud: Cloud, uuid: str) -> Host:
    """A host."""
    row = cloud.db.read().find(Host, Host.c.uuid == uuid)
    assert row is not None
    return row


def state_of(cloud: Cloud, uuid: str) -> str:
    """What is known of a host."""
    return row_of(cloud, uuid).state


def test_a_host_enrols_serves_and_is_revoked(cloud: Cloud, site: RealSite, tmp_path: Path) -> None:
    built = simulated_zone(cloud)
    told = kvm_host(cloud, built)
    words = shlex.split(told["enrolcommand"])
    token, given = words[1], dict(pairwise(words))
    state = State(tmp_path / "kvm1")
    host = site.run(enrol(given["--server"], given["--fingerprint"], token, state))
    assert host == told["id"]
    with pytest.raises(EnrolmentFailed):
        site.run(enrol(given["--server"], given["--fingerprint"], token, State(tmp_path / "thief")))
    with site.agent(host, state):
        site.until(lambda: state_of(cloud, host) == "Up")
        seen = call(cloud, built.caller, "listHosts", id=host)["host"][0]
        assert (seen["cpunumber"], seen["memorytotal"], seen["hypervisorversion"]) == (8, 16384 << 20, "9.1")
        cloud.reach.remote = Remote(site.hub.call, cloud.db)
        done(cloud, built.caller, "reconnectHost", id=host)
        first, since = state.identity(), row_of(cloud, host).connected
        done(cloud, built.caller, "provisionCertificate", hostid=host, reconnect="true")
        site.until(lambda: row_of(cloud, host).connected != since)
        identity = state.identity()
        assert first is not None
        assert identity is not None
        assert identity.certificate != first.certificate
        assert row_of(cloud, host).certificate_serial == pki.serial(identity.certificate)
        done(cloud, built.caller, "reconnectHost", id=host)
        done(cloud, built.caller, "revokeCertificate", serial=pki.serial(identity.certificate))
        authority.cut_revoked(cloud.db, site.hub)
        site.until(lambda: state_of(cloud, host) == "Disconnected")
        site.until(lambda: host not in site.hub.hosts())
