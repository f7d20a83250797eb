"""No tenant meets another's: foreign ids answer as ids of nothing, and no list shows them. Over all registered commands."""

from __future__ import annotations

import re
import uuid
from typing import Any

import msgspec
import pytest

from cloudwright.core import wire
from cloudwright.core.access import Caller, lookup
from cloudwright.core.command import Verb
from cloudwright.core.error import CloudError
from cloudwright.core.listing import List
from cloudwright.core.param import Param
from cloudwright.core.resource import Resource
from cloudwright.core.secret import Secret
from cloudwright.core.wire import WireError
from cloudwright.identity.model import Account, Domain, KeyPair, User
from tests.identity.estate import estate, is_owned, project_of

NOTHING = "00000000-0000-4000-8000-00000000dead"
NO_OTHER = "00000000-0000-4000-8000-00000000beef"
CALLERS = ["eva", "ole", "ann", "dan"]
REACH = {"eva": {"eva", "ann", "dan"}, "ole": {"ole", "ods"}, "ann": {"ann"}, "dan": {"dan"}}
OWNERS = ["eva", "ann", "dan", "ole", "ods"]
PLAIN = {"string": "x1", "integer": "1", "long": "1", "short": "1", "boolean": "true", "double": "1.0", "date": "2030-01-01"}


class Scene:
    """The tenants with what they own."""

    def __init__(self, tenants: Any) -> None:
        self.tenants, self.db = tenants, tenants.cloud.db
        self.callers = {name: tenants.fresh(name) for name in OWNERS}
        self.made = estate(tenants.cloud, list(self.callers.values()))
        for who in self.callers.values():
            pair = KeyPair(user_id=who.user_id, api_key=f"key-{who.username}", secret_key=Secret("s"))
            self.made[who.account_id]["api_key_pair"] = self.db.write(lambda tx, pair=pair: tx.insert(pair))
            self.made[who.account_id] |= self.db.write(lambda tx, who=who: project_of(tx, who))
        reader = self.db.read()
        for who in self.callers.values():
            own = {"account": Account, "user_": User, "domain": Domain}
            ids = {"account": who.account_id, "user_": who.user_id, "domain": who.domain_id}
            self.made[who.account_id] |= {name: reader.get(kind, ids[name]) for name, kind in own.items()}

    def rows(self, kind: type[Resource]) -> list[Resource]:
        return [rows[kind.kind] for rows in self.made.values() if kind.kind in rows]

    def visible(self, p: Param, caller: Caller) -> list[Resource]:
        assert p.refers is not None
        statement, reader = lookup(p.refers, caller.kind, p.use), self.db.read()
        return [row for row in self.rows(p.refers) if reader.one(statement, {"value": row.uuid, **caller.binds()})]

    def parameters(self, verb: type[Verb], caller: Caller, given: dict[str, str]) -> dict[str, str]:
        """What a call needs at least, with what is given."""
        sent = dict(given)
        for p in verb.api.params.values():
            if p.wire_name in sent or not p.required:
                continue
            if p.refers is not None:
                found = self.visible(p, caller)
                sent[p.wire_name] = found[0].uuid if found else NO_OTHER
            elif p.kind == "map":
                sent[f"{p.wire_name}[0].{(p.keys or ['key'])[0]}"] = "x"
            else:
                sent[p.wire_name] = p.choices[0] if p.choices else PLAIN.get(p.kind, NO_OTHER)
        return sent

    def ask(self, verb: type[Verb], caller: Caller, sent: dict[str, str]) -> Any:
        """The answer, or the refusal as the wire tells it."""
        if not issubclass(verb, List) and verb.api.http_method == "POST":
            sent = {**sent, "dryrun": "true"}
        try:
            body = self.tenants.cloud.runner.run(verb, caller, wire.Parameters(sent))
        except (CloudError, WireError) as error:
            return type(error).__name__, error.code, error.text, error.param, getattr(error, "why", ())
        return msgspec.json.encode(body, enc_hook=str).decode()


@pytest.fixture
def scene(tenants: Any) -> Scene:
    return Scene(tenants)


def verbs() -> list[type[Verb]]:
    return [verb for verb in Verb.by_name.values() if not (issubclass(verb, List) and verb.api.answers is None)]


def foreign(scene: Scene, p: Param, caller: Caller) -> list[Resource]:
    assert p.refers is not None
    seen = {row.id for row in scene.visible(p, caller)}
    return [row for row in scene.rows(p.refers) if row.id not in seen]


@pytest.mark.parametrize("name", CALLERS)
def test_a_foreign_id_answers_as_one_of_nothing(scene, name):
    caller, tried, about = scene.callers[name], 0, 0
    for verb in verbs():
        for p in verb.api.params.values():
            if p.refers is None or (p.roles and caller.role_type not in p.roles):
                continue
            for row in foreign(scene, p, caller)[:2]:
                answers = [
                    scene.ask(verb, caller, scene.parameters(verb, caller, {p.wire_name: id})) for id in (row.uuid, NOTHING)
                ]
                texts = [str(answer).replace(id, "ID") for answer, id in zip(answers, (row.uuid, NOTHING), strict=True)]
                assert texts[0] == texts[1], (verb.api.name, p.wire_name, row)
                tried += 1
                about += f"Invalid parameter {p.wire_name} value=ID" in texts[0]
    assert tried > 100
    assert about > tried * 0.6, (about, tried)  # else something before it is refused, and nothing is shown here


def test_a_foreign_name_answers_as_the_name_of_nothing(scene):
    tried = 0
    for verb in verbs():
        if not {"account", "domainid"} <= {p.wire_name for p in verb.api.params.values()} or verb.api.name == "createAccount":
            continue
        for name in CALLERS:
            caller = scene.callers[name]
            for other in set(OWNERS) - REACH[name]:
                answers = [
                    re.sub(
                        rf"\b{account}\b",
                        "NAME",
                        str(scene.ask(verb, caller, scene.parameters(verb, caller, {"account": account}))),
                    )
                    for account in (other, "nobodyx")
                ]
                assert answers[0] == answers[1], (verb.api.name, name, other)
                tried += 1
    assert tried > 100


def forbidden(scene: Scene, name: str) -> dict[str, str]:
    """uuid -> what it is, of all that a caller must never meet."""
    mine = {scene.callers[other].account_id for other in REACH[name]}
    domains = {scene.callers[other].domain_id for other in REACH[name]}
    path = scene.callers[name].domain_path
    found = {}
    for account, rows in scene.made.items():
        for kind, row in rows.items():
            known = kind == "domain" and (row.id in domains or path.startswith(row.path))  # the one above is told of
            if account and account not in mine and not known:
                found[row.uuid] = f"{kind} of account {account}"
    return found


@pytest.mark.parametrize("name", CALLERS)
def test_no_list_shows_what_is_anothers(scene, name):
    caller, hidden = scene.callers[name], forbidden(scene, name)
    for verb in verbs():
        if not verb.api.name.startswith(("list", "find", "get", "query")):
            continue
        for extra in ({}, {"listall": "true"}, {"listall": "true", "isrecursive": "true"}):
            sent = scene.parameters(verb, caller, extra)
            answer = str(scene.ask(verb, caller, sent))
            for id, what in hidden.items():
                assert id not in answer or id in sent.values(), (verb.api.name, extra, what)


@pytest.mark.parametrize("name", CALLERS)
def test_no_list_filtered_by_id_tells_of_what_is_anothers(scene, name):
    caller, tried = scene.callers[name], 0
    for verb in verbs():
        p = verb.api.params.get("id")
        if not issubclass(verb, List) or p is None or verb.api.answers is None:
            continue
        for row in scene.rows(verb.api.answers.of):
            if row.uuid in forbidden(scene, name):
                texts = [
                    str(scene.ask(verb, caller, scene.parameters(verb, caller, {"id": id, "listall": "true"}))).replace(id, "ID")
                    for id in (row.uuid, NOTHING)
                ]
                assert texts[0] == texts[1], (verb.api.name, row)
                tried += 1
    assert tried > 10


def test_each_sees_its_own(scene):
    """The lists that show nothing of others show what is one's own: else the tests above would prove nothing."""
    kinds = {
        verb.api.answers.of: verb
        for verb in Verb.by_name.values()
        if issubclass(verb, List) and verb.api.answers is not None and is_owned(verb.api.answers.of)
    }
    seen = {name: set() for name in CALLERS}
    for kind, verb in kinds.items():
        for name in CALLERS:
            caller = scene.callers[name]
            answer = str(scene.ask(verb, caller, scene.parameters(verb, caller, {"listall": "true"})))
            own = scene.made[caller.account_id].get(kind.kind)
            if own is not None and own.uuid in answer:
                seen[name].add(kind.kind)
    for name in CALLERS:
        assert {"vm", "volume", "ssh_key_pair", "network"} <= seen[name], (name, seen[name], [k.kind for k in kinds])


def test_ids_of_nothing_are_ids():
    assert uuid.UUID(NOTHING).version == 4
