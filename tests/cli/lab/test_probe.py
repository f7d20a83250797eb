from ipaddress import IPv4Network

import pytest

from cloudwright.cli.lab import probe
from cloudwright.cli.lab.datacenter import Datacenter
from cloudwright.cli.lab.program import LabError, run


def test_subnets_that_the_machine_uses_are_not_taken():
    taken = [IPv4Network("10.200.0.0/24"), IPv4Network("10.200.2.128/25")]
    assert probe.free_subnets(2, taken) == [IPv4Network("10.200.1.0/24"), IPv4Network("10.200.3.0/24")]


def test_a_wide_route_moves_the_choice_to_another_block():
    assert probe.free_subnets(1, [IPv4Network("10.0.0.0/8")]) == [IPv4Network("172.30.0.0/24")]


def test_no_free_subnet_is_said():
    with pytest.raises(LabError, match="only 0 of 2 subnets are free"):
        probe.free_subnets(2, [IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1")])


def test_why_not_says_who_lacks_root(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert probe.why_not() == ["Real hosts are made of namespaces and need root; this process runs as user 1000."]


def test_why_not_names_the_missing_program_and_its_package(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: None if name == "ovs-vswitchd" else "/usr/bin/" + name)
    assert "The program ovs-vswitchd is missing; the package openvswitch-switch has it." in probe.why_not()


@pytest.mark.parametrize("prefix", ["", "Upper", "far-too-long", "has space", "1st"])
def test_bad_prefixes_are_refused(prefix):
    with pytest.raises(LabError, match="is not 1 to 8"):
        Datacenter(prefix)


def test_a_failed_program_says_what_it_answered():
    with pytest.raises(LabError, match=r"exit code 3: no luck"):
        run(["sh", "-c", "echo no luck >&2; exit 3"])


def test_a_missing_program_is_named():
    with pytest.raises(LabError, match="the program no-such-program is not installed"):
        run(["no-such-program"])
