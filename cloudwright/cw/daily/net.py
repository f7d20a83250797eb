"""`cw net`: networks, and what hangs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudwright.cw.daily.word import Given, Option, Word, dispatch, rows_told

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

COLUMNS = ["name", "state", "type", "cidr", "zonename", "account", "id"]
Row = dict[str, Any]


def run(doing: Invocation) -> None:
    """Run a word of `cw net`."""
    dispatch(doing, WORDS)


def listed(doing: Invocation, given: Given) -> None:
    """List networks."""
    params = dict(given.options) | {"listall": "true"}
    if given.things:
        params["keyword"] = given.things[0]
    rows_told(doing, "network", doing.session.rows("listNetworks", params), COLUMNS)


def mapped(doing: Invocation, given: Given) -> None:
    """Tell networks with their routers, addresses, rules and instances, as a tree or, in JSON and YAML, as objects."""
    session, everybody = doing.session, {"listall": "true"}
    wanted = dict(given.options) | everybody
    if given.things:
        wanted["id"] = given.things[0]
    networks = session.rows("listNetworks", wanted)
    routers = session.rows("listRouters", everybody) if "listRouters" in session.catalogue else []
    addresses = session.rows("listPublicIpAddresses", everybody | {"allocatedonly": "true"})
    rules = session.rows("listPortForwardingRules", everybody)
    machines = session.rows("listVirtualMachines", everybody)
    drawn = [_network(network, routers, addresses, rules, machines) for network in networks]
    form = session.profile["output"]
    if form in ("json", "yaml") or doing.options.query:
        doing.answer({"count": len(drawn), "network": drawn})
    else:
        doing.terminal.write("\n".join(line for network in drawn for line in _tree(network)) or "no networks")


def _network(network: Row, routers: list[Row], addresses: list[Row], rules: list[Row], machines: list[Row]) -> Row:
    id = network["id"]
    return {
        **{key: network.get(key) for key in ("id", "name", "type", "state", "cidr", "zonename", "vlan")},
        "router": [
            {key: row.get(key) for key in ("name", "state", "hostname", "publicip", "guestipaddress")}
            for row in routers
            if row.get("guestnetworkid") == id
        ],
        "address": [
            {
                **{key: row.get(key) for key in ("ipaddress", "issourcenat", "isstaticnat", "virtualmachinename", "vmipaddress")},
                "forward": [_forward(rule) for rule in rules if rule.get("ipaddressid") == row["id"]],
            }
            for row in addresses
            if id in (row.get("associatednetworkid"), row.get("networkid")) and row.get("associatednetworkid") == id
        ],
        "instance": [
            {
                "name": row.get("name"),
                "state": row.get("state"),
                "hostname": row.get("hostname"),
                "ipaddress": nic.get("ipaddress"),
            }
            for row in machines
            for nic in row.get("nic") or []
            if nic.get("networkid") == id
        ],
    }


def _forward(rule: Row) -> Row:
    fields = ("protocol", "publicport", "privateport", "virtualmachinename", "vmguestip")
    return {key: rule.get(key) for key in fields}


def _tree(network: Row) -> list[str]:
    about = (network["type"], network["cidr"], network["state"], network["zonename"])
    lines = ["  ".join(str(word) for word in (network["name"], *about) if word)]
    for router in network["router"]:
        lines.append(
            f"  router {router['name']}  {router['state']}" + (f" on {router['hostname']}" if router["hostname"] else "")
        )
    for address in network["address"]:
        uses = "source NAT" if address["issourcenat"] else "static NAT" if address["isstaticnat"] else ""
        leads = f" -> {address['virtualmachinename']} {address['vmipaddress'] or ''}" if address["isstaticnat"] else ""
        lines.append(f"  public {address['ipaddress']}  {uses}{leads}".rstrip())
        for rule in address["forward"]:
            to = f"{rule['virtualmachinename']} {rule['vmguestip'] or ''}".strip()
            lines.append(f"    {rule['protocol']} {rule['publicport']} -> {to}:{rule['privateport']}")
    for machine in network["instance"]:
        where = f" on {machine['hostname']}" if machine["hostname"] else ""
        lines.append(f"  instance {machine['name']}  {machine['ipaddress'] or 'no address'}  {machine['state']}{where}")
    return lines


_ZONE = {"--zone": Option("zoneid", "only of this zone", "listZones")}
WORDS = {
    "map": Word(
        "networks as a tree: routers, public addresses, rules, instances", mapped, "[NETWORK]", "listNetworks", 0, 1, _ZONE
    ),
    "list": Word("networks, or those with a word in their names", listed, "[WORD]", most=1, options=_ZONE),
}
