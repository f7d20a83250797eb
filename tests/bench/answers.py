"""Signed reads and long lists over HTTP from a real server process, as the number of instances grows."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

from cloudwright.cli.client import Api
from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller
from cloudwright.core.secret import Secret
from cloudwright.identity import password
from cloudwright.identity.caller import caller_of
from cloudwright.identity.model import Account, User
from tests.bench import bulk
from tests.bench.deploys import Site
from tests.bench.figure import Figure, p50_p99, percentile, say, times
from tests.bench.replay import recorded, replay
from tests.bench.signed import signed
from tests.bench.start import memory
from tests.cli.serving import Serving
from tests.conftest import call

SHARE = 100  # the tenant owns every so many-eth instance
HOSTS, AT, LIMIT = 10_000, 100_000, 600  # how much the budget for memory is about, and that budget, in MB
PAGE = {"listall": "true", "page": "1", "pagesize": "500"}
LATER = {"listall": "true", "page": "100", "pagesize": "500"}
TENANT = {"firstname": "a", "lastname": "b", "email": "a@example.com", "username": "tenant", "accounttype": "0"}


def figures(directory: Path, sizes: list[int], number: int) -> list[Figure]:
    """Fill the database to each size, ask a server, and compare with what the database alone takes."""
    directory.mkdir()
    with Serving(directory):
        say("a server has made the installation")
    site = Site(directory, networks=1, data=True)
    made = site.call("createAccount", **TENANT, password=secrets.token_urlsafe(16))["account"]
    tenant = site.cloud.db.read().find(User, User.c.uuid == made["user"][0]["id"])
    assert tenant is not None
    found: list[Figure] = []
    have = 1
    url, key = site.cloud.db.url, site.key
    site.cloud.stop()
    for size in sizes:
        say(f"{size} instances")
        cloud = Cloud(url, key=key)
        _fill(cloud, site, tenant, size - have, size >= AT)
        have = size
        floors = _floors(cloud, directory, site.zone.caller, caller_of(cloud.db.read(), tenant))
        cloud.stop()
        with Serving(directory) as server:
            found += _asked(server, tenant, size, number, floors)
    return found


def _fill(cloud: Cloud, site: Site, tenant: User, more: int, many_hosts: bool) -> None:
    began = time.perf_counter()
    if many_hosts:
        site.zone.hosts = (
            site.zone.hosts if cloud.db.read().count(type(site.zone.hosts[0])) < HOSTS else [site.zone.hosts[0]] * HOSTS
        )
        bulk.hosts(cloud, site.zone, HOSTS)
    first = cloud.db.read().find(Vm)
    assert first is not None
    bulk.machines(cloud, first, more, {cloud.db.read().get(Account, tenant.account_id).id: SHARE})
    say(f"made in {time.perf_counter() - began:.0f} s")
    bulk.searchable(cloud)


def _floors(cloud: Cloud, directory: Path, root: Caller, tenant: Caller) -> dict[str, float]:
    """Seconds of the statements alone, by what is asked."""
    one = cloud.db.read().find(Vm)
    assert one is not None
    asked: dict[str, tuple[Caller, dict[str, str]]] = {
        "one": (root, {"id": one.uuid}), "root": (root, PAGE), "later": (root, LATER), "tenant": (tenant, PAGE),
        "keyword": (root, {**PAGE, "keyword": "vm-77"}),
    }  # fmt: skip
    file = Path(cloud.db.url.removeprefix("sqlite:///"))
    floors = {}
    for what, (caller, params) in asked.items():
        call(cloud, caller, "listVirtualMachines", **params)
        with recorded() as statements:
            call(cloud, caller, "listVirtualMachines", **params)
        floors[what] = min(replay(file, statements) for _ in range(3))
    return floors


def _asked(server: Serving, tenant: User, size: int, number: int, floors: dict[str, float]) -> list[Figure]:
    admin = server.with_keys()
    keys = admin.job("registerUserKeys", id=tenant.uuid)
    user = Api(server.url, keys["apikey"], keys["secretkey"])
    one = admin.all("listVirtualMachines", listall="true", page=1, pagesize=1)[0]["id"]

    def row(what: str, api: Api, floor: str, params: dict[str, str], most: tuple[float, float] | None) -> Figure:
        taken = times(
            signed(api, {"command": "listVirtualMachines", **params}, "virtualmachine"),
            {"one": number * 10, "keyword": max(3, number // 10)}.get(floor, number),
        )
        alone = floors[floor]
        met = percentile(taken, 0.5) < most[0] and percentile(taken, 0.99) < most[1] if most else None
        budget = f"< {most[0] * 1e3:.0f} / {most[1] * 1e3:.0f} ms" if most else ""
        why = f"{os.getloadavg()[0]:.0f} threads wanted the {os.cpu_count()} processors meanwhile" if met is False else ""
        say(f"{what}: {p50_p99(taken)}, the database alone {alone * 1e3:.2f} ms")
        return Figure(f"{what}, of {size}, p50 / p99", p50_p99(taken), budget, met, f"{alone * 1e3:.2f} ms", why)

    listed = (0.060, 0.100) if size >= 1000 else None
    found = [
        row("signed read of one object", admin, "one", {"id": one}, (0.002, 0.010)),
        row("list 500, all fields, as root", admin, "root", PAGE, listed),
        row("list 500, all fields, as a user of 1 %", user, "tenant", PAGE, listed),
        row("list by keyword, as root", admin, "keyword", {**PAGE, "keyword": "vm-77"}, None),
    ]
    if size >= AT:
        found.append(row("list 500, page 100, as root", admin, "later", LATER, None))
    if size == AT:
        own, files = memory(server.process.pid) if server.process else (0.0, 0.0)
        what = f"memory with {HOSTS} simulated hosts, {AT} instances"
        found.append(Figure(what, f"{own + files:.0f} MB, {files:.0f} of it mapped files", f"< {LIMIT} MB", own + files < LIMIT))
    if size < AT:
        found.append(_login(server))
    return found


def _login(server: Serving) -> Figure:
    known = server.password
    hashed = Secret(password.hashed(known))
    taken = times(lambda: Api(server.url).login("admin", known), 10)
    alone = percentile(times(lambda: password.matches(hashed, known), 10), 0.5)
    return Figure("login, p50 / p99", p50_p99(taken), "", None, f"{alone * 1e3:.2f} ms of hashing")
