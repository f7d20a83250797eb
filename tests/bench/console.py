"""What the web console costs in a real browser, beside the targets that were set for it."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cloudwright.compute.model import Vm
from cloudwright.core.db import Database
from tests.bench import bulk
from tests.bench.figure import Figure, say
from tests.cli.serving import Serving
from tests.clients.conftest import simulated_zone
from tests.console.play import build, play
from tests.real.browser import PROGRAM

TRANSFER, CALLS, START, CLICKS, BUILD, NODES, FRAME = 450, 10, 1500, 4, 20, 1500, 120


def figures(directory: Path, sizes: list[int]) -> list[Figure]:
    """Of lists of these sizes; of the last one all that does not depend on the size. Or why not."""
    if not PROGRAM:
        return [Figure("the console", "not measured", why="There is no Chromium on this machine.")]
    directory.mkdir()
    built = build(directory / "ui")
    found: list[Figure] = []
    with Serving(directory) as server:
        keys = server.with_keys()
        zone = simulated_zone(keys)
        instance(keys, zone["id"])
        for size in sizes:
            say(f"{size} instances")
            _fill(server, size)
            told = _measured(play(server.url, server.password, "measure", CLOUDWRIGHT_MEASURE="1"))
            found.append(_rows(told))
    seconds = f"{built.seconds:.1f} s, {built.cpu:.1f} s of the processors, {built.memory:.0f} MB"
    return [*_costs(told), *found, Figure("production build", seconds, f"<= {BUILD} s", built.cpu <= BUILD)]


def _costs(told: dict[str, Any]) -> list[Figure]:
    kilobytes, requests = told["transfer until the overview, KB"]
    calls, start, clicks = told["calls until the idle overview"], told["cold start to rows, ms"], told["clicks to an instance"]
    light, dark = told["axe, light and dark"]
    return [
        Figure("transfer until the first screen", f"{kilobytes} KB in {requests}", f"<= {TRANSFER} KB", kilobytes <= TRANSFER),
        Figure("API calls, page load to idle overview", str(calls), f"<= {CALLS}", calls <= CALLS),
        Figure("cold start to rows", f"{start / 1000:.1f} s", f"<= {START / 1000} s", start <= START),
        Figure("clicks to an instance", str(clicks), f"<= {CLICKS}", clicks <= CLICKS),
        Figure("axe violations, list page, light and dark", f"{light}, {dark}", "0", light == dark == 0),
    ]


def _rows(told: dict[str, Any]) -> Figure:
    rows, nodes, middle, late, jump = told["rows in the list"]
    return Figure(
        f"a list of {rows:,} rows", f"{nodes:,} nodes, {middle} / {late} ms a frame", f"<= {NODES} nodes, p95 < {FRAME} ms",
        nodes <= NODES and late < FRAME, why=f"{jump} ms to its end",
    )  # fmt: skip


def _measured(printed: str) -> dict[str, Any]:
    return dict(json.loads(line) for line in re.findall(r"^MEASURED (.*)$", printed, re.MULTILINE))


def instance(keys: Any, zone: str) -> None:
    """Make an instance in a network of its own."""
    template = keys.all("listTemplates", templatefilter="all", hypervisor="Simulator")[0]["id"]
    offering = keys.all("listServiceOfferings", name="Small Instance")[0]["id"]
    isolated = keys.all("listNetworkOfferings", name="DefaultIsolatedNetworkOfferingWithSourceNatService")[0]["id"]
    network = keys.call("createNetwork", zoneid=zone, networkofferingid=isolated, name="net", displaytext="net")["network"]["id"]
    keys.job("deployVirtualMachine", zoneid=zone, templateid=template, serviceofferingid=offering, networkids=network, name="one")


def _fill(server: Serving, size: int) -> None:
    with contextlib.closing(Database(f"sqlite:///{server.data / 'cloudwright.db'}")) as db:
        have = db.read().count(Vm, Vm.c.gone == 0)
        machine = db.read().find(Vm)
        if machine is not None:
            bulk.machines(SimpleNamespace(db=db), machine, size - have, {machine.account_id: 1})  # type: ignore[arg-type]
