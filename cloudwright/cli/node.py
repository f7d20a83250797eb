"""A server, wired: the cloud's insides with its HTTP face, its hosts, its image stores and its screens."""

from __future__ import annotations

import ipaddress
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

import cloudwright
from cloudwright.cli import log as logs
from cloudwright.cli.news import hub_and_feed
from cloudwright.cli.remote import Remote
from cloudwright.cli.screens import Screens
from cloudwright.cloud import Cloud, master_key
from cloudwright.compute.vm.console import ENDPOINT
from cloudwright.core.server import Server as Member
from cloudwright.core.server import addresses
from cloudwright.core.tx import Tx
from cloudwright.drivers.world import TableWorld
from cloudwright.infrastructure import authority
from cloudwright.infrastructure.observe import Observer
from cloudwright.storage.image.stores import Stores
from cloudwright.web.door import face, ways_in
from cloudwright.web.files import Files
from cloudwright.web.server import Options as Listen
from cloudwright.web.server import Server, claim

if TYPE_CHECKING:
    from cloudwright.agent.hub import Hub

log = logging.getLogger(__name__)

ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
CONSOLE = Path(cloudwright.__file__).parent / "web" / "static" / "ui"
RENEWAL = 86400.0  # seconds between two certificates that the server shows to hosts


class Options(Struct, frozen=True):
    """How to run a server; the words are those of `cloudwright server --help`."""

    data: Path
    database: str = ""
    address: str = "127.0.0.1"
    port: int = 8080
    node: str = "one"
    agents_address: str = ""
    agents_port: int = 8250
    advertise: str = ""
    integration_port: int = 0
    certificate: Path | None = None
    private_key: Path | None = None


class Node:
    """One server process. Its simulated hosts live in a file of its own, so they outlive it as real ones do. Raises OSError where
    an address is taken or not ours: a second start by mistake must not take the place of the server that runs."""

    def __init__(self, options: Options) -> None:
        self.options = options
        claim(options.address, options.port)
        claim(options.agents_address, options.agents_port)
        world = TableWorld(str(options.data / "simulated.db"))
        url = options.database or f"sqlite:///{options.data / 'cloudwright.db'}"
        self.cloud = Cloud(url, node=options.node, key=master_key(options.data), world=world, hook=logs.follow)
        self._stores = Stores(self.cloud.db)
        self.cloud.reach.images = self._stores
        self._events, self._feed = hub_and_feed(self.cloud.db)
        self._hub: Hub | None = None
        self._http: Server | None = None
        self._look, self._ended = threading.Event(), threading.Event()
        self._heeded: object = None
        self._told: list[str] = []
        self._care = threading.Thread(target=self._care_for_hub, name="hub-care", daemon=True)

    @property
    def url(self) -> str:
        """Where browsers find the console."""
        scheme = "https" if self.options.certificate else "http"
        host = self._first_advertised() if self.options.address in ANYWHERE else self.options.address
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.options.port}/client/"

    def install(self) -> str | None:
        """Store what a new installation starts with. Answers the administrator's password when one was made up."""
        password = self.cloud.install()
        return password.reveal() if password else None

    def start(self) -> None:
        """Answer, run tasks, let hosts in. Raises OSError where an address is taken or not ours."""
        self.cloud.db.write(self._tell_addresses)
        self._http = self._listen()
        self._http.start()
        self._feed.start()
        self._hub = self._let_hosts_in()
        self.cloud.start()
        log.info("started", extra={"url": self.url, "node": self.options.node})

    def stop(self) -> None:
        """End in order: no new work, requests answered, hosts let go, steps that run brought to their end."""
        self.cloud.runner.admits_jobs = lambda: False
        self._ended.set()
        self._look.set()
        if self._http is not None:
            self._http.stop()
        self._feed.stop()
        self.cloud.stop()
        if self._hub is not None:
            self._care.join()
            self._hub.stop()
        self._stores.stop()
        log.info("ended")

    def replaced(self) -> bool:
        """Whether another process took over this server's work."""
        return self.cloud.db.fenced.is_set()

    def _listen(self) -> Server:
        options = self.options
        listen = Listen(
            options.address, options.port, options.certificate, options.private_key, integration_port=options.integration_port
        )
        console = CONSOLE if CONSOLE.is_dir() else None
        door = Screens(self.cloud.db, self._stream).door()
        return Server(face(self.cloud), listen, files=Files(console, lambda: ways_in(self.cloud.db)), hub=self._events, door=door)

    # --- hosts

    def _let_hosts_in(self) -> Hub:
        from cloudwright.agent.hub import Callbacks, Hub  # imported once requests are answered

        keeper, observer = authority.Gatekeeper(self.cloud.db), Observer(self.cloud.db, self.cloud.member.id)
        callbacks = Callbacks(
            keeper.redeem, keeper.sign, keeper.revoked, observer.connected, observer.gone, observer.pushed, observer.elsewhere
        )
        hub = Hub(self._material(), callbacks, self.options.agents_address, self.options.agents_port)
        hub.start()
        self.cloud.db.write(lambda tx: _keep(tx, authority.PORT, str(hub.port)))
        address = (
            f"{self._first_advertised() if self.options.agents_address in ANYWHERE else self.options.agents_address}:{hub.port}"
        )
        self.cloud.db.write(lambda tx: tx.update(tx.get(Member, self.cloud.member.id), address=address))
        self._tell_servers(hub)
        self.cloud.reach.remote = Remote(hub.call, self.cloud.db)
        self.cloud.member.each_beat.append(self._heed_others)
        for signal in ("revoked", "authority", "host"):
            self.cloud.db.listeners.setdefault(signal, []).append(self._look.set)
        self._care.start()
        return hub

    def _care_for_hub(self) -> None:
        """Cut hosts that are accepted no more, and show a fresh certificate now and then."""
        while not self._ended.is_set():
            came = self._look.wait(RENEWAL)
            self._look.clear()
            if self._hub is None or self._ended.is_set():
                continue
            try:
                authority.cut_revoked(self.cloud.db, self._hub)
                self._tell_servers(self._hub)
                if not came or self._trust() != self._shown:
                    self._hub.renew(self._material())
            except Exception:
                log.exception("hosts could not be looked after; it is tried again")

    def _heed_others(self) -> None:
        """See what other servers decided about hosts, and which there are: signals do not leave their process."""
        now = authority.changes(self.cloud.db.read()), addresses(self.cloud.db.read())
        if now != self._heeded:
            self._heeded = now
            self._look.set()

    def _tell_servers(self, hub: Hub) -> None:
        known = addresses(self.cloud.db.read())
        if known != self._told:
            hub.tell(known)
            self._told = known

    def _material(self) -> Any:
        names = [*self.options.advertise.split(","), *authority.ADDRESS.get(self.cloud.db.read()).split(","), "127.0.0.1"]
        made = authority.material(self.cloud.db, [name.strip() for name in names if name.strip()])
        self._shown = made.trust
        return made

    def _trust(self) -> list[str]:
        return authority.trusted(self.cloud.db.read())

    async def _stream(self, host: str, kind: str, name: str) -> Any:
        assert self._hub is not None
        return await self._hub.stream(host, kind, name)

    # --- addresses

    def _first_advertised(self) -> str:
        return self.options.advertise.split(",")[0].strip() or "localhost"

    def _tell_addresses(self, tx: Tx) -> None:
        """Keep the settings that tell others where this server is in step with how it was started."""
        if self.options.advertise:
            _keep(tx, authority.ADDRESS, self.options.advertise)
        if _is_local(urlsplit(ENDPOINT.get(tx)).hostname or ""):  # another one was chosen by an operator
            _keep(tx, ENDPOINT, f"{self.url}api")


def _keep(tx: Tx, setting: Any, value: str) -> None:
    if str(setting.get(tx)) != value:
        setting.set(tx, value)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
