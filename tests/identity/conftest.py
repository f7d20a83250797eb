"""A tree of tenants: /eng/ (with an administrator), /eng/dev/, /ops/, each with users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import argon2
import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.tx import Tx
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity import password
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import User
from tests.conftest import KEY, call

PEOPLE = {  # name: (account type, domain, account)
    "eva": (2, "eng", "eva"),
    "ann": (0, "eng", "ann"),
    "abe": (0, "eng", "ann"),
    "dan": (0, "dev", "dan"),
    "ole": (2, "ops", "ole"),
    "ods": (0, "ops", "ods"),
}
_CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"


class Tenants(SimpleNamespace):
    """Callers by name, domains' ids by name. `fresh` reads a caller again."""

    cloud: Cloud
    root: Caller
    domains: dict[str, str]

    def fresh(self, name: str) -> Caller:
        reader = self.cloud.db.read()
        user = reader.find(User, User.c.username == name)
        assert user is not None, name
        return caller_of(reader, user)

    def call(self, who: str | Caller, command: str, **params: Any) -> Any:
        return call(self.cloud, who if isinstance(who, Caller) else self.fresh(who), command, **params)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing costs nothing here: the cost itself is shown where passwords are tested."""
    monkeypatch.setattr(password, "_HASHER", _CHEAP)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Everybody of the matrix with what they own: look, do not touch."""
    from tests.identity.matrix import Scene

    cloud = Cloud(f"sqlite:///{tmp_path_factory.mktemp('matrix')}/cloud.db", key=KEY, world=MemoryWorld())
    cloud.install()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_HASHER", _CHEAP)
        made = Scene(cloud, root_caller(cloud.db.read()))
    yield made
    cloud.stop()


@pytest.fixture
def undone(scene: Any) -> Callable[[Callable[[Tx], object]], None]:
    """Runs a function in a transaction of the scene, which is then undone."""

    class Undo(Exception):
        pass

    def run(look: Callable[[Tx], object]) -> None:
        def then(tx: Tx) -> None:
            look(tx)
            raise Undo

        with pytest.raises(Undo):
            scene.db.write(then)

    return run


def account(cloud: Cloud, root: Caller, name: str, kind: int, domain: str) -> Any:
    about = {"email": f"{name}@example.org", "firstname": name, "lastname": "Lee"}
    return call(cloud, root, "createAccount", username=name, password=PASSWORD, accounttype=kind, domainid=domain, **about)


@pytest.fixture
def tenants(cloud: Cloud) -> Tenants:
    root = root_caller(cloud.db.read())
    domains = {}
    for name, parent in (("eng", None), ("dev", "eng"), ("ops", None)):
        above = {"parentdomainid": domains[parent]} if parent else {}
        domains[name] = call(cloud, root, "createDomain", name=name, **above)["domain"]["id"]
    for name, (kind, domain, owner) in PEOPLE.items():
        if owner == name:
            account(cloud, root, name, kind, domains[domain])
            continue
        about = {"email": "x@example.org", "firstname": name, "lastname": "Lee", "password": PASSWORD}
        call(cloud, root, "createUser", username=name, account=owner, domainid=domains[domain], **about)
    return Tenants(cloud=cloud, root=root, domains=domains)
