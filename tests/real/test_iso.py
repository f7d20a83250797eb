"""Booting from an ISO on real hosts, ISOs in and out of a drive, and a task that waits for a host that comes back."""

import re
import time

import pytest

from cloudwright.cli.demo.instance import LOOPBACK, offered
from cloudwright.cli.lab import leftovers, why_not
from tests.real import iso
from tests.real.cloud import Cloud
from tests.real.guest import Guest
from tests.real.story import Stopwatch, eventually, told

pytestmark = [pytest.mark.real, pytest.mark.timeout(600), pytest.mark.skipif(bool(why_not()), reason=" ".join(why_not()))]
WORDS = "booted from an ISO"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
    assert leftovers(cloud.dc.prefix, cloud.dc.state) == []


@pytest.fixture(scope="module")
def image(cloud, tmp_path_factory):
    """The id of a tiny ISO that says on its serial port that it booted."""
    path = tmp_path_factory.mktemp("iso") / "tiny.iso"
    iso.write(path, WORDS)
    cloud.api.call("updateConfiguration", name="secstorage.allowed.internal.sites", value=LOOPBACK)
    system = cloud.api.all("listOsTypes")[0]["id"]
    with offered(path) as url:
        made = cloud.api.one("registerIso", name="tiny", url=url, zoneid=cloud.zone, ostypeid=system, bootable=True)["id"]
        eventually(lambda: [row["isready"] for row in cloud.api.all("listIsos", isofilter="all", id=made)] == [True], 60)
    return made


def drive(guest: Guest) -> str:
    """What is in the drive, as libvirt says."""
    found = re.search(r"hdc +(\S+)", guest.virsh("domblklist", guest.domain))
    assert found is not None
    return found[1]


def test_an_instance_boots_from_an_iso_and_its_drive_opens(cloud, image):
    network = cloud.network(cloud.api, "isos")["id"]
    disk = cloud.api.all("listDiskOfferings", name="Small")[0]["id"]
    size = {"zoneid": cloud.zone, "serviceofferingid": cloud.offering, "networkids": network, "hostid": cloud.host_ids[0]}
    watch = Stopwatch()
    made = cloud.api.call("deployVirtualMachine", name="iso", templateid=image, diskofferingid=disk, hypervisor="KVM", **size)
    cloud.finish(made["jobid"])
    guest = Guest(cloud, made["id"])
    started = watch.seconds
    serial = re.search(r"<log file='([^']+-serial\.log)'", guest.virsh("dumpxml", guest.domain))
    assert serial is not None
    eventually(lambda: WORDS in guest.host.run(["cat", serial[1]]), 60)
    told(f"deployed from an ISO after {started:.1f} s; its code had spoken after {watch.seconds:.1f} s")
    assert image in drive(guest)
    cloud.api.job("detachIso", virtualmachineid=guest.id)
    assert drive(guest) == "-"
    waits_for_its_host(cloud, guest, image)
    cloud.api.job("destroyVirtualMachine", id=guest.id, expunge=True, forced=True)
    cloud.api.job("deleteNetwork", id=network)


def waits_for_its_host(cloud, guest, image):
    """The ISO goes in while the agent is away: the job waits, and is done as soon as the host is back."""
    host = guest.host
    cloud.agents.kill(host.name)
    eventually(lambda: cloud.host_state(1) != "Up", 30)
    job = cloud.api.call("attachIso", id=image, virtualmachineid=guest.id)["jobid"]
    time.sleep(8.0)  # it has backed off to 6 seconds and more
    assert cloud.job(job)["jobstatus"] == 0
    story = "\n".join(cloud.story(job))
    assert re.search(rf"host {host.name} \({host.address}\) is not connected; it is Disconnected since 20", story), story
    cloud.agents.start(host.name)
    eventually(lambda: cloud.host_state(1) == "Up", 60, pause=0.02)
    watch = Stopwatch()
    cloud.finish(job, 30)
    told(f"the job that waited for its host was done {watch.seconds:.2f} s after the host was back")
    assert image in drive(guest)
