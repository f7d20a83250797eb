"""The product on two real hosts, through its public API: one story, told by tests in their order. `-s` shows figures."""

import asyncio
import base64
import re
import socket
import subprocess
import threading
import time
from statistics import median

import aiohttp
import pytest

from cloudwright.cli.client import Api, ApiError
from cloudwright.cli.lab import leftovers, why_not
from tests.cli.serving import Serving
from tests.real import browser
from tests.real.cloud import AGENT_STATE, Cloud
from tests.real.figures import TRY, openings, starts
from tests.real.guest import Guest, Session
from tests.real.story import Stopwatch, eventually, told
from tests.real.traces import Capture, holds

pytestmark = [pytest.mark.real, pytest.mark.timeout(900), pytest.mark.skipif(bool(why_not()), reason=" ".join(why_not()))]
USER_DATA = b"#!/bin/sh\necho it ran\n"
PASSWORD = "Chosen-Pass-9"


class Stage:
    """What the tests hand on: the tenant's network, its two instances and its public address."""

    network: dict
    address: dict
    one: Guest
    two: Guest
    at_first: dict
    password: str

    @property
    def outside(self) -> str:
        return self.address["ipaddress"]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    watch = Stopwatch()
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        told(f"server, two hosts with agents, zone, template: {watch.seconds:.1f} s")
        yield cloud
    assert leftovers(cloud.dc.prefix, cloud.dc.state) == []


@pytest.fixture(scope="module")
def stage(cloud):
    stage = Stage()
    stage.at_first = holds(cloud)
    stage.network = cloud.network(cloud.api, "net")
    data = base64.b64encode(USER_DATA).decode()
    begun = [
        cloud.begin(cloud.api, name, stage.network["id"], hostid=host, keypair="key", userdata=data)
        for name, host in zip(("one", "two"), cloud.host_ids, strict=True)
    ]
    watch = Stopwatch()
    results = [cloud.finish(made["jobid"])["jobresult"]["virtualmachine"] for made in begun]
    stage.password = results[0]["password"]
    told(f"network, router and an instance on each host: {watch.seconds:.1f} s")
    stage.one, stage.two = (Guest(cloud, made["id"]) for made in begun)
    assert [stage.one.host, stage.two.host] == cloud.dc.hosts()
    stage.address = cloud.api.all("listPublicIpAddresses", associatednetworkid=stage.network["id"], issourcenat=True)[0]
    return stage


def answers(address: str, port: int = 22, seconds: float = 1.0) -> bool:
    """Whether an SSH server greets at the address."""
    try:
        with socket.create_connection((address, port), seconds) as spoken:
            spoken.settimeout(seconds)
            return spoken.recv(4) == b"SSH-"
    except OSError:
        return False


# --- one guest network over two hosts


def test_instances_get_addresses_and_reach_each_other_over_the_hosts(cloud, stage):
    watch = Stopwatch()
    assert (stage.one.address(), stage.two.address()) == (stage.one.ip, stage.two.ip)
    told(f"addresses by DHCP {watch.seconds:.1f} s after both were started")
    assert stage.one.pings(stage.two.ip)
    assert stage.two.pings(stage.one.ip)
    assert stage.two.pings("10.1.1.1")


def test_a_link_that_is_down_carries_nothing(cloud, stage):
    nic = cloud.api.all("listNics", virtualmachineid=stage.one.id)[0]["id"]
    cloud.api.job("updateVmNic", nicid=nic, enabled=False)
    assert stage.one.sh("cat /sys/class/net/eth0/carrier") == "0"
    assert not stage.two.pings(stage.one.ip)
    cloud.api.job("updateVmNic", nicid=nic, enabled=True)
    eventually(lambda: stage.two.pings(stage.one.ip), 60)
    assert stage.one.address() == stage.one.ip


def test_metadata_arrives(stage):
    eventually(lambda: "it ran" in stage.one.sh("cat /var/lib/guest/user-data.log"), 60)
    assert stage.one.sh("hostname") == "one"
    assert "ssh-ed25519" in stage.one.sh("cat /root/.ssh/authorized_keys")
    assert has_password(stage.one, stage.password)


def test_the_firewall_is_closed_until_it_is_opened(cloud, stage):
    cloud.api.job(
        "createPortForwardingRule", ipaddressid=stage.address["id"], protocol="tcp", publicport=22, privateport=22,
        virtualmachineid=stage.one.id, openfirewall=False,
    )  # fmt: skip
    assert not answers(stage.outside)
    latencies = openings(cloud, stage.address, 22, 3)
    cloud.api.job("createFirewallRule", ipaddressid=stage.address["id"], protocol="tcp", startport=22, endport=22)
    told(f"rule change to packets: {in_ms(latencies)} ms (a try that fails costs up to {1000 * TRY:.0f})")
    assert cloud.ssh(stage.outside, "hostname") == "one"


def test_guests_leave_by_source_nat_where_egress_rules_let_them(cloud, stage):
    with socket.create_server((cloud.dc.public_gateway, 0)) as listener:
        port = listener.getsockname()[1]

        def heard(seconds: float) -> str:
            sender = threading.Thread(target=stage.two.sh, args=[f"echo hi | nc -w 3 {cloud.dc.public_gateway} {port}; true"])
            sender.start()
            listener.settimeout(seconds)
            try:
                spoken, peer = listener.accept()
                spoken.close()
                return peer[0]
            except TimeoutError:
                return "nobody"
            finally:
                sender.join()

        assert heard(3) == "nobody"
        rule = cloud.api.job(
            "createEgressFirewallRule", networkid=stage.network["id"], protocol="tcp", startport=port, endport=port
        )
        assert heard(10) == stage.outside
        cloud.api.job("deleteEgressFirewallRule", id=rule["id"])
        assert heard(3) == "nobody"


def test_a_running_instance_moves_without_losing_anything(cloud, stage):
    with Session(cloud, stage.outside) as session:
        for target in (2, 1):
            session.longest = 0.0
            watch = Stopwatch()
            cloud.finish(
                cloud.api.call("migrateVirtualMachine", virtualmachineid=stage.one.id, hostid=cloud.host_ids[target - 1])["jobid"]
            )
            took = watch.seconds
            time.sleep(1.5)
            assert stage.one.host is cloud.dc.host(target)
            told(f"moved to host {target} in {took:.1f} s; the open SSH session's silence {1000 * session.longest:.0f} ms")
        session.lives_and_grew()
    assert stage.one.pings(stage.two.ip)
    assert all(stage.one.domain not in cloud.dc.host(2).run(["virsh", "list", "--all", "--name"]) for _ in range(2))


# --- volumes and life


def test_volumes_come_grow_and_go_while_guests_run(cloud, stage):
    api = cloud.api
    offering = next(row["id"] for row in api.all("listDiskOfferings") if row["iscustomized"])
    volume = api.job("createVolume", name="data", diskofferingid=offering, zoneid=cloud.zone, size=1)["id"]
    watch = Stopwatch()
    api.job("attachVolume", id=volume, virtualmachineid=stage.one.id)
    attached = watch.seconds
    eventually(lambda: stage.one.sh("cat /sys/block/vdb/size") == str(1 << 21), 20)
    stage.one.sh("echo precious | dd of=/dev/vdb bs=512 conv=sync; sync")
    watch = Stopwatch()
    api.job("resizeVolume", id=volume, size=2)
    resized = watch.seconds
    eventually(lambda: stage.one.sh("cat /sys/block/vdb/size") == str(2 << 21), 20)
    watch = Stopwatch()
    api.job("detachVolume", id=volume)
    told(f"attached in {attached:.2f} s, resized in {resized:.2f} s, detached in {watch.seconds:.2f} s")
    assert stage.one.sh("ls /sys/block") == "vda"
    api.job("attachVolume", id=volume, virtualmachineid=stage.two.id)
    eventually(lambda: stage.two.sh("head -c 8 /dev/vdb") == "precious", 20)
    api.job("detachVolume", id=volume)
    api.call("deleteVolume", id=volume)
    eventually(lambda: not (cloud.pool / f"v-{volume}.qcow2").exists(), 20)


def test_stopping_keeps_data_and_a_new_password_is_taken(cloud, stage):
    stage.two.sh("echo kept >/root/kept; sync")
    watch = Stopwatch()
    cloud.api.job("stopVirtualMachine", id=stage.two.id)
    told(f"asked to shut down and stopped in {watch.seconds:.1f} s")
    cloud.api.job("resetPasswordForVirtualMachine", id=stage.two.id, password=PASSWORD)
    cloud.api.job("startVirtualMachine", id=stage.two.id)
    assert stage.two.sh("cat /root/kept") == "kept"
    eventually(lambda: has_password(stage.two, PASSWORD), 60)


def has_password(guest: Guest, password: str) -> bool:
    """Whether root's password in the guest is this one."""
    known = guest.sh("grep ^root: /etc/shadow").split(":")[1]
    salt = known.split("$")[2] if known.startswith("$6$") else ""
    made = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", salt, "-stdin"], input=password, capture_output=True, text=True, check=True
    )
    return made.stdout.strip() == known


def test_a_whole_copy_of_the_template_needs_no_template(cloud, stage):
    pool = cloud.api.all("listStoragePools")[0]["id"]
    cloud.api.call("updateConfiguration", name="create.full.clone", value="true", storageid=pool)
    try:
        made = cloud.begin(cloud.api, "whole", stage.network["id"])
        cloud.finish(made["jobid"])
    finally:
        cloud.api.call("updateConfiguration", name="create.full.clone", value="false", storageid=pool)
    root = cloud.api.all("listVolumes", virtualmachineid=made["id"])[0]["id"]
    linked = cloud.api.all("listVolumes", virtualmachineid=stage.one.id, type="ROOT")[0]["id"]
    assert (backing(cloud, root), backing(cloud, linked)) == (False, True)
    cloud.api.job("destroyVirtualMachine", id=made["id"], expunge=True, forced=True)


def backing(cloud: Cloud, volume: str) -> bool:
    shown = subprocess.run(
        ["qemu-img", "info", "-U", cloud.pool / f"v-{volume}.qcow2"], capture_output=True, text=True, check=True
    )
    return "backing file" in shown.stdout


def in_ms(times: list[float]) -> str:
    return " ".join(f"{1000 * one:.0f}" for one in times)


def test_the_platforms_share_of_a_start(cloud, stage):
    plain, ours, steps = starts(cloud, stage.two, 4)
    told(f"plain virsh create, without virsh's own time: {in_ms(plain)} ms")
    told(f"startVirtualMachine until done: {in_ms(ours)} ms, of which its steps {in_ms(steps)} ms")
    told(f"the platform's share: {1000 * (median(ours) - median(plain)):.0f} ms")


# --- screens


def test_the_screen_of_an_instance(cloud, stage):
    where = screen_of(cloud.api, stage.one)
    assert asyncio.run(greeting(where)) == b"RFB 003.008\n"
    with pytest.raises(aiohttp.WSServerHandshakeError):  # it opens once
        asyncio.run(greeting(where))


def test_the_serial_console_of_an_instance_that_was_moved(cloud, stage):
    watch = Stopwatch()
    assert asyncio.run(prompted(screen_of(cloud.api, stage.one, protocol="serial"))).endswith("one login: ")
    told(f"login prompt on the serial console after {watch.seconds:.1f} s")


async def prompted(where: str) -> str:
    """What a serial console says, after Enter, up to a login prompt."""
    heard = ""
    async with aiohttp.ClientSession() as session, session.ws_connect(where) as port:
        await port.send_bytes(b"\r")
        while not heard.endswith("login: "):
            heard += (await port.receive(20)).data.decode()
    return heard


def screen_of(api: Api, guest: Guest, **more: str) -> str:
    """Where its screen can be opened, once."""
    opened = api.one("createConsoleEndpoint", virtualmachineid=guest.id, **more)
    return "http://{host}:{port}{path}".format(**opened["websocket"])


async def greeting(where: str) -> bytes:
    """What a screen says first."""
    async with aiohttp.ClientSession() as session, session.ws_connect(where) as screen:
        return (await screen.receive(20)).data


@pytest.mark.skipif(not browser.PROGRAM, reason="needs Chromium")
def test_the_console_page_shows_the_login_prompt(cloud, stage, tmp_path):
    page = cloud.api.one("createConsoleEndpoint", virtualmachineid=stage.one.id)["url"]
    bright = """(() => { const c = document.querySelector('canvas'); if (!c || !c.width) return 0;
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        return d.filter((v, i) => i % 4 === 0 && v > 100).length })()"""

    async def look() -> str:
        async with browser.page(page, tmp_path / "profile") as opened:
            for _ in range(60):
                if await opened.value(bright):
                    break
                await asyncio.sleep(0.5)
            await opened.picture(tmp_path / "screen.png")
            state = await opened.value("document.getElementById('state').textContent")
            return f"{state} {await opened.value(bright)}"

    state, _, pixels = asyncio.run(look()).partition(" ")
    told(f"console page: {state}, {pixels} bright pixels; {tmp_path / 'screen.png'}")
    assert state == "Connected"
    assert int(pixels) > 500  # a prompt; a blank screen has none


# --- tenants apart


def test_tenants_with_equal_addresses_never_hear_each_other(cloud, stage):
    bob = cloud.tenant("bob")
    network = cloud.network(bob, "net")
    made = cloud.begin(bob, "neighbour", network["id"])
    cloud.finish(made["jobid"])
    guest = Guest(cloud, made["id"])
    assert guest.address() == guest.ip
    assert network["cidr"] == stage.network["cidr"] == "10.1.1.0/24"
    with pytest.raises(ApiError):
        bob.job("stopVirtualMachine", id=stage.one.id)
    assert not [row for row in bob.all("listVirtualMachines", listall=True) if row["account"] != "bob"]
    mine = {row["nic"][0]["macaddress"] for row in (stage.one.row(), stage.two.row())}
    port, host = guest.virsh("domiflist", guest.domain).split()[0], guest.host
    with Capture(host, port) as neighbours, Capture(host, "trunk") as trunk:
        for one, other in ((stage.one, stage.two), (stage.two, stage.one)):
            one.sh(f"arping -c 2 -I eth0 {guest.ip}; ping -c 2 -W 1 {guest.ip}; true")
            assert one.pings(other.ip)
        assert not guest.pings(stage.two.ip, 1)
    tags = {int(tag) for line in trunk.heard if any(mac in line for mac in mine) for tag in re.findall(r"vlan (\d+)", line)}
    assert len(tags) == 1
    assert not [line for line in neighbours.heard if any(mac in line for mac in mine)]
    told(f"trunk: {len(trunk.heard)} frames, the first tenant's all tagged {tags}; its neighbour's port heard none of them")
    bob.job("destroyVirtualMachine", id=guest.id, forced=True)
    cloud.api.job("expungeVirtualMachine", id=guest.id)
    bob.job("deleteNetwork", id=network["id"])


# --- faults


def test_an_instance_outlives_its_agent(cloud, stage):
    host = stage.one.host
    number = cloud.dc.hosts().index(host) + 1
    before = stage.one.uptime()
    watch = Stopwatch()
    cloud.agents.kill(host.name)
    state = eventually(lambda: (state := cloud.host_state(number)) != "Up" and state, 30)
    assert state == "Disconnected"
    told(f"agent killed: host {state} after {watch.seconds:.2f} s")
    assert stage.one.row()["state"] == "Running"
    assert stage.one.uptime(host) > before
    watch = Stopwatch()
    cloud.agents.start(host.name)
    eventually(lambda: cloud.host_state(number) == "Up", 60)
    told(f"agent started: host Up after {watch.seconds:.2f} s")
    assert stage.one.row()["state"] == "Running"


def test_what_died_while_the_agent_was_away_is_found(cloud, stage):
    host = stage.two.host
    pid = stage.two.qemu_pid()
    cloud.agents.kill(host.name)
    host.run(["kill", "-9", str(pid)])
    time.sleep(1)
    assert stage.two.row()["state"] == "Running"  # silence proves nothing
    watch = Stopwatch()
    cloud.agents.start(host.name)
    eventually(lambda: stage.two.row()["state"] == "Stopped", 60)
    told(f"found stopped {watch.seconds:.2f} s after the agent's start")
    cloud.api.job("startVirtualMachine", id=stage.two.id, hostid=cloud.host_ids[1])


def test_a_killed_qemu_is_told_within_seconds(cloud, stage):
    before = {row["id"]: row["state"] for row in cloud.api.all("listVirtualMachines")}
    watch = Stopwatch()
    stage.two.host.run(["kill", "-9", str(stage.two.qemu_pid())])
    eventually(lambda: stage.two.row()["state"] == "Stopped", 30)
    told(f"QEMU killed: Stopped after {watch.seconds:.2f} s")
    assert {row["id"]: row["state"] for row in cloud.api.all("listVirtualMachines")} == before | {stage.two.id: "Stopped"}
    events = cloud.api.all("listEvents", resourceid=stage.two.id, resourcetype="VirtualMachine", type="VM.STOP")
    assert events[0]["level"] == "WARN"
    assert "crashed" in events[0]["description"]
    assert stage.one.uptime() > 0
    cloud.api.job("startVirtualMachine", id=stage.two.id, hostid=cloud.host_ids[1])


@pytest.mark.parametrize("delay", [0.05, 0.3])
def test_a_deploy_outlives_its_server(cloud, stage, delay):
    made = cloud.begin(cloud.api, "survivor", stage.network["id"], hostid=cloud.host_ids[1])
    time.sleep(delay)
    watch = Stopwatch()
    cloud.kill_server()
    cloud.start_server()
    answering = watch.seconds
    cloud.finish(made["jobid"], 120)
    told(f"server killed {delay} s into a deploy: answers after {answering:.1f} s, deployed after {watch.seconds:.1f} s")
    one_domain(cloud, Guest(cloud, made["id"]))
    cloud.api.job("destroyVirtualMachine", id=made["id"], expunge=True, forced=True)


@pytest.mark.parametrize("delay", [0.05, 0.3])
def test_a_deploy_outlives_its_agent(cloud, stage, delay):
    made = cloud.begin(cloud.api, "survivor", stage.network["id"], hostid=cloud.host_ids[1])
    time.sleep(delay)
    cloud.agents.kill(cloud.dc.host(2).name)
    time.sleep(1)
    watch = Stopwatch()
    cloud.agents.start(cloud.dc.host(2).name)
    cloud.finish(made["jobid"], 120)
    told(f"agent killed {delay} s into a deploy: done {watch.seconds:.1f} s after its new start")
    one_domain(cloud, Guest(cloud, made["id"]))
    cloud.api.job("destroyVirtualMachine", id=made["id"], expunge=True, forced=True)


def test_a_second_server_drives_the_hosts_of_the_first_and_takes_them_over(cloud, stage):
    address = cloud.dc.server_address
    second = Serving(cloud.directory, "--node", "two", "--agents-bind", address, "--agents-port", "8251", "--advertise", address)
    with second:  # on the same data
        api = Api(second.url, cloud.api.key, cloud.api.secret)
        servers = {row["name"]: row["id"] for row in api.all("listManagementServers")}

        def hang_on(name: str, asked: Api = api) -> bool:
            rows = asked.all("listHosts", type="Routing")
            return {(row["state"], row.get("managementserverid")) for row in rows} == {("Up", servers[name])}

        assert hang_on("one")
        watch = Stopwatch()
        made = cloud.begin(api, "guest-of-two", stage.network["id"])
        guest = Guest(cloud, made["id"])
        cloud.finish(made["jobid"])
        told(f"deployed by either server, with hosts on the first: {watch.seconds:.1f} s")
        assert asyncio.run(greeting(screen_of(api, guest))) == b"RFB 003.008\n"
        eventually(lambda: all(":8251" in host.run(["cat", f"{AGENT_STATE}/servers"]) for host in cloud.dc.hosts()), 60)
        watch = Stopwatch()
        cloud.kill_server()
        try:
            eventually(lambda: hang_on("two"), 60)
            told(f"first server killed: all hosts hang on the second after {watch.seconds:.1f} s")
            watch = Stopwatch()
            api.job("rebootVirtualMachine", id=guest.id)
            told(f"reboot by the second: {watch.seconds:.1f} s")
            assert asyncio.run(greeting(screen_of(api, guest))) == b"RFB 003.008\n"
        finally:
            cloud.start_server()
        one_domain(cloud, guest)
        cloud.api.job("destroyVirtualMachine", id=guest.id, expunge=True, forced=True)
    eventually(lambda: hang_on("one", cloud.api), 60)


def one_domain(cloud: Cloud, guest: Guest) -> None:
    """It runs, once."""
    assert guest.row()["state"] == "Running"
    running = [name for host in cloud.dc.hosts() for name in host.run(["virsh", "-q", "list", "--all", "--name"]).split()]
    assert running.count(guest.domain) == 1


def test_instances_of_a_dead_host_start_nowhere_without_proof(cloud, stage):
    host = cloud.dc.host(2)
    assert stage.two.host is host
    watch = Stopwatch()
    host.kill()
    eventually(lambda: cloud.host_state(2) == "Disconnected", 90)
    told(f"power cut: host Disconnected after {watch.seconds:.1f} s")
    time.sleep(5)
    assert stage.two.row()["state"] == "Running"  # nobody knows better
    assert stage.two.domain not in cloud.dc.host(1).run(["virsh", "list", "--all", "--name"])
    with pytest.raises(ApiError):
        cloud.api.job("startVirtualMachine", id=stage.two.id, hostid=cloud.host_ids[0])
    host.boot()
    watch = Stopwatch()
    cloud.agents.start(host.name)
    eventually(lambda: stage.two.row()["state"] == "Stopped", 90)
    told(f"power back: seen stopped {watch.seconds:.1f} s after the agent's start")
    cloud.api.job("startVirtualMachine", id=stage.two.id, hostid=cloud.host_ids[1])
    assert stage.two.address() == stage.two.ip
    eventually(lambda: stage.two.pings("10.1.1.1", 1), 60)
    assert stage.two.pings(stage.one.ip)
    eventually(lambda: answers(stage.outside), 60)


# --- VXLAN on bridges


def test_one_guest_network_over_vxlan(cloud, stage):
    for guest in (stage.one, stage.two):
        cloud.api.job("destroyVirtualMachine", id=guest.id, expunge=True, forced=True)
    cloud.api.job("deleteNetwork", id=stage.network["id"])
    physical = cloud.overlay()
    network = cloud.network(cloud.api, "overlay", physicalnetworkid=physical)
    begun = [cloud.begin(cloud.api, f"over{n}", network["id"], hostid=cloud.host_ids[n]) for n in (0, 1)]
    for made in begun:
        cloud.finish(made["jobid"])
    one, two = (Guest(cloud, made["id"]) for made in begun)
    assert (one.address(), two.address()) == (one.ip, two.ip)
    with Capture(cloud.dc.host(1), "mgmt", "udp port 4789") as underlay:
        assert one.pings(two.ip)
        assert two.pings(one.ip)
    assert any("VXLAN" in line for line in underlay.heard)
    told(f"VXLAN: both have addresses and reach each other; {len(underlay.heard)} lines captured on the underlay")
    for guest in (one, two):
        cloud.api.job("destroyVirtualMachine", id=guest.id, expunge=True, forced=True)
    cloud.api.job("deleteNetwork", id=network["id"])


# --- nothing is left


def test_nothing_is_left(cloud, stage):
    for kind in ("VirtualMachines", "Volumes", "Networks", "Routers"):
        assert cloud.api.all(f"list{kind}", listall=True) == []
    expected = stage.at_first | {"pool": {f"t-{cloud.template}.qcow2"}}
    until = time.monotonic() + 30
    while (held := holds(cloud)) != expected and time.monotonic() < until:
        time.sleep(0.5)
    assert held == expected
    told(f"on hosts and pool is what was there at first, and {held['pool']}")
    for host in cloud.api.all("listHosts", type="Routing"):
        assert (host["memoryallocatedbytes"], host["cpuallocatedvalue"]) == (0, 0)
    assert [alert["description"] for alert in cloud.api.all("listAlerts") if "stray" in alert["description"]] == []
