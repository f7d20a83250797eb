"""The plan of the interfaces, and the way to it."""

from __future__ import annotations

from cloudwright.guest.arp import announcement
from cloudwright.guest.conntrack import deletion
from cloudwright.guest.interfaces import changes, wanted
from tests.guest.documents import empty, rich


def link(name: str, addresses: list[str], mtu: int = 1500, up: bool = True) -> dict[str, object]:
    info = [{"family": "inet", "local": a.split("/")[0], "prefixlen": int(a.split("/")[1])} for a in addresses]
    return {"ifname": name, "mtu": mtu, "flags": ["UP"] if up else [], "addr_info": info}


def test_the_plan_has_every_public_address_and_the_metadata_address() -> None:
    plan = wanted(rich())
    assert plan["eth1"]["addresses"] == ["203.0.113.10/24", "203.0.113.11/24", "203.0.113.12/32"]
    assert plan["eth0"] == {"mtu": 1450, "addresses": ["10.1.1.1/24"]}
    assert "169.254.169.254/32" in plan["lo"]["addresses"]
    assert plan[""] == {"via": "203.0.113.1", "device": "eth1"}
    assert wanted(empty()) == {"": {}}


def test_only_what_differs_is_changed() -> None:
    plan = wanted(rich())
    seen = [
        link("lo", ["127.0.0.1/8", "169.254.169.254/32"], 65536),
        link("eth0", ["10.1.1.1/24"], 1450),
        link("eth1", ["203.0.113.10/24", "203.0.113.99/24", "203.0.113.12/32"], up=False),
        link("eth2", ["10.1.2.1/24"]),
        link("eth9", ["192.0.2.1/24"]),
    ]
    assert changes(plan, seen, [{"gateway": "203.0.113.1", "dev": "eth1"}]) == [
        "address add 203.0.113.11/24 dev eth1",
        "address del 203.0.113.99/24 dev eth1",
        "link set eth1 up",
    ]
    assert changes(plan, [], []) == ["route replace default via 203.0.113.1 dev eth1"]
    assert changes(wanted(empty()), [], [{"dev": "eth1"}]) == ["route del default"]


def test_frames_and_messages_have_their_bytes() -> None:
    frame = announcement(bytes.fromhex("020000000001"), "192.0.2.1")
    assert frame.hex() == "ffffffffffff020000000001080600010800060400010200000000" + "01c0000201000000000000c0000201"
    assert len(deletion(0xDEAD)) == 36
    assert deletion(0xDEAD)[24:28] == b"\0\0\xde\xad"
