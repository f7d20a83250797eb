"""Hosts in namespaces: their networks, their faults, and that nothing of them is left behind."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloudwright.cli.lab import Datacenter, LabError, leftovers
from cloudwright.cli.lab.guest import guest_image

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
OFFLOAD = "<driver><host csum='off' gso='off' tso4='off' tso6='off'/><guest csum='off' tso4='off' tso6='off'/></driver>"
ROOT = Path(__file__).parent.parent.parent


def prefix(letter):
    return f"t{letter}{os.getpid() % 100000}"


def eventually(check, seconds=180.0):
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.2)
    return found


def start_guest(host, name, disk, tag):
    """A transient instance on cloudbr0 with a VLAN tag, straight through libvirt."""
    domain = f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>
<interface type='bridge'><source bridge='cloudbr0'/><vlan><tag id='{tag}'/></vlan><virtualport type='openvswitch'/>
<model type='virtio'/>{OFFLOAD}<rom enabled='no'/></interface>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>"""
    host.run(["virsh", "-q", "create", "/dev/stdin"], input=domain)


def in_guest(host, name, command):
    """Run a shell command by the guest agent; answers its output, or None while there is no agent."""

    def ask(verb, **arguments):
        question = json.dumps({"execute": verb, "arguments": arguments})
        answer = host.run(["virsh", "-q", "qemu-agent-command", name, question], check=False)
        return json.loads(answer)["return"] if answer.strip() else None

    started = ask("guest-exec", path="/bin/sh", arg=["-c", command], **{"capture-output": True})
    if started is None:
        return None
    ended = eventually(lambda: (status := ask("guest-exec-status", pid=started["pid"])) and status["exited"] and status, 60)
    return base64.b64decode(ended.get("out-data", "")).decode()


@pytest.fixture(scope="module")
def dc(tmp_path_factory):
    name = prefix("a")
    state = tmp_path_factory.mktemp("lab") / "state"
    with Datacenter(name, state, hosts=2) as dc:
        yield dc
    assert leftovers(name, state) == []


def test_hosts_are_up_apart_and_reach_each_other(dc):
    first, second = dc.hosts()
    assert first.run(["hostname"]).strip() == first.name != second.run(["hostname"]).strip()
    for host in (first, second):
        assert {"cloudbr0", "cloudbr1"} == set(host.run(["ovs-vsctl", "list-br"]).split())
        assert "libvirtd" in host.run(["ps", "-e", "-o", "comm"])
    first.run(["ping", "-c", "1", "-W", "2", second.name])
    first.run(["ping", "-c", "1", "-W", "2", dc.server_address])
    assert second.name not in first.run(["virsh", "-c", second.migration_uri, "capabilities"])


def test_the_machine_outside_reaches_public_addresses_and_not_libvirt_by_network(dc):
    host = dc.host(2)
    address = str(dc.public[20])
    host.run(["ip", "address", "add", f"{address}/24", "dev", "cloudbr1"])
    subprocess.run(["ping", "-c", "1", "-W", "2", "-I", dc.outside, address], check=True, capture_output=True)
    done = subprocess.run(["virsh", "-c", host.migration_uri, "hostname"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "refused" in done.stderr.lower() or "reset" in done.stderr.lower()
    done = subprocess.run(["virsh", "-q", "-c", host.libvirt_uri, "hostname"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == host.name


def test_instances_on_two_hosts_speak_over_their_vlan_only(dc, tmp_path):
    base = guest_image()
    for host, name, tag in ((dc.host(1), "one", 100), (dc.host(2), "two", 100)):
        disk = tmp_path / f"{name}.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk], check=True)
        start_guest(host, name, disk, tag)
    for number, name in ((1, "one"), (2, "two")):
        command = f"ip addr add 10.3.0.{number}/24 dev eth0 && echo done"
        assert eventually(lambda n=number, m=name, c=command: in_guest(dc.host(n), m, c)) == "done\n"
    ping = "ping -c 2 -W 2 10.3.0.2 >/dev/null && echo heard || echo silence"
    assert in_guest(dc.host(1), "one", ping) == "heard\n"
    port = dc.host(2).run(["virsh", "-q", "domiflist", "two"]).split()[0]
    dc.host(2).run(["ovs-vsctl", "set", "port", port, "tag=101"])
    assert in_guest(dc.host(1), "one", ping) == "silence\n"


def test_power_cut_kills_instances_and_keeps_the_disk(dc):
    host = dc.host(1)
    host.run(["sh", "-c", f"echo kept >{host.disk}/note; ovs-vsctl set bridge cloudbr0 external-ids:note=kept"])
    sleeper = host.popen(["sleep", "600"])
    host.kill()
    assert sleeper.wait(timeout=10) != 0
    assert not host.is_on()
    with pytest.raises(LabError, match="is switched off"):
        host.run(["true"])
    host.boot()
    assert (host.disk / "note").read_text() == "kept\n"
    assert host.run(["ovs-vsctl", "get", "bridge", "cloudbr0", "external-ids:note"]).strip() == "kept"
    assert host.run(["virsh", "-q", "list", "--name"]).strip() == ""
    host.run(["ping", "-c", "1", "-W", "2", dc.host(2).name])


def test_a_frozen_host_hangs_answers_pings_and_goes_on(dc):
    host = dc.host(2)
    counter = host.disk / "counter"
    loop = host.popen(["sh", "-c", f"while :; do date +%N >>{counter}; sleep 0.02; done"])
    eventually(counter.exists, 10)
    host.freeze()
    size = counter.stat().st_size
    time.sleep(0.3)
    assert counter.stat().st_size == size
    subprocess.run(["ping", "-c", "3", "-W", "5", host.address], check=True, capture_output=True)
    host.thaw()
    eventually(lambda: counter.stat().st_size > size, 10)
    loop.kill()
    loop.wait(timeout=10)


def test_a_frozen_host_can_be_cut_off(dc):
    host = dc.host(2)
    host.freeze()
    host.kill()
    assert not host.is_on()
    host.boot()


def test_cgroup_v2_alone_will_do(tmp_path):
    name = prefix("b")
    with Datacenter(name, tmp_path / "state", hosts=1, unified=True) as dc:
        host = dc.host(1)
        assert "0::/init" in host.run(["cat", "/proc/self/cgroup"]).split()
        host.freeze()
        host.thaw()
        assert host.run(["echo", "alive"]) == "alive\n"
    assert leftovers(name, tmp_path / "state") == []


def test_a_prefix_in_use_is_refused(dc):
    with pytest.raises(LabError, match=f"in use by process {os.getpid()}"):
        Datacenter(dc.prefix, dc.state).up()


def test_nothing_is_left_when_the_owner_is_killed(tmp_path):
    name, state = prefix("c"), tmp_path / "state"
    story = f"""
from pathlib import Path
from cloudwright.cli.lab import Datacenter
dc = Datacenter({name!r}, Path({str(state)!r}), hosts=1)
dc.up()
dc.host(1).freeze()
print("up", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", story], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout.readline() == "up\n"
        assert leftovers(name, state) != []
        owner.send_signal(signal.SIGKILL)
    eventually(lambda: leftovers(name, state) == [], 20)
