"""Rolling maintenance: hosts one after another are emptied, given to a program of their administrator, and opened again.

First every host's hook `PreFlight` is asked, all at once; then for each host in its turn: `PreMaintenance`, the host is emptied,
`Maintenance`, it is opened, `PostMaintenance`. A host without a hook `Maintenance` is left out. One whose maintenance failed
stays closed: nobody knows in what state it is. Nothing is done after a failure, unless it was asked to go on by `forced`.
"""

from __future__ import annotations

from typing import Any

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.event import emit
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource, column
from cloudwright.core.setting import setting
from cloudwright.core.task import Again, ChildFailed, Task, step
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, field, many
from cloudwright.drivers.error import Refused
from cloudwright.drivers.host.contract import MAINTENANCE, POST_MAINTENANCE, PRE_FLIGHT, PRE_MAINTENANCE, HostAgent
from cloudwright.drivers.work import WorkState
from cloudwright.infrastructure.host.maintain import MaintainHost, ReopenHost
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone

PING = setting("kvm.rolling.maintenance.ping.interval", 10, "seconds after which a hook that runs is looked at again", minimum=1)
TIMEOUT = setting(
    "kvm.rolling.maintenance.stage.timeout", 1800, "seconds that a hook of a rolling maintenance may take", minimum=1
)
WAITS, UPDATED, SKIPPED, FAILED = "Waiting", "Updated", "Skipped", "Failed"


class RollingMaintenance(Resource, table="rolling_maintenance"):
    """A rolling maintenance, and how it ended."""

    payload: str = column(text=True, default="")  # for the hooks
    seconds: int  # that each hook may take
    forced: bool = False
    success: bool = False
    details: str = column(text=True, default="")


class RollingHost(Resource, table="rolling_host", indexes=[("rolling_id", "id")]):
    """A host of a rolling maintenance: Waiting, Updated, Skipped or Failed."""

    rolling_id: int
    host_id: int
    state: str = WAITS
    reason: str = column(text=True, default="")
    output: str = column(text=True, default="")
    began: float | None = None
    ended: float | None = None


_of = RollingHost.c.rolling_id == RollingMaintenance.c.id
_who: dict[str, Any] = {"hostid": Host.c.uuid, "hostname": Host.c.name}


class RollingMaintenanceView(View, of=RollingMaintenance, key="rollingmaintenance"):
    """How a rolling maintenance ended."""

    success = field(RollingMaintenance.c.success, "whether no host failed")
    details = field(RollingMaintenance.c.details, "how it ended, in a sentence")
    hostsupdated = many(
        RollingHost, _of & (RollingHost.c.state == UPDATED),
        _who | {
            "startdate": field(RollingHost.c.began, "when its turn came", "date"),
            "enddate": field(RollingHost.c.ended, "when it was over", "date"),
            "output": RollingHost.c.output,
        },
        "the hosts that were maintained", joins=[(Host, Host.c.id == RollingHost.c.host_id)],
    )  # fmt: skip
    hostsskipped = many(
        RollingHost, _of & (RollingHost.c.state != UPDATED), _who | {"reason": RollingHost.c.reason},
        "those that were not, and why", joins=[(Host, Host.c.id == RollingHost.c.host_id)],
    )  # fmt: skip


class _OneHost(Task):
    """What is done with one host. `over` is how it ended, once it did, with the reason."""

    rolling: int
    row_id: int
    over: str = ""
    reason: str = ""
    output: list[str] = []

    def host(self) -> Host:
        """The host."""
        return self.read.get(Host, self.read.get(RollingHost, self.row_id).host_id)

    def end(self, over: str, reason: str) -> None:
        """Nothing more is done with it."""
        self.over, self.reason = over, reason
        self.say(f"{over}: {reason}")

    def hook(self, stage: str) -> None:
        """Have a stage's hook run, if there is one; comes back until it is over."""
        if self.over:
            return
        try:
            self._play(stage)
        except Refused as refused:
            self.end(FAILED, str(refused))

    def _play(self, stage: str) -> None:
        host = self.host()
        agent = self.reach(HostAgent, host)
        hooks = agent.hooks()
        if MAINTENANCE not in hooks:
            self.end(SKIPPED, f"host {host.name} has no hook {MAINTENANCE}")
        if self.over or stage not in hooks:
            return
        rolling, key = self.read.get(RollingMaintenance, self.rolling), self._key(stage)
        if agent.work(key).state is WorkState.UNKNOWN:
            agent.begin_hook(key, stage, rolling.payload, rolling.seconds)
        work = agent.work(key)
        if work.state in (WorkState.RUNNING, WorkState.UNKNOWN):
            raise Again(PING.get(self.read), f"hook {stage} runs on host {host.name}")
        said = str(work.result.get("output", ""))
        if work.state is WorkState.FAILED:
            self.end(FAILED, work.error)
        elif work.result.get("avoid"):
            self.end(SKIPPED, f"hook {stage} says that it needs no maintenance: {said}")
        elif said:
            self.output = [*self.output, f"{stage}: {said}"]

    def stop(self, stage: str) -> None:
        """Have a stage's hook run no more."""
        host = self.host()
        if host.state == "Up":  # else it ends by itself in its time: nobody waits for a host that may never come back
            self.reach(HostAgent, host).cancel(self._key(stage))

    def _key(self, stage: str) -> str:
        return f"{self.row.uuid}-{stage}"


class AskHost(_OneHost, rank=74):
    """Ask a host before a rolling maintenance whether it can take part."""

    @step(deadline=86400)
    def asked(self) -> None:
        host = self.host()
        if host.state != "Up" or host.resource_state != "Enabled":
            self.end(SKIPPED, f"host {host.name} is {host.state} and {host.resource_state}, not Up and Enabled")
        else:
            self.hook(PRE_FLIGHT)

    @asked.undo
    def unasked(self) -> None:
        self.stop(PRE_FLIGHT)

    @step
    def noted(self, tx: Tx) -> None:
        if self.over:
            tx.update(tx.get(RollingHost, self.row_id), state=self.over, reason=self.reason)


class RollHost(_OneHost, rank=75):
    """Maintain one host."""

    emptied: bool = False

    @step
    def begun(self, tx: Tx) -> None:
        tx.update(tx.get(RollingHost, self.row_id), began=tx.now)

    @step(deadline=86400)
    def prepared(self) -> None:
        self.hook(PRE_MAINTENANCE)

    @prepared.undo
    def unprepared(self) -> None:
        self.stop(PRE_MAINTENANCE)

    @step(deadline=86400)
    def closed(self, tx: Tx) -> None:
        if self.over:
            return
        host = tx.get(Host, tx.get(RollingHost, self.row_id).host_id)
        try:
            self.children(tx, [(MaintainHost(host=host.id), host)])
            self.emptied = True
        except ChildFailed as failed:
            self.end(FAILED, failed.why)

    @step(deadline=86400)
    def maintained(self) -> None:
        self.hook(MAINTENANCE)

    @maintained.undo
    def unmaintained(self) -> None:
        self.stop(MAINTENANCE)

    @step(final=True, deadline=86400)
    def opened(self, tx: Tx) -> None:
        """What was done to it is done. One that failed meanwhile stays closed."""
        if self.emptied and not self.over:
            host = tx.get(Host, tx.get(RollingHost, self.row_id).host_id)
            self.children(tx, [(ReopenHost(host=host.id), host)])

    @step(deadline=86400)
    def finished(self) -> None:
        self.hook(POST_MAINTENANCE)

    @step
    def noted(self, tx: Tx) -> None:
        reason = self.reason + ("; it stays in maintenance" if self.emptied and self.over == FAILED else "")
        row = tx.get(RollingHost, self.row_id)
        tx.update(row, state=self.over or UPDATED, reason=reason, output="\n".join(self.output), ended=tx.now)


class RollMaintenance(Task, rank=90):
    """Maintain hosts one after another."""

    rolling: int

    @step(deadline=86400)
    def asked(self, tx: Tx) -> None:
        """All hosts are asked at once."""
        rows = self._hosts(tx)
        try:
            self.children(tx, [(AskHost(rolling=self.rolling, row_id=row.id), row) for row in rows])
        except ChildFailed as failed:
            for row in self._hosts(tx, WAITS):  # whoever could not be asked, and those that can wait
                tx.update(row, state=FAILED, reason=f"not every host could be asked: {failed.why}")

    @step(deadline=30 * 86400)
    def each(self, tx: Tx) -> None:
        """One after another."""
        forced = tx.get(RollingMaintenance, self.rolling).forced
        for row in self._hosts(tx):
            if self._hosts(tx, FAILED) and not forced:
                break
            if row.state == WAITS or row.began is not None:
                self._roll(tx, row)
        for row in self._hosts(tx, WAITS):
            tx.update(row, state=SKIPPED, reason="another host failed before its turn came")

    def _roll(self, tx: Tx, row: RollingHost) -> None:
        try:
            self.children(tx, [(RollHost(rolling=self.rolling, row_id=row.id), row)])
        except ChildFailed as failed:
            tx.update(tx.get(RollingHost, row.id), state=FAILED, reason=failed.why, ended=tx.now)

    @step
    def told(self, tx: Tx) -> None:
        counts = {state: len(self._hosts(tx, state)) for state in (UPDATED, SKIPPED, FAILED)}
        said = ", ".join(f"{number} {state.lower()}" for state, number in counts.items())
        row = tx.get(RollingMaintenance, self.rolling)
        tx.update(row, success=not counts[FAILED], details=f"Hosts: {said}")
        self.say(f"rolling maintenance ended: {said}", **counts)

    def _hosts(self, tx: Tx, state: str = "") -> list[RollingHost]:
        of = [RollingHost.c.rolling_id == self.rolling, *([RollingHost.c.state == state] if state else [])]
        return tx.all(RollingHost, *of)


class StartRollingMaintenance(
    Command, answers=RollingMaintenanceView, creates=RollingMaintenance, starts=RollMaintenance, authorized=("Admin",)
):
    """Maintains hosts one after another, by programs that their administrator put there."""

    zones: list[Ref[Zone]] | None = param("all hosts of these zones", use=Use.CHANGE)
    pods: list[Ref[Pod]] | None = param("or of these pods", use=Use.CHANGE)
    clusters: list[Ref[Cluster]] | None = param("or of these clusters", use=Use.CHANGE)
    hosts: list[Ref[Host]] | None = param("or these hosts", use=Use.CHANGE)
    forced: bool = param("true goes on with the next host when one failed", default=False)
    payload: str | None = param("a text that each program gets as its argument")
    timeout: int | None = param("seconds that each program may take, instead of what the setting says", minimum=1)

    def run(self, tx: Tx, caller: Caller) -> RollingMaintenance:
        places = self._places()
        at = Host.c.id if places[0].kind == "host" else Host.c[f"{places[0].kind}_id"]
        hosts = sorted(tx.all(Host, at.in_([place.id for place in places])), key=lambda host: (host.cluster_id, host.id))
        if not hosts:
            raise ParamError(f"Parameter {places[0].kind}ids: there is no host", param=f"{places[0].kind}ids")
        about: dict[str, Any] = {"payload": self.payload or "", "seconds": self.timeout or TIMEOUT.get(tx), "forced": self.forced}
        row = tx.insert(RollingMaintenance(**about))
        for host in hosts:
            tx.insert(RollingHost(rolling_id=row.id, host_id=host.id))
        for place in places:
            text = f"Began a rolling maintenance of {place.kind} {place.__dict__['name']}"
            emit(tx, f"{place.kind.upper()}.ROLLING.MAINTENANCE", text, about=place, caller=caller)
        self.start(tx, RollMaintenance(rolling=row.id), row, caller)
        return row

    def _places(self) -> list[Resource]:
        given: list[list[Any]] = [some for some in (self.zones, self.pods, self.clusters, self.hosts) if some]
        if len(given) != 1:
            raise ParamError("Give one of the parameters zoneids, podids, clusterids and hostids", param="clusterids")
        return given[0]
