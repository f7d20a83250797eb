"""Where a machine fits, and if nowhere, why not. Pure: a request and candidates in, a plan or reasons out.

`place` tries the candidates in the order given. Each is asked by every filter: a refusal tells all that stands in the way;
`explain` then finds the smallest set of demands that no host meets together, and what would make the machine fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from msgspec import Struct

from cloudwright.core.error import NoCapacity, counted

SHOWN = 20  # refusals told of each host; the summary counts them all
PLANNERS = ("FirstFitPlanner", "UserDispersingPlanner", "UserConcentratedPodPlanner", "ImplicitDedicationPlanner")
TRIES = 10_000  # ways of spreading disks over pools that are tried on one host


class Disk(Struct, frozen=True, kw_only=True):
    """A volume to place. `pool`: it rests there already, and takes no more room."""

    name: str = "ROOT"
    size: int  # bytes
    tags: tuple[str, ...] = ()
    local: bool = False  # on the host's own disks
    pool: int | None = None


class Request(Struct, frozen=True, kw_only=True):
    """What a machine needs. Pins and `avoid` are ids; `labels` are the bridges its networks need; `crowd` is how many machines
    of the same account a host has, for spreading them."""

    name: str
    hypervisor: str
    cpus: int
    mhz: int  # of each processor
    memory: int  # bytes
    architecture: str = "x86_64"
    tags: tuple[str, ...] = ()
    disks: tuple[Disk, ...] = ()
    labels: tuple[str, ...] = ()
    zone: int
    pod: int | None = None
    cluster: int | None = None
    host: int | None = None
    avoid: frozenset[int] = frozenset()
    apart: dict[int, str] = {}  # hosts that its affinity groups forbid, and why
    beside: dict[int, str] | None = None  # those that they allow alone, and why
    leaning: dict[int, int] = {}  # how far they would rather not have it there
    groups: dict[int, str] = {}  # those of dedicated places: it goes to places of one of them alone; in words
    account: int = 0  # whose machine it is
    domains: frozenset[int] = frozenset()  # that account's domain and those above it
    crowd: dict[int, int] = {}
    planner: str = ""  # "" for the setting's choice
    alone: bool = False  # only beside machines of the same account
    disabled_too: bool = False  # also hosts, clusters and pods that take no new machines: an administrator's choice

    @property
    def cpu(self) -> int:
        """MHz in all."""
        return self.cpus * self.mhz


class Pool(Struct, frozen=True, kw_only=True):
    """A storage pool that a candidate reaches. `free`: bytes that may still be reserved there."""

    id: int
    name: str
    free: int
    tags: tuple[str, ...] = ()
    local: bool = False


class Claim(Struct, frozen=True, kw_only=True):
    """Somebody has a host, or what it is in, to itself: a domain with those below it, or one account."""

    what: str
    whose: str
    domain: int
    account: int | None = None
    group: int | None = None  # the affinity group whose machines go there

    def admits(self, account: int, domains: frozenset[int]) -> bool:
        """Whether an account may go there; `domains` are its own and those above."""
        return self.account == account if self.account is not None else self.domain in domains

    def said(self) -> str:
        """In words."""
        return f"{self.what} is dedicated to {self.whose}"


class Candidate(Struct, frozen=True, kw_only=True):
    """A host as placement sees it. Limits are overcommitted; shares are those of its cluster, thresholds 1.0 for none."""

    id: int
    name: str
    pod: int
    cluster: int
    hypervisor: str
    architecture: str = "x86_64"
    state: str = "Up"
    closed: str = ""  # why it takes no new machines: "host is Disabled", "cluster c1 is Disabled" …
    cpus: int
    mhz: int
    cpu_limit: int
    cpu_reserved: int = 0
    memory_limit: int
    memory_reserved: int = 0
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None  # None: any
    pools: tuple[Pool, ...] = ()
    cluster_cpu: tuple[int, int] = (0, 0)  # (reserved, most before its threshold); most 0: no threshold
    cluster_memory: tuple[int, int] = (0, 0)
    claims: tuple[Claim, ...] = ()
    guests: int = 0  # machines there
    most_guests: int | None = None
    neighbours: int = 0  # machines of other accounts there
    reclusive: int = 0  # those of them that want no machine of another account beside them

    @property
    def free_memory(self) -> int:
        """Bytes."""
        return self.memory_limit - self.memory_reserved


class Plan(Struct, frozen=True):
    """Where it goes: the host, and a pool for each disk of the request, in order."""

    host: int
    pools: tuple[int, ...]


class Refusal(Struct, frozen=True):
    """Why one host was not chosen: for each filter that refused it, one sentence."""

    host: int
    name: str
    why: dict[str, str]


Filter = Callable[[Request, Candidate], str | None]


def gib(bytes: int) -> str:
    """A size for people."""
    return f"{bytes / 2**20:.0f} MiB" if bytes < 2**30 else f"{bytes / 2**30:.1f} GiB"


def _state(request: Request, host: Candidate) -> str | None:
    return None if host.state == "Up" else f"it is {host.state}"


def _open(request: Request, host: Candidate) -> str | None:
    return host.closed if host.closed and not request.disabled_too else None


def _kind(request: Request, host: Candidate) -> str | None:
    if host.hypervisor != request.hypervisor:
        return f"it runs {host.hypervisor}, not {request.hypervisor}"
    if host.architecture != request.architecture:
        return f"it is {host.architecture}, not {request.architecture}"
    return None


def _pinned(request: Request, host: Candidate) -> str | None:
    pins = (("host", request.host, host.id), ("cluster", request.cluster, host.cluster), ("pod", request.pod, host.pod))
    wrong = [what for what, wanted, has in pins if wanted not in (None, has)]
    return f"it is not in the {wrong[-1]} that was asked for" if wrong and wrong[-1] != "host" else _not_host(wrong)


def _not_host(wrong: list[str]) -> str | None:
    return "it is not the host that was asked for" if wrong else None


def _avoided(request: Request, host: Candidate) -> str | None:
    return "it must be avoided" if host.id in request.avoid else None


def _dedicated(request: Request, host: Candidate) -> str | None:
    for claim in host.claims:
        if not claim.admits(request.account, request.domains):
            return claim.said()
    if request.alone and host.neighbours:
        return f"it has {counted({'machine': host.neighbours})} of other accounts, and no other account's may be beside this one"
    return (
        f"it has {counted({'machine': host.reclusive})} of an account that shares its hosts with no other"
        if host.reclusive
        else None
    )


def _grouped(request: Request, host: Candidate) -> str | None:
    if not request.groups or any(claim.group in request.groups for claim in host.claims):
        return None
    return f"it is not dedicated under {' or '.join(request.groups.values())}"


def _guests(request: Request, host: Candidate) -> str | None:
    full = host.most_guests is not None and host.guests >= host.most_guests
    return (
        f"it has {counted({'machine': host.guests}) or 'no machine'}, {host.most_guests} are allowed (maxguestslimit)"
        if full
        else None
    )


def _affinity(request: Request, host: Candidate) -> str | None:
    if host.id in request.apart:
        return request.apart[host.id]
    if request.beside is None or host.id in request.beside:
        return None
    return next(iter(request.beside.values()), "its affinity groups name no host in common")


def _tagged(request: Request, host: Candidate) -> str | None:
    lacks = [tag for tag in request.tags if tag not in host.tags]
    return f"it has no tag {', '.join(lacks)} (it has: {', '.join(host.tags) or 'none'})" if lacks else None


def _wired(request: Request, host: Candidate) -> str | None:
    lacks = [] if host.labels is None else [label for label in request.labels if label not in host.labels]
    return f"it has no bridge {', '.join(lacks)}" if lacks else None


def _processors(request: Request, host: Candidate) -> str | None:
    if request.cpus > host.cpus:
        return f"it has {host.cpus} processors, {request.cpus} are wanted"
    return f"its processors run at {host.mhz} MHz, {request.mhz} are wanted" if request.mhz > host.mhz else None


def _cpu(request: Request, host: Candidate) -> str | None:
    free = host.cpu_limit - host.cpu_reserved
    return None if request.cpu <= free else f"{free} of {host.cpu_limit} MHz are free, {request.cpu} are wanted"


def _memory(request: Request, host: Candidate) -> str | None:
    if request.memory <= host.free_memory:
        return None
    return f"{gib(host.free_memory)} of {gib(host.memory_limit)} memory are free, {gib(request.memory)} are wanted"


def _threshold(request: Request, host: Candidate) -> str | None:
    for what, (reserved, most), more in (("CPU", host.cluster_cpu, request.cpu), ("memory", host.cluster_memory, request.memory)):
        if most and reserved + more > most:
            return f"its cluster would give out more {what} than its threshold allows ({100 * (reserved + more) / most:.0f} %)"
    return None


def _storage(request: Request, host: Candidate) -> str | None:
    if spread(request.disks, host.pools) is not None:
        return None
    for disk in request.disks:
        fitting = [pool for pool in host.pools if _suits(disk, pool)]
        kind = "local " if disk.local else ""
        tags = f" with the tags {', '.join(disk.tags)}" if disk.tags else ""
        if not fitting:
            return f"it reaches no {kind}pool{tags} for {disk.name}" + (f" #{disk.pool}" if disk.pool else "")
        if disk.pool is None and max(pool.free for pool in fitting) < disk.size:
            best = max(fitting, key=lambda pool: pool.free)
            return f"{disk.name} takes {gib(disk.size)}, the {kind}pool{tags} with most room, {best.name}, has {gib(best.free)}"
    return f"its pools together have no room for {len(request.disks)} disks of {gib(sum(d.size for d in request.disks))}"


FILTERS: dict[str, Filter] = {
    "that is up": _state,
    "that takes new machines": _open,
    "of the hypervisor": _kind,
    "in the wanted place": _pinned,
    "not to be avoided": _avoided,
    "that its affinity groups allow": _affinity,
    "open to the account": _dedicated,
    "dedicated under its affinity group": _grouped,
    "allowed another machine": _guests,
    "with the tags": _tagged,
    "with the networks' bridges": _wired,
    "with such processors": _processors,
    "with the CPU": _cpu,
    "with the memory": _memory,
    "below its cluster's threshold": _threshold,
    "with the storage": _storage,
}
"""What is asked of a host, as words that follow "host"."""
OF_OTHERS = ("open to the account", "dedicated under its affinity group", "allowed another machine")
"""Those whose answer others change."""


def place(request: Request, candidates: Iterable[Candidate]) -> Plan | list[Refusal]:
    """The first candidate that all filters let pass, or for each why not."""
    refusals = []
    for host in candidates:
        why = {name: said for name, ask in FILTERS.items() if (said := ask(request, host)) is not None}
        pools = None if why else spread(request.disks, host.pools)
        if pools is not None:
            return Plan(host.id, pools)
        refusals.append(Refusal(host.id, host.name, why))
    return refusals


def spread(disks: Sequence[Disk], pools: Sequence[Pool]) -> tuple[int, ...] | None:
    """A pool for each disk so that all have room, or None. Largest disks first, into the pools with most room."""
    free = {pool.id: pool.free for pool in pools}
    order = sorted(range(len(disks)), key=lambda i: (disks[i].pool is None, -disks[i].size))
    chosen: dict[int, int] = {}
    tries = 0

    def settle(at: int) -> bool:
        nonlocal tries
        if at == len(order):
            return True
        disk = disks[order[at]]
        need = 0 if disk.pool is not None else disk.size
        for pool in sorted((p for p in pools if _suits(disk, p)), key=lambda p: -free[p.id]):
            tries += 1
            if free[pool.id] < need or tries > TRIES:
                break
            free[pool.id] -= need
            chosen[order[at]] = pool.id
            if settle(at + 1):
                return True
            free[pool.id] += need
        return False

    return tuple(chosen[i] for i in range(len(disks))) if settle(0) else None


def _suits(disk: Disk, pool: Pool) -> bool:
    if disk.pool is not None:
        return disk.pool == pool.id
    return disk.local == pool.local and set(disk.tags) <= set(pool.tags)


def conflict(refusals: Sequence[Refusal]) -> list[str]:
    """The smallest set of filters that no host passes together. Empty when there are no hosts."""
    if not refusals:
        return []
    passing = {name: sum(1 << i for i, refusal in enumerate(refusals) if name not in refusal.why) for name in FILTERS}
    everyone = (1 << len(refusals)) - 1
    strict = [name for name, mask in passing.items() if mask != everyone]
    for size in range(1, len(strict) + 1):
        for names in combinations(strict, size):
            together = everyone
            for name in names:
                together &= passing[name]
            if not together:
                return list(names)
    return []


def explain(request: Request, refusals: Sequence[Refusal]) -> NoCapacity:
    """The error to tell: which demands contradict each other, each host's numbers, and what would help."""
    what = f"{request.name} fits on no host"
    if not refusals:
        return NoCapacity(f"{what}: there is no host of {request.hypervisor} here", fix=["add a host (addHost)"])
    clash = conflict(refusals)
    counts = {name: sum(name not in refusal.why for refusal in refusals) for name in clash}
    if len(clash) == 1:
        summary = f"none of {len(refusals)} hosts is one {clash[0]}"
    else:
        parts = [
            f"{count} {'is' if count == 1 else 'are'} one{'' if count == 1 else 's'} {name}" for name, count in counts.items()
        ]
        summary = f"of {len(refusals)} hosts {', '.join(parts)}, none is {'both' if len(clash) == 2 else 'all of it'}"
    nearest = sorted(refusals, key=lambda refusal: (len(refusal.why), refusal.name))
    why = [f"host {one.name}: {'; '.join(one.why.values())}" for one in nearest[:SHOWN]]
    if len(nearest) > SHOWN:
        why.append(f"and {len(nearest) - SHOWN} more hosts")
    return NoCapacity(f"{what}: {summary}", why=[summary, *why], fix=_remedies(refusals))


def _remedies(refusals: Sequence[Refusal]) -> list[str]:
    """For each filter that alone keeps some hosts out: what would let the machine in there."""
    alone: dict[str, list[Refusal]] = {}
    for refusal in refusals:
        if len(refusal.why) == 1:
            alone.setdefault(next(iter(refusal.why)), []).append(refusal)
    fixes = []
    for name, hosts in alone.items():
        shown = ", ".join(one.name for one in hosts[:5]) + (f" and {len(hosts) - 5} more" if len(hosts) > 5 else "")
        fixes.append(f"it would fit on {shown}, but for one thing: {hosts[0].why[name]}")
    return fixes or ["no single change helps: see what each host lacks"]
