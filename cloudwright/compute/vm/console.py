"""Screens and serial ports of instances: a command gives an address that opens one once, and each such session is remembered."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core import secret
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Told
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Owned
from cloudwright.core.setting import setting
from cloudwright.core.ticket import mint
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import field
from cloudwright.identity.belongings import belongs
from cloudwright.identity.model import Account, User
from cloudwright.identity.owner import OwnedList, OwnedView
from cloudwright.infrastructure.model import Host

ENDPOINT = setting("endpoint.url", "http://localhost:8080/client/api", "where clients and browsers reach the API")
KEPT = setting("console.session.cleanup.retention.hours", 240, "how many hours sessions at screens are remembered", minimum=1)
PATH = "/client/console"
PURPOSE = "console tokens"
PROTOCOLS = ("vnc", "serial")


class ConsoleSession(Owned, table="console_session", indexes=[("vm_id", "id"), ("created",)]):
    """An address that was given out to look at a screen. `acquired` is when it was used."""

    vm_id: int
    host_id: int
    user_id: int
    creator_address: str = ""
    client_address: str | None = None
    acquired: float | None = None


class ConsoleSessionView(
    OwnedView,
    of=ConsoleSession,
    key="consolesession",
    joins=[
        (Vm, Vm.c.id == ConsoleSession.c.vm_id),
        (User, User.c.id == ConsoleSession.c.user_id),
        (Host, Host.c.id == ConsoleSession.c.host_id),
    ],
):
    """A session at an instance's screen."""

    id = field(ConsoleSession.c.uuid, "the session's id")
    created = field(ConsoleSession.c.created, "when its address was given out")
    accountid = field(Account.c.uuid, "the account that owns the instance")
    user = field(User.c.username, "who asked for it")
    userid = field(User.c.uuid, "the id of who asked for it")
    virtualmachineid = field(Vm.c.uuid, "the instance")
    virtualmachinename = field(Vm.c.name, "the name of the instance")
    hostid = field(Host.c.uuid, "the host it ran on", admin=True)
    hostname = field(Host.c.name, "the name of that host", admin=True)
    acquired = field(ConsoleSession.c.acquired, "when the address was used")
    removed = field(ConsoleSession.c.removed, "when the session ended")
    consoleendpointcreatoraddress = field(ConsoleSession.c.creator_address, "from where it was asked for")
    clientaddress = field(ConsoleSession.c.client_address, "from where the address was used")


class ListConsoleSessions(
    OwnedList, answers=ConsoleSessionView, removed_too=True, newest_first=True, since="4.21.0",
    authorized=("Admin", "DomainAdmin", "ResourceAdmin", "User"),
):  # fmt: skip
    """Lists sessions at instances' screens, the newest first."""

    id: str | None = where(ConsoleSession.c.uuid, "only this one", kind="uuid")
    of_account: Ref[Account] | None = where(ConsoleSession.c.account_id, "only of its instances", wire_name="accountid")
    user: Ref[User] | None = where(ConsoleSession.c.user_id, "only those this user asked for")
    host: Ref[Host] | None = where(ConsoleSession.c.host_id, "only on this host", roles=["Admin"])
    start_date: datetime.datetime | None = param("only those since then")
    end_date: datetime.datetime | None = param("only those until then")
    virtual_machine: Ref[Vm] | None = where(ConsoleSession.c.vm_id, "only at this instance's screen")
    console_endpoint_creator_address: str | None = where(ConsoleSession.c.creator_address, "only those asked for from there")
    client_address: str | None = where(ConsoleSession.c.client_address, "only those used from there")
    active_only: bool = param("only those that are being used", default=False)
    acquired: bool | None = param("only those that were used, or were not")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        of = ConsoleSession.c
        given: list[tuple[str, Condition, dict[str, Any]]] = super().narrow(reader, caller)
        if self.start_date is not None:
            given.append(("since", of.created >= sa.bindparam("since"), {"since": self.start_date.timestamp()}))
        if self.end_date is not None:
            given.append(("until", of.created <= sa.bindparam("until"), {"until": self.end_date.timestamp()}))
        if self.active_only:
            given.append(("active", sa.and_(of.gone == 0, of.acquired.is_not(None)), {}))
        if self.acquired is not None:
            used = of.acquired.is_not(None) if self.acquired else of.acquired.is_(None)
            given.append((f"acquired {self.acquired}", used, {}))
        return given


class CreateConsoleEndpoint(
    Command, states=("Running",), since="4.18.0", authorized=("Admin", "ResourceAdmin", "DomainAdmin", "User"),
    response={
        "success": ("boolean", "whether the console can be looked at"),
        "details": ("string", "why not"),
        "url": ("string", "the page that shows it; it opens once, within a minute"),
        "websocket": ("map", "the same for programs: token, host, port and path of a WebSocket that carries RFB or serial bytes"),
    },
):  # fmt: skip
    """Gives an address that opens the screen or the serial port of a running instance once."""

    virtual_machine: Ref[Vm] = param("the instance", use=Use.CHANGE)
    token: str | None = param("a further token that the client must show")
    protocol: str = param("vnc: its screen; serial: a terminal on its first serial port", default="vnc", choices=PROTOCOLS)

    def run(self, tx: Tx, caller: Caller) -> Told:
        vm = self.virtual_machine
        if self.token is not None:
            raise ParamError(
                "Parameter token: further tokens of consoles are not checked yet", param="token", fix=["leave it out"]
            )
        if vm.state != "Running" or vm.host_id is None:
            raise WrongState(
                f"Instance {vm.name} has no console: it is {vm.state}, not Running", param="virtualmachineid", fix=["start it"]
            )
        forget_old(tx)
        session = tx.insert(ConsoleSession(
            vm_id=vm.id, host_id=vm.host_id, user_id=caller.user_id, account_id=vm.account_id, domain_id=vm.domain_id,
            creator_address=caller.peer,
        ))  # fmt: skip
        protocol = self.protocol.lower()
        token = mint(secret.vault().derive(PURPOSE), vm.uuid, caller.user_uuid, tx.now, session.uuid, protocol)
        return Told("consoleendpoint", [endpoint(ENDPOINT.get(tx), token, protocol)], one=True)


def endpoint(api: str, token: str, protocol: str) -> dict[str, Any]:
    """The addresses that a token opens, where the API is at `api`."""
    parts = urlsplit(api)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = f"{PATH}?token={token}"
    socket = {"token": token, "host": parts.hostname or "", "port": str(port), "path": path}
    page = path if protocol == "vnc" else f"{path}&protocol={protocol}"
    return {"success": True, "url": f"{parts.scheme}://{parts.netloc}{page}", "websocket": socket}


def forget_old(tx: Tx) -> None:
    """Delete what is older than sessions are kept."""
    tx.execute(ConsoleSession.t.delete().where(ConsoleSession.c.created < tx.now - KEPT.get(tx) * 3600))


def acquire(tx: Tx, nonce: str, peer: str) -> bool:
    """Use a token up: True the first time, on whichever server."""
    unused = (ConsoleSession.c.uuid == nonce, ConsoleSession.c.acquired.is_(None))
    return tx.execute(ConsoleSession.t.update().where(*unused).values(acquired=tx.now, client_address=peer)) == 1


def end(tx: Tx, nonce: str) -> None:
    """Note that the session is over."""
    session = tx.find(ConsoleSession, ConsoleSession.c.uuid == nonce)
    if session is not None:
        tx.remove(session)


belongs(ConsoleSession, along=True)
