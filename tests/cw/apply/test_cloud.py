"""A cloud from nothing by a file, applied again, changed, read back, and pruned to nothing: against a running server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from cloudwright.cw.apply.kinds import KINDS
from tests.cw.conftest import cw

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "cloud.yaml"
LISTS = {
    "listZones": {}, "listPhysicalNetworks": {}, "listPods": {}, "listVlanIpRanges": {}, "listClusters": {}, "listHosts": {},
    "listStoragePools": {}, "listImageStores": {}, "listNetworks": {}, "listVirtualMachines": {}, "listVolumes": {},
    "listPublicIpAddresses": {}, "listFirewallRules": {}, "listPortForwardingRules": {}, "listSSHKeyPairs": {},
    "listUserData": {}, "listTags": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def built(known, folder):
    """The example, applied: what was said."""
    said = cw(f"apply -f {EXAMPLE}")
    assert said.code == 0, said.err + said.out
    return said


def changed(folder, edit):
    """The example with documents edited; the file has its name, which is the set's."""
    documents = list(yaml.safe_load_all(EXAMPLE.read_text()))
    file = folder / "cloud.yaml"
    file.write_text(yaml.safe_dump_all(edit(documents)))
    return file


def spec(documents, kind, name):
    return next(d["spec"] for d in documents if (d["kind"], d.get("name")) == (kind, name))


def events(api, since=0):
    return [row["type"] for row in api.all("listEvents", listall=True, page=1, pagesize=500)][: -since or None]


def test_a_file_builds_a_zone_with_an_instance_in_it(built, api):
    assert "+ zone north" in built.out
    assert re.search(r"27 to create, 1 to change, 0 as they are\.", built.out)
    (machine,) = api.all("listVirtualMachines")
    assert (machine["name"], machine["state"], machine["serviceofferingname"]) == ("web", "Running", "small")
    assert (machine["nic"][0]["networkname"], machine["keypairs"], machine["userdataname"]) == ("app", "office", "greet")
    assert api.all("listZones")[0]["allocationstate"] == "Enabled"
    assert {host["name"]: host["state"] for host in api.all("listHosts")} == {"h1": "Up", "h2": "Up"}
    (disk,) = api.all("listVolumes", type="DATADISK")
    assert (disk["name"], disk["vmname"], disk["size"]) == ("web-data", "web", 5 << 30)
    (rule,) = api.all("listPortForwardingRules")
    assert (rule["publicport"], rule["privateport"], rule["virtualmachinename"]) == ("443", "8443", "web")
    role = api.all("listRoles", name="auditor")[0]["id"]
    assert [rule["rule"] for rule in api.all("listRolePermissions", roleid=role)] == ["list*", "query*", "*"]
    assert api.all("listConfigurations", name="expunge.delay")[0]["value"] == "3600"


def test_applied_again_nothing_changes(built, api):
    before = events(api)
    said = cw(f"apply -f {EXAMPLE}")
    assert (said.code, said.out) == (0, "No change: all 27 are as the files say.\n")
    assert events(api) == before


def test_one_attribute_changed_only_that_is_applied(built, api, folder):
    def edit(documents):
        spec(documents, "network", "app")["displaytext"] = "Where it runs"
        return documents

    file, before = changed(folder, edit), events(api)
    told = "~ network north/app\n    displaytext: Where the application runs -> Where it runs\n1 to change, 26 as they are.\n"
    compared = cw(f"diff -f {file}")
    assert (compared.code, compared.out) == (1, told)
    assert events(api) == before
    said = cw(f"apply -f {file}")
    assert (said.code, said.out) == (0, told + "changed network north/app\nDone: 1.\n")
    assert api.all("listNetworks")[0]["displaytext"] == "Where it runs"
    assert set(events(api, len(before))) == {"NETWORK.UPDATE"}
    assert cw(f"diff -f {file}").code == 0


def test_fields_without_a_parameter_are_set_by_calls_of_their_own(built, api, folder):
    def edit(documents):
        spec(documents, "role", "auditor")["rules"] = ["deny listHosts", "allow list*", "deny *"]
        spec(documents, "instance", "web")["state"] = "Stopped"
        spec(documents, "volume", "web-data")["name"] = "web-data"
        spec(documents, "host", "h2")["allocationstate"] = "Disabled"
        documents.append({"kind": "network", "name": "back", "spec": dict(spec(documents, "network", "app"))})
        spec(documents, "instance", "web")["networks"] = ["app", "back"]
        del spec(documents, "volume", "web-data")["name"]
        return documents

    file = changed(folder, edit)
    said = cw(f"apply -f {file}")
    assert said.code == 0, said.err + said.out
    assert "1 to create, 4 to change" in said.out
    (machine,) = api.all("listVirtualMachines")
    assert machine["state"] == "Stopped"
    assert {nic["networkname"] for nic in machine["nic"]} == {"app", "back"}
    role = api.all("listRoles", name="auditor")[0]["id"]
    assert [rule["rule"] for rule in api.all("listRolePermissions", roleid=role)] == ["listHosts", "list*", "*"]
    assert api.all("listHosts", name="h2")[0]["resourcestate"] == "Disabled"
    assert cw(f"diff -f {file}").code == 0
    assert cw(f"apply --prune --yes -f {EXAMPLE}").code == 0  # the second network goes, and the rest is as it was
    assert [row["name"] for row in api.all("listNetworks")] == ["app"]


def test_what_is_read_back_changes_nothing(built, folder):
    texts = [cw(f"get {kind} -o yaml") for kind in KINDS if kind != "affinityGroup"]  # there is none
    assert [said.err for said in texts if said.code] == []
    file = folder / "read.yaml"
    file.write_text("\n---\n".join(said.out for said in texts))
    said = cw(f"diff --all --set cloud -f {file}")
    assert said.code == 0, said.err + said.out
    assert "No change: all " in said.out
    one = cw("get instance web -o json")
    assert json.loads(one.out)["document"][0]["spec"]["networks"] == ["north/app"]


def test_refusals_come_all_at_once_and_before_anything_is_done(built, api, folder):
    def edit(documents):
        spec(documents, "physicalNetwork", "north-wire")["vlan"] = "nonsense"
        spec(documents, "pod", "rack1")["endip"] = "198.51.100.9"
        spec(documents, "network", "app")["displaytext"] = "not done"
        return documents

    said = cw(f"apply -f {changed(folder, edit)}")
    assert said.code == 2
    assert "nothing was done" in said.err
    assert "change physicalNetwork north/north-wire: updatePhysicalNetwork" in said.err
    assert "change pod north/rack1: updatePod" in said.err
    assert api.all("listNetworks")[0]["displaytext"] != "not done"


def test_what_files_say_wrongly_is_said_at_once(built, folder):
    def edit(documents):
        spec(documents, "instance", "web")["serviceOffering"] = "smal"
        spec(documents, "instance", "web")["netwrks"] = ["app"]
        spec(documents, "host", "h1")["cluster"] = "cluster9"
        documents.append({"kind": "zne", "name": "x"})
        documents.append({"kind": "pod", "name": "rack2", "spec": {"zone": "north"}})
        documents.append({"kind": "cluster", "name": "c2", "spec": {"pod": "rack2"}})
        return documents

    said = cw(f"diff -f {changed(folder, edit)}")
    assert said.code == 2
    for text in (
        "no serviceOffering 'smal'", "there is small", "no field 'netwrks'; did you mean networks", "no cluster 'cluster9'",
        "There is no kind 'zne'; did you mean zone", "clustertype, hypervisor must be given",
    ):  # fmt: skip
        assert text in said.err, said.err


def test_what_cannot_be_changed_is_made_anew_only_when_that_is_wanted(built, api, folder):
    def edit(documents):
        spec(documents, "egressRule", "dns-out")["protocol"] = "tcp"
        return documents

    file = changed(folder, edit)
    said = cw(f"apply -f {file}")
    assert said.code == 2
    assert "egressRule north/app/dns-out: protocol is 'udp' and cannot become 'tcp' once it is made; --replace" in said.err
    said = cw(f"apply --replace --yes -f {file}")
    assert said.code == 0, said.err
    assert "- egressRule north/app/dns-out  (made anew)\n+ egressRule north/app/dns-out  (made anew)" in said.out
    assert [rule["protocol"] for rule in api.all("listEgressFirewallRules")] == ["tcp"]
    assert cw(f"apply --replace --yes -f {EXAMPLE}").code == 0


def test_a_failure_stops_what_needs_it_and_running_again_goes_on(built, api, folder):
    def edit(documents):
        documents.append({"kind": "diskOffering", "name": "huge", "spec": {"disksize": 500000, "displaytext": "huge"}})
        documents.append({"kind": "volume", "name": "big", "spec": {"zone": "north", "diskOffering": "huge", "instance": "web"}})
        documents.append({"kind": "diskOffering", "name": "more", "spec": {"disksize": 1, "displaytext": "more"}})
        return documents

    said = cw(f"apply --set other -f {changed(folder, edit)}")
    assert said.code == 2
    assert "belongs to the set cloud; --adopt takes it over" in said.err
    said = cw(f"apply -f {changed(folder, edit)}")
    assert said.code == 1, said.out
    assert "failed: create volume north/big: createVolume" in said.err
    assert "Done: 3, failed: 1" in said.err or "Done: 2, failed: 1" in said.err

    def mend(documents):
        edit(documents)[-2]["spec"]["diskOffering"] = "more"
        return documents

    said = cw(f"apply -f {changed(folder, mend)}")
    assert said.code == 0, said.err
    assert "+ volume north/big" in said.out


def test_others_things_stay_and_what_was_there_before_is_not_pruned(built, api, folder):
    api.one("createDiskOffering", name="by-hand", displaytext="by hand", disksize=1)
    file = folder / "mine.yaml"
    file.write_text("kind: diskOffering\nname: by-hand\nspec:\n  displaytext: by a file\n")
    said = cw(f"apply -f {file}")
    assert "diskOffering by-hand was there before these files; it is not theirs" in said.out
    assert api.all("listDiskOfferings", name="by-hand")[0]["displaytext"] == "by a file"
    file.write_text("")
    assert "nothing to do" in cw(f"apply --prune --yes -f {file}").out
    assert api.all("listDiskOfferings", name="by-hand")
    file.write_text("kind: diskOffering\nname: by-hand\nspec: {}\n")
    assert "marked diskOffering by-hand" in cw(f"apply --adopt -f {file}").out
    file.write_text("")
    refused = cw(f"apply --prune -f {file}")
    assert (refused.code, "1 things would be deleted" in refused.err) == (2, True)
    assert cw(f"apply --prune --yes -f {file}").code == 0
    assert not api.all("listDiskOfferings", name="by-hand")


def test_fields_and_kinds_are_explained(built):
    assert "publicIp" in cw("apply --explain").out
    told = cw("apply --explain instance").out
    assert re.search(r"serviceOffering +name of serviceOffering; required", told)
    assert re.search(r"template +name of template; cannot be changed", told)
    schema = json.loads(cw("apply --schema").out)
    zone = next(one for one in schema["oneOf"] if one["properties"]["kind"]["const"] == "zone")
    assert zone["properties"]["spec"]["properties"]["localstorageenabled"]["type"] == "boolean"


def test_pruned_to_nothing(built, api, folder):
    file = folder / "cloud.yaml"
    file.write_text("")
    said = cw(f"apply --prune --yes -f {file}")
    assert said.code == 0, said.err + said.out
    left = {command: [row.get("name") or row for row in api.all(command, **params)] for command, params in LISTS.items()}
    assert left == {command: [] for command in LISTS}
    assert not api.all("listServiceOfferings", name="small")
    assert not api.all("listRoles", name="auditor")
    assert "nothing to do" in cw(f"apply --prune --yes -f {file}").out


def test_tenants_their_things_and_what_a_tenant_does_itself(known, api, empty, folder, monkeypatch):
    file = folder / "tenancy.yaml"
    file.write_text((Path(__file__).parent / "tenancy.yaml").read_text())
    monkeypatch.setenv("TENANT_WORD", "correct-horse-9")
    monkeypatch.setenv("TENANT_KEY", spec(list(yaml.safe_load_all(EXAMPLE.read_text())), "sshKey", "office")["publickey"])
    said = cw(f"apply -f {file}")
    assert said.code == 0, said.err + said.out
    assert "correct-horse-9" not in said.out
    assert cw(f"apply -f {file}").out == "No change: all 17 are as the files say.\n"
    user = api.all("listUsers", username="anna", listall=True)[0]
    assert (user["domain"], user["rolename"]) == ("west", "clerk")
    keys = api.job("registerUserKeys", id=user["id"])
    with monkeypatch.context() as tenant:
        tenant.setenv("CLOUDSTACK_KEY", keys["apikey"])
        tenant.setenv("CLOUDSTACK_SECRET", keys["secretkey"])
        mine = folder / "mine.yaml"
        mine.write_text("kind: sshKey\nname: k\nspec: {}\n")
        assert "sshKey k was there before these files" in cw(f"apply -f {mine}").out  # a tenant does not see the operator's mark
        assert "marked sshKey k" in cw(f"apply --adopt -f {mine}").out
        mine.write_text("")
        assert "deleted sshKey k" in cw(f"apply --prune --yes -f {mine}").out
    file.write_text("")
    said = cw(f"apply --prune --yes -f {file}")
    assert said.code == 0, said.err + said.out
    assert not api.all("listTags", listall=True, projectid="-1")
    assert [row["name"] for row in api.all("listDomains", listall=True)] == ["ROOT"]
    assert not api.all("listProjects", listall=True)
