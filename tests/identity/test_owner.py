"""Whose: the words by which a command names an owner, and those by which a list is narrowed to some."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from cloudwright.compute.model import SshKeyPair
from cloudwright.core.access import Kind
from cloudwright.core.command import Verb
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Param
from cloudwright.identity.directory.model import LdapServer
from cloudwright.identity.model import Account, Domain
from cloudwright.identity.owner import account_named, check_for, naming, owner
from cloudwright.identity.project.model import DISABLED, SUSPENDED, Project
from cloudwright.infrastructure.offered import _named
from cloudwright.network.model import Network
from tests.identity.matrix import ALONE, MEMBERS, NOTHING
from tests.identity.project.test_permit import Yard
from tests.identity.test_matrix_shared import Shelf


def command(**given):
    return SimpleNamespace(**{"project": None, "account": None, "domain": None, **given})


def test_the_words_that_name_an_owner(scene, undone):
    eva, ann, root = (scene.callers[name] for name in ("eva", "ann", "root"))

    def look(tx):
        eng, dev = (tx.get(Domain, scene.callers[name].domain_id) for name in ("eva", "dee"))
        project = tx.get(Project, scene.project.id)
        for caller, given, name in (
            (eva, {}, "eva"),
            (eva, {"domain": dev}, "eva"),
            (eva, {"account": "ann"}, "ann"),
            (eva, {"account": "dan", "domain": dev}, "dan"),
            (root, {"account": "ann", "domain": eng}, "ann"),
            (ann, {"account": "ann"}, "ann"),
        ):
            assert owner(tx, caller, command(**given)).name == name
        for given in ({}, {"domain": eng}):
            assert owner(tx, ann, command(project=project, **given)).id == project.account_id
        for caller, given, param in (
            (eva, {"account": "dan"}, "account"),
            (eva, {"account": "ann", "domain": dev}, "account"),
            (root, {"account": "ann"}, "account"),
            (ann, {"account": "amy"}, "account"),
            (ann, {"project": project, "account": "ann"}, "projectid"),
            (ann, {"project": project, "domain": dev}, "domainid"),
        ):
            with pytest.raises(ParamError) as refused:
                owner(tx, caller, command(**given))
            assert refused.value.param == param, given
        for state, fix in ((SUSPENDED, ["activate it first (activateProject)"]), (DISABLED, [])):
            tx.update(project, state=state)
            with pytest.raises(WrongState, match=f"is {state}: nothing can be added") as refused:
                owner(tx, ann, command(project=project))
            assert refused.value.fix == fix

    undone(look)


def test_an_owner_is_named_by_words_that_find_it(scene):
    reader, eng = scene.db.read(), scene.tenants.domains["eng"]
    ann, behind = (reader.get(Account, id) for id in (scene.callers["ann"].account_id, scene.project.account_id))
    assert naming(reader, ann) == {"account": "ann", "domainid": eng}
    assert naming(reader, behind) == {"projectid": scene.project.uuid}
    with pytest.raises(ParamError, match="there is no account"):
        account_named(reader, scene.callers["root"], behind.name, behind.domain_id)


def test_what_an_owner_may_not_use_gets_no_part_in_its_things(scene):
    reader = scene.db.read()
    ann, behind = (reader.get(Account, id) for id in (scene.callers["ann"].account_id, scene.project.account_id))
    for account, name, theirs in ((ann, "account ann", "ann"), (behind, "the project", "project")):
        check_for(reader, account, scene.made[theirs]["volume"], "volumeid")
        for other in {"ann", "project", "amy", "mem"} - {theirs}:
            with pytest.raises(ParamError, match=f"Parameter volumeid: {name} may not use volume "):
                check_for(reader, account, scene.made[other]["volume"], "volumeid")


def test_what_is_offered_to_an_owner_gets_a_part_in_its_things(scene):
    reader = scene.db.read()
    check_for(
        reader, reader.get(Account, scene.callers["ann"].account_id), scene.made[""]["service_offering"], "serviceofferingid"
    )


def listed(tx, caller, name, **given):
    """The ids that a list shows in a transaction."""
    verb = Verb.by_name[name]
    return {row["id"] for row in verb.sent(tx, caller, **given).run(tx, caller).rows}


def test_a_users_list_shows_what_is_shared_with_it(scene, undone):
    def look(tx):
        shared = Shelf(scene, tx).put(Network, "eva", acl_type="Domain", subdomain_access=False)
        own = {scene.made["amy"]["network"].uuid}
        amy, eva = scene.callers["amy"], scene.callers["eva"]
        for given in ({}, {"listall": "true"}, {"domainid": scene.tenants.domains["eng"]}):
            assert listed(tx, amy, "listNetworks", **given) == own | {shared.uuid}, given
        assert listed(tx, eva, "listNetworks") == {scene.made["eva"]["network"].uuid, shared.uuid}
        assert scene.made["project"]["network"].uuid not in listed(tx, scene.callers["mem"], "listNetworks", listall="true")

    undone(look)


def test_who_names_what_is_a_projects_is_asked_for_its_role_there(scene, undone):
    def look(tx):
        yard, other = Yard(scene, tx), Yard(scene, tx, "other")
        yard.join("mem", "-listSSHKeyPairs")
        yard.join("eva", "-*")
        other.join("mem", "+*")
        pairs = []
        for one in (yard, other):
            whose = {"account_id": one.id, "domain_id": one.project.domain_id}
            pairs.append(tx.insert(SshKeyPair(name=one.project.name, public_key="k", fingerprint="f", **whose)))
        for who, shown in (("mem", [False, True]), ("eva", [True, True]), ("dan", [False, False])):
            assert [listed(tx, scene.callers[who], "listSSHKeyPairs", id=pair.uuid) == {pair.uuid} for pair in pairs] == shown, (
                who
            )

    undone(look)


def test_what_was_removed_is_nothing_but_to_a_filter(scene, undone):
    plain, filter_ = (Param(refers=SshKeyPair, wire_name="id", where=where) for where in (None, SshKeyPair.c.id))

    def look(tx):
        pair = tx.get(SshKeyPair, scene.made["ann"]["ssh_key_pair"].id)
        tx.remove(pair)
        nothing = scene.resolved(plain, "ann", NOTHING, tx)
        for who in ("root", "eva", "ann"):
            assert scene.resolved(plain, who, pair.uuid, tx) == nothing
            assert scene.resolved(filter_, who, pair.uuid, tx) is None
        assert scene.resolved(filter_, "amy", pair.uuid, tx) == nothing

    undone(look)


def test_who_has_left_a_project_reaches_nothing_of_it(scene, undone):
    def look(tx):
        yard, p = Yard(scene, tx), Param(refers=Project, wire_name="id")
        member = yard.join("mem")
        assert scene.resolved(p, "mem", yard.project.uuid, tx) is None
        tx.remove(member)
        assert scene.resolved(p, "mem", yard.project.uuid, tx) == scene.resolved(p, "mem", NOTHING, tx)

    undone(look)


def test_domains_named_by_ids_are_those_of_the_caller(scene):
    reader, domains = scene.db.read(), scene.tenants.domains

    def said(who, text):
        try:
            return [domain.path for domain in _named(reader, scene.callers[who], Domain, text, "domainid")]
        except ParamError as error:
            return error.text

    assert said("eva", f"{domains['dev']}, {domains['eng'].upper()},{domains['dev']}") == ["/eng/dev/", "/eng/"]
    assert said("ann", domains["eng"]) == ["/eng/"]
    for foreign in (domains["ops"], NOTHING):
        assert said("eva", foreign) == f"Parameter domainid: there is no domain {foreign} that you may use"
    assert said("eva", ",") == "Parameter domainid: ',' names no domain"


def test_what_is_of_no_domain_is_not_counted_for_those_of_one(scene, undone):
    def look(tx):
        before, shelf, eva = (
            len(listed(tx, scene.callers["eva"], "listLdapConfigurations")),
            Shelf(scene, tx),
            scene.callers["eva"],
        )
        for number, domain in enumerate((eva.domain_id, eva.domain_id, 0)):
            shelf.put(LdapServer, domain_id=domain, hostname=f"h{number}")
        verb = Verb.by_name["listLdapConfigurations"]
        assert verb.sent(tx, eva, page="1", pagesize="1", listall="true").run(tx, eva).count == before + 2

    undone(look)


def expected(scene, who, given):
    """Of which owners a list shows what they own."""
    caller, whose = scene.callers[who], {name: one.domain_path for name, one in scene.owners.items()}
    own = {name for name, one in scene.owners.items() if one.account_id == caller.account_id}
    if caller.kind is Kind.USER:
        accounts, projects, alone = own, {"project"} if who in MEMBERS else set(), who == ALONE
    else:
        reached = {name for name, path in whose.items() if path.startswith(caller.domain_path)}
        wide = "listall" in given or "domainid" in given
        accounts, projects, alone = reached - {"project"} if wide else own, reached & {"project"}, False
    found = accounts
    if "projectid" in given:
        found = projects | (accounts if "listall" in given or alone else set())
    if "domainid" in given:
        path = next(p for p in whose.values() if p.endswith(f"/{given['domainid']}/"))
        found = {n for n in found if (whose[n].startswith(path) if "isrecursive" in given else whose[n] == path)}
    return found


SAID = [
    {**domain, **more}
    for domain in ({}, *({"domainid": name} for name in ("eng", "dev", "ops")))
    for more in (
        {}, {"listall": "true"}, {"isrecursive": "true"}, {"listall": "true", "isrecursive": "true"},
        {"projectid": "-1"}, {"projectid": "-1", "listall": "true"}, {"projectid": "-1", "isrecursive": "true"},
    )
]  # fmt: skip


@pytest.mark.parametrize("who", ["root", "rea", "dee", "ole", "ann", "gus", "dan", "co"])
@pytest.mark.parametrize("name", ["listSSHKeyPairs", "listVolumes"])
def test_a_list_shows_whose_it_is_asked_for_and_counts_them(scene, who, name):
    verb, domains, tried = Verb.by_name[name], scene.tenants.domains, 0
    by_id = {row.uuid: owner for owner, row in scene.rows(verb.api.answers.of)}
    for given in SAID:
        sent = {**given, "domainid": domains[given["domainid"]]} if "domainid" in given else given
        answer = scene.ask(verb, who, {**sent, "page": "1", "pagesize": "500"})
        if "entity does not exist" in answer:
            assert not scene.may(
                who, {"eng": "ann", "dev": "dan", "ops": "ods"}[given["domainid"]], Domain, verb.api.params["domain"].use
            )
            continue
        told = msgspec.json.decode(answer)
        rows = next((value for value in told.values() if isinstance(value, list)), [])
        whose = expected(scene, who, given)
        assert {by_id[row["id"]] for row in rows} == whose, given
        assert told.get("count", 0) == len(rows) == len(whose), given
        if len(rows) > 1:
            short = msgspec.json.decode(scene.ask(verb, who, {**sent, "page": "1", "pagesize": "1"}))
            assert short["count"] == len(rows), given
        tried += 1
    assert tried >= 13


def test_an_account_or_a_project_is_named_to_a_list(scene):
    verb, of = (
        Verb.by_name["listVolumes"],
        {row.uuid: owner for owner, row in scene.rows(Verb.by_name["listVolumes"].api.answers.of)},
    )
    domains = scene.tenants.domains
    for who, given, whose in (
        ("eva", {"account": "ann"}, {"ann"}),
        ("eva", {"account": "dan", "domainid": domains["dev"]}, {"dan"}),
        ("root", {"account": "ods", "domainid": domains["ops"]}, {"ods"}),
        ("ann", {"account": "ann"}, {"ann"}),
        ("ann", {"projectid": scene.project.uuid}, {"project"}),
        ("eva", {"projectid": scene.project.uuid}, {"project"}),
        ("ann", {"id": scene.made["project"]["volume"].uuid}, {"project"}),
        ("ann", {"ids": scene.made["ann"]["volume"].uuid}, {"ann"}),
        ("eva", {"ids": scene.made["dan"]["volume"].uuid}, {"dan"}),
        ("eva", {"id": scene.made["dan"]["volume"].uuid}, {"dan"}),
        ("gus", {"ids": scene.made["project"]["volume"].uuid}, {"project"}),
        ("eva", {"id": scene.made["dan"]["volume"].uuid, "projectid": "-1"}, set()),
        ("eva", {"id": scene.made["project"]["volume"].uuid, "projectid": "-1"}, {"project"}),
    ):
        told = msgspec.json.decode(scene.ask(verb, who, given))
        assert {of[row["id"]] for row in told.get("volume", [])} == whose, (who, given)
        assert {row["domainpath"] for row in told.get("volume", [])} <= {"ROOT/eng", "ROOT/eng/dev", "ROOT/ops"}
    both = scene.ask(verb, "ann", {"account": "ann", "projectid": scene.project.uuid})
    assert "account and projectid name two owners" in both
    assert "there is no account 'dan'" in scene.ask(verb, "eva", {"account": "dan"})
