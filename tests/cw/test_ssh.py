"""`cw vm ssh`: which address and port it chooses, and how it calls `ssh`: a program of that name tells what it was given."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from cloudwright.cw.catalogue import Catalogue
from cloudwright.cw.daily.reach import Way, reach
from cloudwright.cw.failure import Failure

WEB = {"id": "1", "name": "web", "state": "Running"}
ISOLATED = {"networkid": "n", "type": "Isolated", "ipaddress": "10.1.1.5", "isdefault": True}
SHARED = {"networkid": "s", "type": "Shared", "ipaddress": "192.0.2.7", "isdefault": False}
FORWARD = {"virtualmachineid": "1", "protocol": "tcp", "ipaddress": "203.0.113.1", "privateport": "22", "publicport": "2222"}
RANGE = FORWARD | {"privateport": "20", "privateendport": "30", "publicport": "2020"}
PUBLIC = [{"ipaddress": "203.0.113.9", "associatednetworkid": "n"}]


def session(*rules, addresses=()):
    """A server that lists these."""
    lists = {"listPortForwardingRules": rules, "listPublicIpAddresses": addresses}
    catalogue = Catalogue([{"name": name} for name in lists])
    return SimpleNamespace(catalogue=catalogue, rows=lambda command, params: list(lists[command]))


@pytest.mark.parametrize(
    ("nics", "rules", "port", "private", "way"),
    [
        ([ISOLATED], [FORWARD], 22, False, Way("203.0.113.1", 2222, "a forwarded port")),
        ([ISOLATED], [RANGE], 22, False, Way("203.0.113.1", 2022, "a forwarded port")),
        ([ISOLATED], [FORWARD], 22, True, Way("10.1.1.5", 22, "its own address")),
        ([ISOLATED | {"publicip": "203.0.113.2"}], [], 2022, False, Way("203.0.113.2", 2022, "static NAT")),
        ([ISOLATED, SHARED], [], 22, False, Way("192.0.2.7", 22, "its own address")),
        ([ISOLATED, SHARED], [FORWARD | {"protocol": "udp"}], 22, False, Way("192.0.2.7", 22, "its own address")),
        ([ISOLATED, SHARED], [FORWARD | {"virtualmachineid": "2"}], 22, False, Way("192.0.2.7", 22, "its own address")),
        ([SHARED | {"ipaddress": None, "ip6address": "2001:db8::7"}], [], 22, False, Way("2001:db8::7", 22, "its own address")),
    ],
)
def test_the_way_that_is_chosen(nics, rules, port, private, way):
    assert reach(session(*rules), WEB | {"nic": nics}, port, private) == way


def test_what_is_out_of_reach_is_said_with_the_address_that_would_do():
    with pytest.raises(Failure, match="cannot be reached from outside: no port is forwarded to its port 22") as refused:
        reach(session(FORWARD | {"privateport": "80"}, addresses=PUBLIC), WEB | {"nic": [ISOLATED]})
    assert refused.value.fix[0].endswith("ipaddressid=203.0.113.9")
    assert refused.value.fix[1].endswith("cw vm ssh web --private")
    with pytest.raises(Failure, match="web is Stopped, not Running"):
        reach(session(FORWARD), WEB | {"state": "Stopped", "nic": [ISOLATED]})
    with pytest.raises(Failure, match="no address of its own"):
        reach(session(), WEB | {"nic": []}, private=True)


def test_it_becomes_ssh(signed, ready_zone, tmp_path, monkeypatch):
    from tests.cw.conftest import cw

    assert cw("create serviceoffering name=reached displaytext=reached cpunumber=1 cpuspeed=500 memory=128").code == 0
    network = "networkofferingid=DefaultIsolatedNetworkOfferingWithSourceNatService"
    assert cw(f"create network name=reached zoneid=demo {network}").code == 0
    made = cw("vm create reached --image 'Tiny Linux (Simulator)' --offering reached --network reached -o json")
    assert made.code == 0, made.err
    query = "'publicipaddress[0].ipaddress'"
    address = cw(f"list publicipaddresses associatednetworkid=reached --query {query} -o text").out.strip()
    forward = f"ipaddressid={address} virtualmachineid=reached protocol=tcp publicport=2200 privateport=22"
    assert cw(f"create portforwardingrule {forward}").code == 0
    (tmp_path / "ssh").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\ncat\nexit 7\n')
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    words = ["vm", "ssh", "reached", "--user", "root", "--key", "~/web", "--", "cat", "-"]
    program = [sys.executable, "-m", "cloudwright.cw.main", *words]
    done = subprocess.run(program, input="what was typed\n", capture_output=True, text=True, check=False, timeout=60)
    expected = ["-p", "2200", "-i", f"{signed}/web", f"root@{address}", "cat", "-", "what was typed"]
    assert (done.returncode, done.stdout.splitlines()) == (7, expected), done.stderr  # its input, output and exit code are ssh's
    assert done.stderr == f"reached is at {address} port 2200, by a forwarded port\n"
    assert cw("vm delete reached --expunge").code == 0
    assert cw("delete network id=reached").code == 0
