"""How a step reaches the driver at a place: fakes for simulator hosts, the agent's connection for real ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader
from cloudwright.drivers.error import DriverError, Refused, Unreachable
from cloudwright.drivers.host import pki
from cloudwright.drivers.host.contract import MAINTENANCE, STAGES, HostAgent
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.drivers.images.contract import ImageStore as ImageDriver
from cloudwright.drivers.network.contract import HostNetwork
from cloudwright.drivers.pool.contract import Pool
from cloudwright.drivers.work import Work, WorkState
from cloudwright.drivers.world import World
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import ImageStore

C = TypeVar("C")
Remote = Callable[[type[Any], str], Any]
Local = Callable[[ImageStore], ImageDriver]


class Reach:
    """Gives drivers. `remote(contract, host_uuid)` makes the proxy of a connected host; `images(store)` opens a store."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.remote: Remote = self._nobody
        self.images: Local = self._no_store
        self._fakes: dict[tuple[type[Any], str], Any] = {}

    def __call__(self, contract: type[C], where: Resource) -> C:
        """The driver of `contract` at `where`: a Host for hypervisor, pool and network, an ImageStore for images."""
        if isinstance(where, ImageStore):
            return self._image_store(contract, where)
        if not isinstance(where, Host):
            raise RuntimeError(f"BUG: there are no drivers at {where!r} (NoDriverThere)")
        if where.hypervisor != "Simulator":
            driver: C = self.remote(contract, where.uuid)
            return driver
        return self._fake(contract, where.uuid)

    def _image_store(self, contract: type[C], store: ImageStore) -> C:
        driver: Any = self._fake(contract, f"store-{store.uuid}") if store.protocol == "sim" else self.images(store)
        found: C = driver
        return found

    def _fake(self, contract: type[C], name: str) -> C:
        from cloudwright.drivers.hypervisor.fake import FakeHypervisor
        from cloudwright.drivers.images.fake import FakeImages
        from cloudwright.drivers.network.fake import FakeHostNetwork
        from cloudwright.drivers.pool.fake import FakePool

        kinds: dict[Any, Any] = {
            Hypervisor: FakeHypervisor,
            Pool: FakePool,
            HostNetwork: FakeHostNetwork,
            ImageDriver: FakeImages,
            HostAgent: SimulatedAgent,
        }
        key = (contract, name)
        if key not in self._fakes:
            self._fakes[key] = kinds[contract](self.world, name)
        fake: C = self._fakes[key]
        return fake

    @staticmethod
    def _nobody(contract: type[Any], host: str) -> Any:
        raise Unreachable(f"host {host} is not connected to this server")

    @staticmethod
    def _no_store(store: ImageStore) -> ImageDriver:
        raise Unreachable(f"image store {store.name} ({store.url}) is not reachable from this server")


class SimulatedAgent:
    """The agent of a simulated host: it asks for certificates, and takes what it is given if that is its own. Its hooks are
    `ends`: how the one of each stage ends."""

    def __init__(self, world: World, host: str) -> None:
        self._world, self._host = world, host
        self.ends: dict[str, Work] = {MAINTENANCE: Work("", WorkState.DONE, 1.0, result={"output": "simulated", "avoid": False})}
        self._begun: dict[str, str] = {}  # stage by key

    def request(self) -> str:
        self._world.faults.meet(self._host, "request")
        return pki.request(pki.new_key())

    def install(self, certificate: str, reconnect: bool) -> None:
        self._world.faults.meet(self._host, "install")
        if pki.host(certificate) != self._host:
            raise Refused(f"the certificate is for host {pki.host(certificate)}, this is {self._host}")

    def hooks(self) -> list[str]:
        self._world.faults.meet(self._host, "hooks")
        return [stage for stage in STAGES if stage in self.ends]

    def begin_hook(self, key: str, stage: str, payload: str, seconds: float) -> None:
        self._world.faults.meet(self._host, "begin_hook")
        if stage not in self.ends:
            raise Refused(f"this host has no hook {stage}")
        self._begun.setdefault(key, stage)

    def work(self, key: str) -> Work:
        self._world.faults.meet(self._host, "work")
        stage = self._begun.get(key)
        return Work(key, WorkState.UNKNOWN) if stage is None else replace(self.ends[stage], key=key)

    def cancel(self, key: str) -> None:
        self._begun.pop(key, None)


def in_words(reader: Reader, uuid: str, error: DriverError) -> DriverError:
    """The same error about a host as its operators know it: by name and address, and since when it is not heard."""
    host = reader.find(Host, Host.c.uuid == uuid)
    if host is None:
        return error
    text = str(error).replace(f"host {uuid}", f"host {host.name} ({host.address})")
    if isinstance(error, Unreachable) and host.disconnected is not None:
        text += f"; it is {host.state} since {datetime.fromtimestamp(host.disconnected, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return type(error)(text)
