"""updateHost and reconnectHost."""

from __future__ import annotations

from typing import Any

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.host.tag import set_tags
from cloudwright.infrastructure.host.view import HostView
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.observe import back, known
from cloudwright.operations.word.annotation import annotate

_ALLOCATION = {"enable": "Enabled", "enabled": "Enabled", "disable": "Disabled", "disabled": "Disabled"}


class UpdateHost(Command, answers=HostView):
    """Changes a host. A disabled one takes no new machines; those that run there stay."""

    id: Ref[Host] = param("the host", use=Use.CHANGE)
    name: str | None = param("its new name", roles=["Admin"])
    url: str | None = param("its new URL")
    allocation_state: str | None = param("Enable or Disable", choices=["Enable", "Enabled", "Disable", "Disabled"])
    host_tags: list[str] | None = param("its tags, instead of those it has; a single comma takes all away")
    is_tag_a_rule: bool = param("the tag is a rule", default=False, check=not_built("rules as host tags"))
    os_category: str | None = param(
        "the operating systems it is for",
        wire_name="oscategoryid",
        kind="uuid",
        check=not_built("hosts for certain systems"),
    )
    guest_os_rule: str | None = param("which guests it is for", check=not_built("rules for guests of a host"))
    annotation: str | None = param("a comment to write on it", roles=["Admin"])
    external_details: dict[str, str] | None = param("details of extensions", check=not_built("extensions"))
    cleanup_external_details: bool | None = param("drop details of extensions", check=not_built("extensions"))

    def run(self, tx: Tx, caller: Caller) -> Host:
        host = self.id
        values: dict[str, Any] = {"name": self.name or host.name, "url": self.url or host.url}
        if self.allocation_state is not None:
            if host.resource_state not in ("Enabled", "Disabled"):
                text = f"Host {host.name} cannot be enabled or disabled while it is in {host.resource_state}"
                raise WrongState(text, param="allocationstate", fix=["end its maintenance first (cancelHostMaintenance)"])
            values["resource_state"] = _ALLOCATION[self.allocation_state.lower()]
        if self.host_tags is not None:
            set_tags(tx, host, self.host_tags)
        if self.annotation is not None:
            annotate(tx, caller, (host, "HOST"), self.annotation)
        tx.update(host, **values)
        return host


class ReachHost(Task, rank=60):
    """Asks a host what it is, and believes that it is up once it answers."""

    host: int

    @step(deadline=30)
    def asked(self) -> None:
        host = self.read.get(Host, self.host)
        facts = self.reach(Hypervisor, host).facts()
        self.write(lambda tx: self._answers(tx, known(facts)))
        self.say(f"host {host.name} answers: {facts.cpus} processors, {facts.memory} MiB", version=facts.version)

    def _answers(self, tx: Tx, facts: dict[str, Any]) -> None:
        host = tx.get(Host, self.host)
        tx.update(host, **facts, state="Up", last_seen=tx.now, disconnected=None)
        back(tx, host)


class ReconnectHost(Command, answers=HostView, event="HOST.RECONNECT", starts=ReachHost):
    """Asks a host for a sign of life. An agent that is cut off dials again by itself; this waits for it for half a minute."""

    id: Ref[Host] = param("the host", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Host:
        self.start(tx, ReachHost(host=self.id.id), self.id, caller)
        return self.id
