"""Caller by command by owner: whose ids each command takes, and whose rows each list shows. Made from the declarations."""

from __future__ import annotations

import re

import pytest

from cloudwright.core import wire
from cloudwright.core.access import Kind, Use
from cloudwright.core.command import Verb
from cloudwright.core.error import CloudError
from cloudwright.core.listing import List
from cloudwright.core.wire import WireError
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedList
from cloudwright.storage.model import Template
from tests.identity.matrix import (
    ADMINS,
    ALONE,
    CALLERS,
    IDENTITY,
    MANAGED,
    MEMBERS,
    NOTHING,
    USERS,
    owned,
    references,
    verbs,
)

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_READS = ("list", "find", "get", "query")


@pytest.mark.parametrize("who", CALLERS)
def test_a_reference_takes_what_its_owner_says_and_refuses_the_rest_as_nothing(scene, who):
    """Every kind that a parameter refers to, in each use: each row there is."""
    kinds = {(p.refers, p.use, p.where is not None): p for _, p in references() if owned(p.refers)}
    wrong, told = [], 0
    for (kind, use, _), p in kinds.items():
        nothing = scene.resolved(p, who, NOTHING)
        assert "entity does not exist" in (nothing or "")
        for owner, row in scene.rows(kind):
            said = scene.resolved(p, who, row.uuid)
            if (said is None) != scene.may(who, owner, kind, use) or said not in (None, nothing):
                wrong.append((kind.kind, use, owner, said))
            told += 1
    assert wrong == []
    assert told > 500


@pytest.mark.parametrize("who", [name for name in CALLERS if name != "root"])
def test_what_root_keeps_for_itself_is_nothing_to_others(scene, who):
    """Kinds that nobody owns and that have no rule of their own."""
    told = 0
    for _, p in references():
        if not owned(p.refers) and not hasattr(p.refers, "access"):
            for _, row in scene.rows(p.refers):
                assert scene.resolved(p, "root", row.uuid) is None
                assert scene.resolved(p, who, row.uuid) == scene.resolved(p, who, NOTHING), (p.wire_name, row)
                told += 1
    assert told > 50


@pytest.mark.parametrize("who", [name for name in CALLERS if name != "root"])
def test_every_command_tells_a_foreign_id_as_one_of_nothing(scene, who):
    """The whole command, byte for byte but the id, for each of its references; the owners take turns."""
    tried, about = 0, 0
    for i, (verb, p) in enumerate(references()):
        if not owned(p.refers) or (p.roles and scene.callers[who].role_type not in p.roles):
            continue
        foreign = [row for owner, row in scene.rows(p.refers) if not scene.may(who, owner, p.refers, p.use)]
        if not foreign:
            continue
        row = foreign[i % len(foreign)]
        texts = [
            scene.ask(verb, who, scene.parameters(verb, who, {p.wire_name: id})).replace(id, "ID") for id in (row.uuid, NOTHING)
        ]
        assert texts[0] == texts[1], (verb.api.name, p.wire_name, row)
        tried += 1
        about += f"Invalid parameter {p.wire_name} value=ID" in texts[0]
    assert tried > 350
    assert about > tried * 0.6, (about, tried)  # else something before it is refused, and nothing is shown here


@pytest.mark.parametrize("who", CALLERS)
def test_every_command_takes_ones_own(scene, who):
    """Whose ids are refused above are taken here, else the refusals would prove nothing. Looked up, not carried out."""
    reader, caller, tried = scene.db.read(), scene.callers[who], 0
    for verb, p in references():
        mine = [row for owner, row in scene.rows(p.refers) if owned(p.refers) and scene.may(who, owner, p.refers, p.use)]
        if not mine or (p.roles and caller.role_type not in p.roles):
            continue
        sent = scene.parameters(verb, who, {p.wire_name: mine[-1].uuid})
        refused = ""
        try:
            verb.decode(verb.read(wire.Parameters(sent), caller), reader, caller)
        except (CloudError, WireError) as error:
            refused = error.text
        assert mine[-1].uuid not in refused, (verb.api.name, p.wire_name)
        tried += 1
    assert tried > 100


@pytest.mark.parametrize("who", ["eva", "dee", "amy", "alo"])
def test_a_foreign_name_answers_as_the_name_of_nothing(scene, who):
    tried = 0
    others = {"eva": ["ods", "ole"], "dee": ["ann"], "amy": ["ann", "mem"], "alo": ["ann"]}[who]
    for verb in verbs():
        if not {"account", "domainid"} <= {p.wire_name for p in verb.api.params.values()} or verb.api.name == "createAccount":
            continue
        for other in others:
            texts = [
                re.sub(rf"\b{name}\b", "NAME", scene.ask(verb, who, scene.parameters(verb, who, {"account": name})))
                for name in (other, "nobodyx")
            ]
            assert texts[0] == texts[1], (verb.api.name, other)
            tried += 1
    assert tried > 40


def forbidden(scene, who):
    """uuid -> what it is, of all that a caller must never meet."""
    found = {}
    for owner, rows in scene.made.items():
        for kind, row in rows.items():
            if not owner or scene.may(who, owner, type(row), Use.SEE):
                continue
            above = kind == "domain" and scene.callers[who].domain_path.startswith(row.path)  # those it is told of
            mate = kind in ("account", "user_") and {who, owner} <= MEMBERS | {"co"} and who != "co"  # in one project
            if not above and not mate:
                found[row.uuid] = f"{kind} of {owner}"
    return found


@pytest.mark.parametrize("who", [name for name in CALLERS if name != "root"])
def test_no_list_shows_what_is_anothers(scene, who):
    hidden, project = forbidden(scene, who), {"projectid": "-1", "listall": "true"}
    assert len(hidden) > 50
    for verb in verbs():
        if not verb.api.name.startswith(_READS):
            continue
        asked = ({}, {"listall": "true", "isrecursive": "true"}, project if issubclass(verb, OwnedList) else None)
        for extra in asked:
            if extra is not None:
                sent = scene.parameters(verb, who, extra)
                met = set(_UUID.findall(scene.ask(verb, who, sent))) - set(sent.values())
                assert not met & hidden.keys(), (verb.api.name, extra, [hidden[id] for id in met & hidden.keys()])


def lists():
    """The lists of what is owned, and known by its owner alone."""
    for verb in verbs():
        if issubclass(verb, OwnedList) and verb.api.answers is not None and verb.run is List.run:
            of = verb.api.answers.of
            if owned(of) and of.kind not in IDENTITY | MANAGED | {"event", "annotation", "alert"} and "account_id" in of.c:
                yield verb, of


def shown(scene, verb, who, of, **extra):
    """Whose rows a list shows."""
    answer = scene.ask(verb, who, scene.parameters(verb, who, extra))
    assert "Error" not in answer.split(",")[0], answer
    met = set(_UUID.findall(answer))
    return {owner for owner, row in scene.rows(of) if row.uuid in met}


@pytest.mark.parametrize("who", CALLERS)
def test_each_list_shows_exactly_whose_rows_it_should(scene, who):
    caller, owners, told = scene.callers[who], set(scene.owners), 0
    own = {name for name, whose in scene.owners.items() if whose.account_id == caller.account_id}
    reached = {name for name in owners - {"project"} if scene.callers[name].domain_path.startswith(caller.domain_path)}
    everything = own if caller.kind is Kind.USER else reached
    of_projects = {"project"} if who in MEMBERS or (who in ("root", "rea", "eva")) else set()
    for verb, of in lists():
        rows = {owner for owner, _ in scene.rows(of)}
        if rows != owners or shown(scene, verb, "root", of, listall="true") == set():  # it lists a sort that is not made here
            continue
        asked = {"nothing": {}, "all": {"listall": "true"}, "projects": {"projectid": "-1"}}
        seen = {name: shown(scene, verb, who, of, **extra) for name, extra in asked.items()}
        barred = who == "gus" and not verb.api.name.startswith("list")
        alone = own if who == ALONE else set()
        expected = {"nothing": own, "all": everything, "projects": alone | (set() if barred else of_projects)}
        if hasattr(of, "access") and caller.kind is Kind.USER:
            expected = {name: value for name, value in expected.items() if name != "nothing"}
        assert {name: seen[name] for name in expected} == expected, verb.api.name
        if who in MEMBERS:
            assert shown(scene, verb, who, of, projectid=scene.project.uuid) == {"project"}, verb.api.name
        told += 1
    assert told >= 8


@pytest.mark.parametrize("who", ["ann", "gus"])
def test_ones_own_templates_are_not_those_of_ones_projects(scene, who):
    asked = {"templatefilter": "self", "listall": "true"}
    assert shown(scene, Verb.by_name["listTemplates"], who, Template, **asked) == {who}


@pytest.mark.parametrize("who", ["eva", "dee", "ole", "ann", "gus", "alo", "co"])
def test_no_list_filtered_by_id_tells_of_what_is_anothers(scene, who):
    tried, hidden = 0, forbidden(scene, who)
    for verb in verbs():
        p = verb.api.params.get("id")
        if not issubclass(verb, List) or p is None or verb.api.answers is None:
            continue
        for _, row in [pair for pair in scene.rows(verb.api.answers.of) if pair[1].uuid in hidden][:2]:
            texts = [
                scene.ask(verb, who, scene.parameters(verb, who, {"id": id, "listall": "true"})).replace(id, "ID")
                for id in (row.uuid, NOTHING)
            ]
            assert texts[0] == texts[1], (verb.api.name, row)
            tried += 1
    assert tried > 20


def test_there_is_somebody_of_every_kind(scene):
    kinds = {(scene.callers[who].kind, scene.callers[who].role_type) for who in CALLERS}
    assert kinds == {(Kind.ROOT, "Admin"), (Kind.DOMAIN, "ResourceAdmin"), (Kind.DOMAIN, "DomainAdmin"), (Kind.USER, "User")}
    assert len({scene.callers[who].domain_path for who in (*ADMINS, *USERS)}) == 3
    assert all(scene.tenants.fresh(who) == scene.callers[who] for who in CALLERS if who != "root")


SORTS = {"vm": "VirtualMachine", "network": "Network", "user_": "User", "account": "Account", "task": "AsyncJob"}
"""Kinds whose ids are tried where a command takes an id as a text, and what the API calls them."""


def test_an_id_that_is_no_reference_tells_nothing_either(scene):
    """Parameters that are read as texts: the id of a job, of the thing of a tag, of a member."""
    tried, wrong = 0, []
    for verb in verbs():
        for p in verb.api.params.values():
            if p.refers is not None or p.kind not in ("string", "uuid", "list") or not p.wire_name.endswith(("id", "ids")):
                continue
            kinded = any(q.wire_name == "resourcetype" for q in verb.api.params.values())
            for sort, named in SORTS.items():
                who, owner = (("amy", "ods"), ("eva", "ods"), ("gus", "amy"))[tried % 3]
                tried += 1
                more = {"resourcetype": named} if kinded else {}
                texts = [
                    _UUID.sub("ID", scene.ask(verb, who, scene.parameters(verb, who, {p.wire_name: id, **more})))
                    for id in (scene.made[owner][sort].uuid, NOTHING)
                ]
                if texts[0] != texts[1]:
                    wrong.append((verb.api.name, p.wire_name, sort, who, texts))
    assert wrong == []
    assert tried > 200


@pytest.mark.parametrize("who", ["root", "eva", "ann"])
def test_the_account_behind_a_project_has_no_name_to_call_it_by(scene, who):
    behind = scene.db.read().get(Account, scene.project.account_id)
    for verb in (Verb.by_name[name] for name in ("listVolumes", "createSSHKeyPair", "listAccounts")):
        where = {"domainid": scene.tenants.domains["eng"]}
        key = "name" if verb.api.name == "listAccounts" else "account"
        sent = {key: behind.name, **where}
        more = {"name": "new"} if verb.api.name == "createSSHKeyPair" else {}
        texts = [
            scene.ask(verb, who, {**sent, **more, key: name}).replace(name, "NAME") for name in (behind.name, "nobody-of-it")
        ]
        assert texts[0] == texts[1], verb.api.name
