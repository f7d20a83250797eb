"""Hosts given up for the time being, and what this platform has no use for: reservations and passwords of hosts."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.host.remove import on_forced
from cloudwright.infrastructure.host.view import HostView
from cloudwright.infrastructure.model import Cluster, Host

DEGRADED = "Degraded"


class DeclareHostAsDegraded(
    Command,
    states=("Disconnected", "Alert", "Down"),
    answers=HostView,
    event="HOST.DECLARE.DEGRADED",
    starts=Record,
    since="4.16.0.0",
    authorized=("Admin",),
):
    """Declares a silent host dead: the operator vouches that nothing runs there any more, so its machines can start elsewhere."""

    id: Ref[Host] = param("the host; it must not be up", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Host:
        host = tx.lock(self.id)
        if host.resource_state not in ("Enabled", "Disabled"):
            raise WrongState(f"Host {host.name} is in {host.resource_state}, neither Enabled nor Disabled", param="id")
        if host.state not in self.api.states:
            text = f"Host {host.name} is {host.state}; only one that is silent can be declared degraded"
            raise WrongState(
                text, param="id", fix=["put a host that answers into maintenance: that empties it (prepareHostForMaintenance)"]
            )
        for fn in on_forced:
            fn(tx, host)
        tx.update(host, resource_state=DEGRADED, state="Down")
        self.start(tx, changed(f"host {host.name} is degraded: what ran there counts as stopped"), host, caller)
        return host


class CancelHostAsDegraded(
    Command,
    states=(DEGRADED,),
    answers=HostView,
    event="HOST.CANCEL.DEGRADED",
    starts=Record,
    since="4.16.0.0",
    authorized=("Admin",),
):
    """Lets a host that was declared degraded take machines again, once it answers."""

    id: Ref[Host] = param("the host", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Host:
        if self.id.resource_state not in self.api.states:
            raise WrongState(f"Host {self.id.name} is {self.id.resource_state}, not {DEGRADED}", param="id")
        tx.update(self.id, resource_state="Enabled")
        self.start(tx, changed(f"host {self.id.name} is enabled again"), self.id, caller)
        return self.id


class ReleaseHostReservation(Command, event="HOST.RESERVATION.RELEASE", starts=Record):
    """Releases a host from the planner that reserved it. Here none does: it is told from the machines that are there."""

    id: Ref[Host] = param("the host", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        raise ParamError(
            f"Host {self.id.name} has no reservation to release: which accounts share it follows from the machines on it",
            param="id",
            fix=["move the machines of who wants no company elsewhere", "or end its dedication (releaseDedicatedHost)"],
        )  # fmt: skip


class UpdateHostPassword(Command):
    """Changes the password by which servers sign in to hosts. Here none does: agents dial in with certificates."""

    host: Ref[Host] | None = param("the host", use=Use.CHANGE)
    cluster: Ref[Cluster] | None = param("or all hosts of this cluster", use=Use.CHANGE)
    update_on_host: bool = param("also on the host", default=False, wire_name="update_passwd_on_host")
    username: str = param("the user")
    password: Secret = param("the new password")

    def run(self, tx: Tx, caller: Caller) -> Success:
        raise ParamError(
            "Nobody signs in to a host here, so there is no password to change: its agent shows a certificate", param="password",
            fix=["renew the host's certificate (provisionCertificate)"],
        )  # fmt: skip
