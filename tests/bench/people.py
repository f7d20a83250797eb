"""A large organisation over HTTP from a real server process: lists of its domains, accounts, users and projects, all with
tallies; words and names searched in them; sign-ins."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cloudwright.cli.client import Api
from cloudwright.cloud import Cloud, master_key
from cloudwright.core.access import Caller
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.identity import password
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.ledger import ACCOUNT, DOMAIN, Tally, named
from cloudwright.identity.model import Account, Domain, User
from cloudwright.identity.project.model import Project, ProjectMember
from tests.bench import bulk
from tests.bench.figure import Figure, p50_p99, percentile, say, times
from tests.bench.replay import recorded, replay
from tests.bench.signed import signed
from tests.cli.serving import Serving
from tests.conftest import call, done

PARTS = 50  # domains below the organisation, each with as many of the others
BELOW = 45  # of them below one with an administrator of its own: most are, and the others too many to look at each
MOST = 0.100  # seconds, of 99 in 100
LISTS = {"listAccounts": "account", "listDomains": "domain", "listUsers": "user", "listProjects": "project"}
PAGE = {"listall": "true", "page": "1", "pagesize": "500"}
WORD = " 77"
NAME = {"listAccounts": {"name": "account 777"}, "listDomains": {"name": "unit 777"}, "listUsers": {"username": "user 777"}}
PASSWORD = secrets.token_urlsafe(16)  # of all users that are copied
CHIEF = {"firstname": "a", "lastname": "b", "email": "a@example.com", "accounttype": "2"}


def figures(directory: Path, domains: int, number: int) -> list[Figure]:
    """An organisation of so many domains, with two accounts in each and a project in every fifth; so many calls of each list."""
    directory.mkdir()
    with Serving(directory):
        say("a server has made the installation")
    url = f"sqlite:///{directory / 'data' / 'cloudwright.db'}"
    cloud = Cloud(url, key=master_key(directory / "data"))
    cloud.start()
    root = root_caller(cloud.db.read())
    chiefs = _organisation(cloud, root)
    began = time.perf_counter()
    _fill(cloud, domains, *chiefs)
    say(f"{domains} domains and {2 * domains} accounts made in {time.perf_counter() - began:.0f} s")
    file = Path(url.removeprefix("sqlite:///"))
    floors = {(who.username, name): _floor(cloud, file, who, name) for who in (root, *chiefs) for name in LISTS}
    cloud.stop()
    with Serving(directory) as server:
        return _asked(server, chiefs, domains, number, floors)


def _organisation(cloud: Cloud, root: Caller) -> list[Caller]:
    """A domain with an administrator, one below it for most of its domains with another, and one of all that is copied then."""
    chiefs: list[Caller] = []
    for name in ("org", "most"):
        inside = {"parentdomainid": chiefs[0].domain_uuid} if chiefs else {}
        domain = call(cloud, root, "createDomain", name=name, **inside)["domain"]["id"]
        about = {**CHIEF, "username": f"chief of {name}", "password": secrets.token_urlsafe(16)}
        made = call(cloud, root, "createAccount", **about, domainid=domain)["account"]
        chiefs.append(caller_of(cloud.db.read(), _one(cloud, User, User.c.uuid == made["user"][0]["id"])))
    chief = chiefs[0]
    call(cloud, root, "createDomain", name="part", parentdomainid=chief.domain_uuid)
    about = {**CHIEF, "username": "person", "accounttype": "0"}
    call(cloud, root, "createAccount", **about, domainid=chief.domain_uuid, password=PASSWORD)
    done(cloud, chief, "createProject", name="project")
    return chiefs


def _one(cloud: Cloud, kind: Any, *where: Any) -> Any:
    row = cloud.db.read().find(kind, *where)
    assert row is not None
    return row


def _fill(cloud: Cloud, number: int, chief: Caller, most: Caller) -> None:
    """Copies of the one domain, account, user, project, and a tally for each."""
    org, part = chief.domain_id, _one(cloud, Domain, Domain.c.name == "part").id
    person, user = _one(cloud, Account, Account.c.name == "person"), _one(cloud, User, User.c.username == "person")
    branch = {"level": _by("i", "3", "2"), "parent_id": _by("i", f"{most.domain_id}", f"{org}"), "path": _path_of("i")}
    parts = bulk.copies(cloud, Domain, part, PARTS, name="'part ' || i", **branch)
    its = f"(1 + i % {PARTS})"
    inside = {"level": _by(its, "4", "3"), "parent_id": f"{parts} + {its}", "path": f"{_path_of(its)} || 'unit ' || i || '/'"}
    leaf = {"name": "'unit ' || i", **inside}
    units = bulk.copies(cloud, Domain, part, number - PARTS, **leaf)
    home = f"{units} + 1 + i % {number - PARTS}"
    accounts = bulk.copies(cloud, Account, person.id, 2 * number, name="'account ' || i", domain_id=home)
    names = {"username": "'user ' || i", "account_id": f"{accounts} + i", "domain_id": home}
    bulk.copies(cloud, User, user.id, 2 * number, **names)
    _projects(cloud, number // 5, home, accounts)
    its = f"(1 + (1 + i % {number - PARTS}) % {PARTS})"
    between = _by(its, f"'{most.domain_id}, '", "''")
    above = f"'[{org}, ' || {between} || ({parts} + {its}) || ', ' || ({home}) || ']'"
    _tallies(cloud, ACCOUNT, accounts, 2 * number, above)
    _tallies(cloud, DOMAIN, parts, PARTS, "'[]'")
    _tallies(cloud, DOMAIN, units, number - PARTS, "'[]'")
    bulk.searchable(cloud)


def _by(part: str, below: str, else_: str) -> str:
    """SQL: one or the other, by whether the part is below the domain of most."""
    return f"CASE WHEN {part} <= {BELOW} THEN {below} ELSE {else_} END"


def _path_of(part: str) -> str:
    return "'/org/' || " + _by(part, "'most/'", "''") + f" || 'part ' || {part} || '/'"


def _projects(cloud: Cloud, number: int, home: str, people: int) -> None:
    """Projects that the accounts administer, one each."""
    one = _one(cloud, Project)
    own = bulk.copies(cloud, Account, one.account_id, number, name="'project ' || i", domain_id=home)
    projects = bulk.copies(cloud, Project, one.id, number, name="'project ' || i", account_id=f"{own} + i", domain_id=home)
    of = {"project_id": f"{projects} + i", "project_account_id": f"{own} + i", "account_id": f"{people} + i", "domain_id": home}
    bulk.copies(cloud, ProjectMember, _one(cloud, ProjectMember).id, number, **of)


def _tallies(cloud: Cloud, kind: str, base: int, number: int, above: str) -> None:
    def first(tx: Tx) -> int:
        return tx.insert(Tally(name=named(kind, -base), owner_kind=kind, owner_id=-base, volume=3, instance=2)).id

    name = f"'{kind}:' || ({base} + i) || ':'"
    row = cloud.db.write(first)
    bulk.copies(cloud, Tally, row, number, name=name, owner_id=f"{base} + i", above=above)
    cloud.db.write(lambda tx: tx.execute(sa.delete(Tally.t).where(Tally.c.id == row)))


def _floor(cloud: Cloud, file: Path, who: Caller, name: str) -> float:
    """Seconds of the statements alone."""
    call(cloud, who, name, **PAGE)
    with recorded() as statements:
        call(cloud, who, name, **PAGE)
    return min(replay(file, statements) for _ in range(3))


def _asked(
    server: Serving, chiefs: list[Caller], domains: int, number: int, floors: dict[tuple[str, str], float]
) -> list[Figure]:
    admin = server.with_keys()
    keys = [admin.job("registerUserKeys", id=chief.user_uuid) for chief in chiefs]
    apis = [admin, *(Api(server.url, pair["apikey"], pair["secretkey"]) for pair in keys)]
    names = ["admin", *(chief.username for chief in chiefs)]
    found = []
    for who, api, as_ in zip(names, apis, ("root", "administrator of all", f"administrator of {BELOW} in {PARTS}"), strict=True):
        whose = f"{domains} domains, as {as_}, p50 / p99"
        for name, key in LISTS.items():
            floor = f"{floors[who, name] * 1e3:.2f} ms of database"
            found.append(_figure(server, f"{name}, 500 of {whose}", _get(api, name, key, domains // 5), number, floor))
            further = {"the last page": {"page": str(_pages(api, name))}, "by keyword": {"keyword": WORD}}
            for what, params in (further | ({"by name": NAME[name]} if name in NAME else {})).items():
                get = signed(api, {"command": name, **PAGE, **params}, key)
                found.append(_figure(server, f"{name}, {what}, of {whose}", get, max(3, number // 3)))
    return [*found, _login(server, domains)]


def _figure(server: Serving, what: str, ask: Callable[[], object], number: int, floor: str = "") -> Figure:
    """Beside the seconds that a call took: those of a processor that the server spent on it, however busy the machine was."""
    began = _spent(server)
    taken = times(ask, number, warm=0)
    spent, met = (_spent(server) - began) / number, percentile(taken, 0.99) < MOST
    why = f"{spent * 1e3:.1f} ms of a processor" + ("" if met else f", which {os.getloadavg()[0]:.0f} threads wanted meanwhile")
    say(f"{what}: {p50_p99(taken)}, {why}")
    return Figure(what, p50_p99(taken), f"p99 < {MOST * 1e3:.0f} ms", met, floor, why)


def _spent(server: Serving) -> float:
    """Seconds of processors that the server's process took."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _get(api: Api, name: str, key: str, most: int) -> Callable[[], object]:
    """A signed call of a list, which answers a full page, or all where there are fewer."""
    get = signed(api, {"command": name, **PAGE}, key)
    rows = [next(iter(json.loads(get()).values()))[key] for _ in range(3)][-1]  # the first calls prepare statements
    assert len(rows) >= min(most, int(PAGE["pagesize"])), (name, len(rows))
    return get


def _pages(api: Api, name: str) -> int:
    """How many pages a list has."""
    return -(-int(api.call(name, **PAGE)["count"]) // int(PAGE["pagesize"]))


def _login(server: Serving, domains: int) -> Figure:
    """Sign-ins of some users, each in another domain."""
    hashed = Secret(password.hashed(PASSWORD))
    alone = percentile(times(lambda: password.matches(hashed, PASSWORD), 10), 0.5)
    users = iter(range(PARTS, 10 * PARTS))

    def sign_in() -> None:
        i = next(users)
        unit = i % (domains - PARTS) + 1
        part = 1 + unit % PARTS
        Api(server.url).login(f"user {i}", PASSWORD, domain=f"org/{'most/' if part <= BELOW else ''}part {part}/unit {unit}")

    return _figure(server, f"login, one of {2 * domains} users, p50 / p99", sign_in, 30, f"{alone * 1e3:.2f} ms of hashing")
