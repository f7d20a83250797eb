"""Callers of several kinds, and a job to watch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.keypair import KeyPairView
from cloudwright.compute.model import SshKeyPair
from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Verb
from cloudwright.core.error import NoCapacity
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.task import Again, Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import Unreachable
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import Account, Domain, User

OPEN: set[str] = set()
"""Doors that are open: a task waits at a closed one."""


class PartOfProbe(Task, rank=1):
    pair: int

    @step
    def part(self) -> None:
        self.say("The part is done", size=7)


class ProbeTask(Task, rank=2):
    pair: int
    account: int
    behave: str = ""

    @step
    def begin(self, tx: Tx) -> None:
        tx.update(tx.get(SshKeyPair, self.pair), fingerprint="begun")
        self.say("The probe began", pair=self.pair)

    @begin.undo
    def unbegin(self, tx: Tx) -> None:
        if self.behave == "stick":
            raise ValueError("the undo does not work")
        tx.update(tx.get(SshKeyPair, self.pair), fingerprint="")

    @step
    def part(self, tx: Tx) -> None:
        self.child(tx, PartOfProbe(pair=self.pair), tx.get(Account, self.account))

    @step
    def act(self) -> None:
        if self.behave == "wait" and "door" not in OPEN:
            raise Again(0.05, "waits for the door")
        if self.behave == "trouble" and "door" not in OPEN:
            raise Unreachable("host h1 does not answer")
        if self.behave in ("fail", "stick"):
            raise NoCapacity("Nothing fits", why=["host h1 has 3 MB free, 5 are needed"], fix=["add a host"])
        self.set(self.read.get(SshKeyPair, self.pair), fingerprint="done")


class ProbeKey(Command, answers=KeyPairView, starts=ProbeTask, event="VM.CREATE", authorized=("User", "DomainAdmin", "Admin")):
    """Probes a key pair. Only tests have this command."""

    id: Ref[SshKeyPair] = param("the key pair")
    behave: str = param("how the job behaves", default="")

    def run(self, tx: Tx, caller: Caller) -> SshKeyPair:
        self.start(tx, ProbeTask(pair=self.id.id, account=self.id.account_id, behave=self.behave), self.id, caller)
        return self.id


class ProbePlain(Command, starts=ProbeTask):
    """Probes and answers plain success. Only tests have this command."""

    id: Ref[SshKeyPair] = param("the key pair")

    def run(self, tx: Tx, caller: Caller) -> SshKeyPair:
        self.start(tx, ProbeTask(pair=self.id.id, account=self.id.account_id), self.id, caller)
        return self.id


PROBES = {"probeKey": ProbeKey, "probePlain": ProbePlain}
PROBE_TASKS = {"ProbeTask": ProbeTask, "PartOfProbe": PartOfProbe}
for _name in PROBES:
    del Verb.by_name[_name]
for _name in PROBE_TASKS:
    del Task.by_name[_name]


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> None:
    OPEN.clear()
    for name, verb in PROBES.items():
        monkeypatch.setitem(Verb.by_name, name, verb)
    for name, task in PROBE_TASKS.items():
        monkeypatch.setitem(Task.by_name, name, task)


@pytest.fixture
def root(cloud: Cloud) -> Caller:
    return root_caller(cloud.db.read())


def person(cloud: Cloud, name: str, role: str, domain: Domain) -> Caller:
    """A caller of a new account. `role` is a default role's name."""
    from cloudwright.identity.model import Role

    def make(tx: Tx) -> User:
        of = tx.find(Role, Role.c.name == role)
        assert of is not None
        account = tx.insert(Account(name=name, domain_id=domain.id, role_id=of.id))
        return tx.insert(User(username=name, account_id=account.id, domain_id=domain.id, password=Secret("")))

    return caller_of(cloud.db.read(), cloud.db.write(make))


@pytest.fixture
def eng(cloud: Cloud) -> Domain:
    return cloud.db.write(lambda tx: tx.insert(Domain(name="eng", parent_id=1, path="/eng/", level=1)))


@pytest.fixture
def ann(cloud: Cloud, eng: Domain) -> Caller:
    return person(cloud, "ann", "User", eng)


@pytest.fixture
def bob(cloud: Cloud, eng: Domain) -> Caller:
    return person(cloud, "bob", "User", eng)


@pytest.fixture
def chief(cloud: Cloud, eng: Domain) -> Caller:
    return person(cloud, "chief", "Domain Admin", eng)


@pytest.fixture
def outsider(cloud: Cloud) -> Caller:
    other = cloud.db.write(lambda tx: tx.insert(Domain(name="ops", parent_id=1, path="/ops/", level=1)))
    return person(cloud, "olga", "Domain Admin", other)


def pair_of(cloud: Cloud, caller: Caller, name: str = "k") -> SshKeyPair:
    row = SshKeyPair(account_id=caller.account_id, domain_id=caller.domain_id, name=name, fingerprint="", public_key="ssh")
    return cloud.db.write(lambda tx: tx.insert(row))


def until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)
    return value
