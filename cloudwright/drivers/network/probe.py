"""What this host's network can do, tried in a namespace that lives only as long as the probe."""

from __future__ import annotations

from cloudwright.drivers.network.command import Commands

_VXLAN = "link add probe0 type vxlan id 1 dstport 4789\n"
_VETH = "link add probe0 type veth peer name probe1\n"
_VLAN = _VETH + "link add link probe0 name probe2 type vlan id 2\n"
_BRIDGE = "link add probe0 type bridge\n"
_NAT = """table ip probe {
  chain a { type nat hook postrouting priority srcnat; masquerade; }
  chain b { type filter hook forward priority filter; ct mark set 1 ct original ip daddr 192.0.2.1 accept; }
}
"""


def abilities(commands: Commands) -> tuple[list[str], dict[str, str]]:
    """(what works, what does not with the reason).

    Names: veth, linuxbridge, 8021q (VLANs on Linux bridges), vxlan, nftables, dnsmasq, tcpdump, openvswitch,
    openvswitch-kernel, openvswitch-userspace, and router: whether appliances can live here.
    """
    tried = {
        "veth": _link(commands, "veth", _VETH),
        "linuxbridge": _link(commands, "bridge", _BRIDGE),
        "8021q": _link(commands, "802.1Q VLAN", _VLAN),
        "vxlan": _link(commands, "VXLAN", _VXLAN),
        "nftables": _refusal(commands, "unshare", "--net", "nft", "-f", "-", text=_NAT),
        "dnsmasq": _refusal(commands, "dnsmasq", "--version"),
        "tcpdump": _refusal(commands, "tcpdump", "--version"),
    } | _openvswitch(commands)
    missing = next((f"{name}: {tried[name]}" for name in ("veth", "nftables", "dnsmasq") if tried[name]), "")
    tried["router"] = missing
    return sorted(name for name in tried if not tried[name]), {name: why for name, why in tried.items() if why}


def _link(commands: Commands, kind: str, batch: str) -> str:
    words = _refusal(commands, "unshare", "--net", "ip", "-batch", "-", text=batch)
    return f"the kernel makes no {kind} device: {words}" if words else ""


def _refusal(commands: Commands, *argv: str, text: str = "") -> str:
    code, _, words = commands.attempt(*argv, text=text)
    return (words or f"{argv[0]} ended with exit code {code}") if code else ""


def _openvswitch(commands: Commands) -> dict[str, str]:
    """Open vSwitch runs, and which of its datapaths forward packets."""
    code, out, words = commands.attempt("ovs-vsctl", "--timeout=3", "get", "Open_vSwitch", ".", "datapath_types")
    if code:
        reason = words or "Open vSwitch does not answer"
        return {"openvswitch": reason, "openvswitch-kernel": reason, "openvswitch-userspace": reason}
    return {
        "openvswitch": "",
        "openvswitch-kernel": "" if "system" in out else "the kernel has no Open vSwitch datapath",
        "openvswitch-userspace": "" if "netdev" in out else "this Open vSwitch has no userspace datapath",
    }
