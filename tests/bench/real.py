"""What the platform adds on two real hosts of this machine: to an instance's start over libvirt, to a change of rules."""

from __future__ import annotations

from pathlib import Path

from cloudwright.cli.lab import why_not
from tests.bench.figure import Figure, percentile, say
from tests.real import figures as real
from tests.real.cloud import Cloud

SHARE, CHANGE = 0.300, 0.250  # seconds
START, RULE = "platform's share of a real VM's start", "rule change to packets"
PORT = 22


def figures(directory: Path, number: int) -> list[Figure]:
    """Both, or why not."""
    reasons = why_not()
    if reasons:
        return [
            Figure(START, "not measured", f"< {SHARE * 1e3:.0f} ms", why=" ".join(reasons)),
            Figure(RULE, "not measured", f"< {CHANGE * 1e3:.0f} ms", why=" ".join(reasons)),
        ]
    directory.mkdir()
    with Cloud(directory) as cloud:
        say("two hosts, their agents, a zone and a template")
        network = cloud.network(cloud.api, "net")
        guest = cloud.deploy("one", network["id"], 2)
        return [_starts(*real.starts(cloud, guest, number)), _rules(cloud, guest, network["id"], number)]


def _starts(plain: list[float], ours: list[float], steps: list[float]) -> Figure:
    floor, whole, inside = (percentile(taken, 0.5) for taken in (plain, ours, steps))
    return Figure(
        START, f"{(whole - floor) * 1e3:.0f} ms", f"< {SHARE * 1e3:.0f} ms", whole - floor < SHARE,
        f"{floor * 1e3:.0f} ms by libvirt alone", f"{whole * 1e3:.0f} ms until the job is done, {inside * 1e3:.0f} in its steps",
    )  # fmt: skip


def _rules(cloud: Cloud, guest: real.Guest, network: str, number: int) -> Figure:
    address = cloud.api.all("listPublicIpAddresses", associatednetworkid=network, issourcenat=True)[0]
    cloud.api.job(
        "createPortForwardingRule", ipaddressid=address["id"], protocol="tcp", publicport=PORT, privateport=PORT,
        virtualmachineid=guest.id, openfirewall=False,
    )  # fmt: skip
    guest.sh("true", 180)  # it is up, and so is its SSH server
    taken = percentile(real.openings(cloud, address, PORT, number), 0.5)
    router = cloud.api.all("listRouters", listall="true")[0]
    alone = percentile(real.loading(cloud, router, number), 0.5)
    return Figure(
        RULE, f"{taken * 1e3:.0f} ms", f"< {CHANGE * 1e3:.0f} ms", taken < CHANGE, f"{alone * 1e3:.0f} ms of nft over all rules",
        f"from the call to the first connection; a try that is dropped takes {real.TRY * 1e3:.0f} ms",
    )  # fmt: skip
