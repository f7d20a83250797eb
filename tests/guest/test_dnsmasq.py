"""What dnsmasq reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudwright.guest.dnsmasq import Dnsmasq, configuration, kept_leases, names, reservations
from cloudwright.guest.failure import Failed
from tests.guest.documents import golden, rich


@pytest.mark.parametrize(("at", "name"), [(0, "isolated.conf"), (1, "shared.conf")])
def test_the_configuration_is_as_agreed(at: int, name: str) -> None:
    document = rich()
    text = configuration(document, document["dhcp"][at], "/run/r-1/dnsmasq")
    assert text == golden(name, text)


def test_hosts_have_reservations_and_names() -> None:
    document = rich()
    dhcp = document["dhcp"][0]
    assert reservations(dhcp) == "02:00:00:00:01:05,10.1.1.5,web1\n02:00:00:00:01:06,set:extra,10.1.1.6,db1\n"
    assert names(document, dhcp) == "10.1.1.5 web1\n10.1.1.6 db1\n10.1.1.1 data-server\n"


def test_a_hostname_cannot_become_a_second_line() -> None:
    dhcp = rich()["dhcp"][0]
    dhcp["hosts"][0]["hostname"] = "web1\n10.1.1.6 evil"
    with pytest.raises(Failed, match="cannot stand"):
        reservations(dhcp)


def test_leases_that_reservations_contradict_are_dropped() -> None:
    dhcp = rich()["dhcp"][0]
    good = "1790000000 02:00:00:00:01:05 10.1.1.5 web1 *\n"
    moved = "1790000000 02:00:00:00:01:06 10.1.1.9 db1 *\n"
    gone = "1790000000 02:00:00:00:01:99 10.1.1.6 old *\n"
    assert kept_leases(good, dhcp) == good
    assert kept_leases(good + moved + gone, dhcp) == good
    assert kept_leases("", dhcp) == ""


@pytest.mark.real
def test_files_that_dnsmasq_could_not_read_are_said_before_it_starts(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Failed, match=f"others may not enter {closed}|others may not enter {tmp_path}"):
        Dnsmasq(str(closed / "dnsmasq")).apply(rich())
