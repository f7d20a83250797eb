"""Plans without a server: what differs, in which order, for any cloud that files can describe."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudwright.catalogue import load
from cloudwright.core.command import Verb
from cloudwright.cw.apply import plan as planning
from cloudwright.cw.apply.calls import creation
from cloudwright.cw.apply.carry import Carrier
from cloudwright.cw.apply.document import Document, dump, parse
from cloudwright.cw.apply.kind import ApplyError, Catalogue
from cloudwright.cw.apply.kinds import KINDS
from cloudwright.cw.apply.plan import DELETE, Options
from cloudwright.cw.apply.wanted import Wanted, references
from cloudwright.cw.apply.world import World
from cloudwright.operations.discovery import described

load()
COMMANDS = {name: described(name, True, "Admin") for name in Verb.by_name}
CATALOGUE = Catalogue(COMMANDS, KINDS)
ADMIN = {"id": "a", "name": "admin", "domainid": "d", "roletype": "Admin", "user": [{"id": "u"}]}


class Rows:
    """A server that keeps rows of what is made, and knows of nothing else. `broken` are names that it refuses."""

    def __init__(self, broken=()):
        self.rows, self.tags, self.broken, self.log = {}, [], set(broken), []

    def call(self, command, **params):
        if command == "listAccounts":
            return {"account": [ADMIN]}
        if command == "listTags":
            return {"tag": list(self.tags) if params["page"] == 1 else []}
        kind = next((k for k in KINDS.values() if command in (k.lists, k.create, k.delete, *k.update)), None)
        if kind is None:
            return getattr(self, command)(**params)
        rows = self.rows.setdefault(kind.name, {})
        if command == kind.lists:
            wanted = {kind.each: params[kind.each]} if kind.each else {"id": params["id"]} if "id" in params else {}
            return {"row": [row for row in rows.values() if all(row.get(k) == v for k, v in wanted.items())]}
        if params.get("dryrun"):
            return {"dryrun": {}}
        self.log.append((command, params))
        if command == kind.delete:
            del rows[params["id"]]
            return {"success": True}
        if command == kind.create:
            return {"row": self._made(kind, params)}
        rows[params["id"]] |= told(kind, params)
        return {"row": rows[params["id"]]}

    def job(self, command, **params):
        answer = self.call(command, **params)
        return answer.get("row", answer)

    def _made(self, kind, params):
        name = params.get(kind.named, "")
        if name in self.broken:
            raise ValueError(f"{name} is refused")
        id = f"{kind.name}-{len(self.log)}"
        row = {**told(kind, params), "id": id, kind.named_in: name or id, **kind.ready}
        self.rows[kind.name][id] = row
        return row

    def createTags(self, resourcetype, resourceids, **tags):
        pairs = zip(list(tags.values())[::2], list(tags.values())[1::2], strict=True)
        self.tags += [{"key": k, "value": v, "resourcetype": resourcetype, "resourceid": resourceids} for k, v in pairs]
        return {}

    def deleteTags(self, resourcetype, resourceids, **tags):
        keys = list(tags.values())[::2]
        self.tags = [tag for tag in self.tags if not (tag["resourceid"] == resourceids and tag["key"] in keys)]
        return {}


def told(kind, params):
    """What rows tell of parameters that were given."""
    keys = {field.create: field.key for field in CATALOGUE.fields(kind).values()}
    keys |= {field.update[1]: field.key for field in CATALOGUE.fields(kind).values() if field.update}
    return {keys[param]: value for param, value in params.items() if keys.get(param)}


def planned(server, documents, **options):
    world = World(server, CATALOGUE)
    return world, planning.make(world, Wanted(world, documents), Options("s", **options))


def applied(server, documents, **options):
    world, plan = planned(server, documents, **options)
    return Carrier(world, "s", lambda line: None, at_once=1).run(plan)


@st.composite
def clouds(draw):
    """Zones with pods, clusters, physical networks; offerings: in any order of documents."""
    documents = []
    offerings = draw(st.lists(st.sampled_from("abc"), unique=True))
    documents += [Document("diskOffering", n, {"disksize": draw(st.integers(1, 9)), "displaytext": n}) for n in offerings]
    for zone in draw(st.lists(st.sampled_from(("north", "south")), unique=True)):
        sort = draw(st.sampled_from(("Advanced", "Basic")))  # no zone changes its sort: it is made anew, with all in it
        documents.append(Document("zone", zone, {"networktype": sort, "dns1": "9.9.9.9", "internaldns1": "9.9.9.9"}))
        for wire in draw(st.lists(st.sampled_from(("w1", "w2")), unique=True)):
            documents.append(Document("physicalNetwork", wire, {"zone": zone, "vlan": draw(st.sampled_from(("1-9", "5-7")))}))
        for pod in draw(st.lists(st.sampled_from(("p1", "p2")), unique=True)):
            documents.append(Document("pod", pod, {"zone": zone, "gateway": "192.0.2.1"}))
            for cluster in draw(st.lists(st.sampled_from(("c1", "c2")), unique=True)):
                spec = {"pod": f"{zone}/{pod}", "hypervisor": "KVM", "clustertype": "CloudManaged"}
                documents.append(Document("cluster", cluster, spec))
    return draw(st.permutations(documents))


def names(documents):
    return sorted((document.kind, document.name) for document in documents)


@settings(max_examples=25)
@given(clouds())
def test_what_was_applied_needs_nothing_more(documents):
    server = Rows()
    assert applied(server, documents).whole
    made = sorted((kind, row[KINDS[kind].named_in]) for kind, rows in server.rows.items() for row in rows.values())
    assert made == names(documents)
    _, plan = planned(server, documents, prune=True)
    assert (plan.actions, plan.unmarked, plan.same) == ([], [], len(documents))


@settings(max_examples=25)
@given(clouds())
def test_everything_comes_after_what_it_refers_to(documents):
    _, plan = planned(Rows(), documents)
    places = {action.node: place for place, action in enumerate(plan.actions)}
    assert len(places) == len(documents)
    for node, place in places.items():
        assert all(places[other] < place for other in references(CATALOGUE, node))


@settings(max_examples=25)
@given(clouds(), clouds())
def test_from_any_cloud_to_any_other(before, after):
    server = Rows()
    applied(server, before)
    _, plan = planned(server, after, prune=True, replace=True)
    deletions = [action for action in plan.actions if action.verb == DELETE]
    wanted = {(document.kind, document.name) for document in after}
    assert all(action.replaces or action.node.document is None for action in deletions)
    for place, action in enumerate(deletions):
        assert not any(action.node in later.node.above() for later in deletions[place:])
    assert applied(server, after, prune=True, replace=True).whole
    made = sorted((kind, row[KINDS[kind].named_in]) for kind, rows in server.rows.items() for row in rows.values())
    assert made == names(after)
    assert set(made) == wanted
    assert not planned(server, after, prune=True)[1].actions


@settings(max_examples=25)
@given(clouds(), st.sets(st.sampled_from(("north", "p1", "c1", "w1", "a"))))
def test_a_failure_leaves_exactly_what_needs_it_and_is_made_good_later(documents, broken):
    server = Rows(broken)
    outcome = applied(server, documents)
    assert {a.node.name for a in outcome.failed} <= broken
    for action in outcome.left:
        assert any(one in outcome.failed or one in outcome.left for one in action.after)
    for action in outcome.done:
        assert all(one in outcome.done for one in action.after)
    assert len(outcome.done) + len(outcome.failed) + len(outcome.left) == len(documents)
    server.broken = set()
    assert applied(server, documents).whole
    assert planned(server, documents)[1].actions == []


@settings(max_examples=25)
@given(clouds())
def test_documents_are_read_as_they_were_written(documents):
    again = parse(dump(documents), "x")
    assert [(d.kind, d.name, d.spec) for d in again] == [(d.kind, d.name, d.spec) for d in documents]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_declaration_names_commands_and_parameters_that_there_are(kind):
    for command in (kind.lists, kind.create, kind.delete, *kind.update):
        assert command in COMMANDS, command
    fields = CATALOGUE.fields(kind)
    params = {p["name"] for command in (kind.create, *kind.update) for p in COMMANDS[command]["params"]}
    assert kind.named in ({""} | params)
    assert set(kind.alias) <= params
    assert set(kind.within) | set(kind.natural) | set(kind.refs) | kind.late | kind.base64 | set(kind.scale) <= set(fields)
    assert all(field.ref in {*KINDS, ""} for field in fields.values())
    lowered = [field.name.lower() for field in fields.values()]
    assert len(lowered) == len(set(lowered))
    told = {f["name"] for f in COMMANDS[kind.lists]["response"]}
    assert all(field.key.partition(".")[0] in {*told, ""} for field in fields.values()), kind


def test_values_become_what_the_wire_wants():
    text = """
kind: networkOffering
name: own
spec:
  displaytext: own
  guestiptype: isolated
  traffictype: GUEST
  supportedservices: [Dhcp, Dns]
  serviceproviderlist: {Dhcp: VirtualRouter, Dns: VirtualRouter}
---
kind: serviceOffering
name: fast
spec: {displaytext: fast, tags: [ssd, nvme], serviceofferingdetails: {a: b}, offerha: yes}
---
kind: userData
name: hello
spec: {userdata: "#!/bin/sh"}
"""
    world = World(Rows(), CATALOGUE)
    calls = [creation(world, node)[1] for node in Wanted(world, parse(text, "x")).nodes]
    assert calls[0]["serviceproviderlist[1].service"] == "Dns"
    assert calls[0]["serviceproviderlist[1].provider"] == "VirtualRouter"
    assert calls[0]["supportedservices"] == "Dhcp,Dns"
    assert calls[1]["tags"] == "ssd,nvme"
    assert (calls[1]["serviceofferingdetails[0].key"], calls[1]["serviceofferingdetails[0].value"]) == ("a", "b")
    assert calls[1]["offerha"] is True
    assert calls[2]["userdata"] == "IyEvYmluL3No"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: zone\nkind: pod", "x:2: 'kind' is there twice"),
        ("kind: zone\nnetworktype: Advanced", "networktype is not kind, name or spec"),
        ("name: a", "a document has a kind"),
        ("- 1", "this is '1'"),
        ("a: [", "is not YAML"),
        ("kind: user\nspec: {password: {fromEnv: NO_SUCH_NAME}}", "the environment has no NO_SUCH_NAME"),
    ],
)
def test_texts_that_are_no_documents(text, said):
    with pytest.raises(ApplyError, match=said):
        parse(text, "x")


def test_secrets_come_from_elsewhere_and_are_not_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_WORD", "swordfish")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA\n")
    text = "kind: sshKey\nspec: {publickey: {fromFile: key.pub}}\n---\nkind: user\nspec: {password: {fromEnv: SECRET_WORD}}"
    key, user = parse(text, "x", tmp_path)
    assert (key.spec["publickey"], user.spec["password"]) == ("ssh-ed25519 AAAA", "swordfish")
    field = CATALOGUE.fields(KINDS["user"])["password"]
    assert planning.shown(field, "swordfish") == "…"


def test_references_in_a_circle_are_told():
    documents = [Document("domain", "a", {"parentdomain": "b"}, "x:1"), Document("domain", "b", {"parentdomain": "a"}, "x:2")]
    with pytest.raises(ApplyError, match="in a circle"):
        planned(Rows(), documents)


def test_a_server_without_dry_run_is_not_asked():
    plain = {n: {**c, "params": [p for p in c["params"] if p["name"] != "dryrun"]} for n, c in COMMANDS.items()}
    assert CATALOGUE.dry("createZone")
    assert not Catalogue(plain, KINDS).dry("createZone")
