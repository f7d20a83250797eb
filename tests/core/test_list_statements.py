"""Every list sends as many statements for many rows as for few: what a row needs comes with the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.command import Exchange, Verb
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Tx
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import Account, Domain, User
from cloudwright.identity.owner import ALL_PROJECTS
from cloudwright.network.model import FirewallRule
from tests.conftest import KEY, call
from tests.identity.estate import estate, project_of
from tests.installed import installed

FEW, MANY = 5, 40
PURPOSES = ("Egress", "PortForwarding", "StaticNat")
PAGE = {"listall": "true", "details": "all", "showicon": "true", "page": "1", "pagesize": "500"}
NAMED = {
    "listDetailOptions": {"resourcetype": "UserVm"},
    "listResourceDetails": {"resourcetype": "UserVm"},
    "listTemplates": {"templatefilter": "all"},
    "listStorageProviders": {"type": "primary"},
}
"""What a list must be told that is no thing's id."""

OTHERS = {"listLdapUsers", "listSamlAuthorization", "listIsoPermissions", "listJobStory", "listResourceIcon", "listUserKeyRules"}
"""They ask a directory or provider that is not there, or are about one thing and what is written with it."""


def _lists() -> list[str]:
    every = (name for name, verb in Verb.by_name.items() if name.startswith("list") and not issubclass(verb, Exchange))
    return sorted(set(every) - OTHERS)


class Growing:
    """A cloud with so many owners, each with a row of every kind."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.root, self.owners = cloud, root_caller(cloud.db.read()), 0

    def grow(self, to: int) -> None:
        while self.owners < to:
            self.owners += 1
            caller = self.cloud.db.write(lambda tx: self._owner(tx, f"owner{self.owners}"))
            rule = estate(self.cloud, [caller])[caller.account_id]["firewall_rule"]
            self.cloud.db.write(lambda tx, who=caller, rule=rule: self._further(tx, who, rule))

    def _further(self, tx: Tx, who: Caller, rule: Resource) -> None:
        project_of(tx, who)
        for purpose in PURPOSES:
            tx.insert(FirewallRule(**{name: getattr(rule, name) for name in FirewallRule._columns} | {"purpose": purpose}))

    def _owner(self, tx: Tx, name: str) -> Caller:
        domain = tx.insert(Domain(name=name, parent_id=self.root.domain_id, path=f"/{name}/", level=1))
        account = tx.insert(Account(name=name, domain_id=domain.id, role_id=4))
        whose = {"account_id": account.id, "domain_id": account.domain_id}
        like = tx.get(User, self.root.user_id)
        return caller_of(tx, tx.insert(User(username=name, password=like.password, **whose)))

    def sent(self, name: str) -> tuple[int, int]:
        """(statements, rows) of a list."""
        reader = self.cloud.db.read()
        params = self._given(Verb.by_name[name])
        call(self.cloud, self.root, name, **params)  # what is read once stays known
        with traced(reader.connection.connection.dbapi_connection) as statements:
            answer = call(self.cloud, self.root, name, **params)
        rows = [len(told) for told in answer.values() if isinstance(told, list)]
        return len(statements), max(rows, default=0)

    def _given(self, verb: type[Verb]) -> dict[str, str]:
        params = verb.api.params.values()
        asked = {p.wire_name: PAGE[p.wire_name] for p in params if p.wire_name in PAGE}
        known = asked | {p.wire_name: p.passed for p in params if p.passed == ALL_PROJECTS} | NAMED.get(verb.api.name, {})
        for p in params:
            if p.required and p.refers is not None:
                row = self.cloud.db.read().find(p.refers)
                assert row is not None, p.refers
                known[p.wire_name] = row.uuid
        return known


@contextmanager
def traced(connection: Any) -> Iterator[list[str]]:
    """The statements of one connection."""
    sent: list[str] = []
    connection.set_trace_callback(sent.append)
    try:
        yield sent
    finally:
        connection.set_trace_callback(None)


Sent = dict[str, tuple[tuple[int, int], tuple[int, int]]]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """By list: (statements, rows) for few owners, and for many."""
    cloud = Cloud(installed(tmp_path_factory.mktemp("lists")), key=KEY, world=MemoryWorld())
    growing = Growing(cloud)
    growing.grow(FEW)
    few = {name: growing.sent(name) for name in _lists()}
    growing.grow(MANY)
    yield {name: (few[name], growing.sent(name)) for name in few}
    cloud.stop()


def test_lists_send_no_more_statements_for_more_rows(sent: Sent) -> None:
    more = {name: (few, many) for name, (few, many) in sent.items() if many[0] > few[0]}
    assert not more, "(statements, rows) of few and of many"


def test_the_lists_did_grow(sent: Sent) -> None:
    """Else nothing is shown above."""
    grown = {name for name, (few, many) in sent.items() if many[1] >= few[1] + MANY - FEW}
    assert len(grown) > 50, sorted(set(sent) - grown)
    assert max(few[0] for few, _ in sent.values()) < 20
