import pytest

from cloudwright.core.error import Denied, InUse, ParamError, WrongState
from cloudwright.identity.model import Account, Domain
from tests.conftest import done


def paths(tenants):
    return sorted(row.path for row in tenants.cloud.db.read().all(Domain))


def test_a_renamed_domain_takes_those_below_with_it(tenants):
    told = tenants.call(tenants.root, "updateDomain", id=tenants.domains["eng"], name="engineering")["domain"]
    assert told["path"] == "ROOT/engineering"
    assert paths(tenants) == ["/", "/engineering/", "/engineering/dev/", "/ops/"]
    assert tenants.fresh("dan").domain_path == "/engineering/dev/"


def test_names_are_unique_among_siblings_and_have_no_slash(tenants):
    with pytest.raises(ParamError, match="already a domain /eng/"):
        tenants.call(tenants.root, "createDomain", name="eng")
    with pytest.raises(ParamError, match="none of them a slash"):
        tenants.call(tenants.root, "createDomain", name="a/b")
    assert tenants.call(tenants.root, "createDomain", name="eng", parentdomainid=tenants.domains["ops"])["domain"]["level"] == 2


@pytest.mark.parametrize("name", ["Eng", "ENG"])
def test_siblings_differ_in_more_than_case(tenants, name):
    with pytest.raises(ParamError, match="already a domain /eng/"):
        tenants.call(tenants.root, "createDomain", name=name)
    with pytest.raises(ParamError, match="already a domain /eng/"):
        tenants.call(tenants.root, "updateDomain", id=tenants.domains["ops"], name=name)
    assert tenants.call(tenants.root, "updateDomain", id=tenants.domains["eng"], name=name)["domain"]["name"] == name


def test_wildcards_in_names_do_not_reach_further(tenants):
    below = tenants.call(tenants.root, "createDomain", name="e%")["domain"]["id"]
    tenants.call(tenants.root, "createDomain", name="x", parentdomainid=below)
    assert [d["name"] for d in tenants.call(tenants.root, "listDomainChildren", id=below, isrecursive="true")["domain"]] == ["x"]


@pytest.mark.parametrize(
    ("who", "plain", "everything"),
    [
        ("root", {"ROOT", "eng", "dev", "ops"}, {"ROOT", "eng", "dev", "ops"}),
        ("eva", {"eng"}, {"eng", "dev"}),
        ("dan", {"dev"}, {"dev"}),
    ],
)
def test_lists_show_the_callers_part_of_the_tree(tenants, who, plain, everything):
    caller = tenants.root if who == "root" else who
    assert {d["name"] for d in tenants.call(caller, "listDomains")["domain"]} == plain
    assert {d["name"] for d in tenants.call(caller, "listDomains", listall="true")["domain"]} == everything
    one = tenants.call(caller, "listDomains", id=tenants.domains["dev"])["domain"]
    assert [d["name"] for d in one] == ["dev"], "one that is named needs no listall"


def test_children_are_direct_or_all(tenants):
    assert {d["name"] for d in tenants.call(tenants.root, "listDomainChildren")["domain"]} == {"eng", "ops"}
    assert {d["name"] for d in tenants.call(tenants.root, "listDomainChildren", isrecursive="true")["domain"]} == {
        "eng",
        "dev",
        "ops",
    }


def test_a_domain_that_is_not_empty_stays(tenants):
    with pytest.raises(InUse, match="domains below it: 1; accounts in it: 3") as refused:
        tenants.call(tenants.root, "deleteDomain", id=tenants.domains["eng"])
    assert refused.value.fix
    assert "/eng/" in paths(tenants)


def test_cleanup_takes_everything_below(tenants):
    done(tenants.cloud, tenants.root, "deleteDomain", id=tenants.domains["eng"], cleanup="true")
    assert paths(tenants) == ["/", "/ops/"]
    assert {row.name for row in tenants.cloud.db.read().all(Account)} == {"system", "admin", "ole", "ods"}
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call(tenants.root, "createDomain", name="x", parentdomainid=tenants.domains["eng"])


def test_nothing_is_made_in_a_domain_that_is_being_deleted(tenants):
    row = tenants.cloud.db.read().find(Domain, Domain.c.name == "ops")
    tenants.cloud.db.write(lambda tx: tx.update(row, state="Inactive"))
    with pytest.raises(WrongState, match="being deleted"):
        tenants.call(tenants.root, "createDomain", name="x", parentdomainid=tenants.domains["ops"])


def test_root_and_ones_own_domain_stay(tenants):
    with pytest.raises(Denied):
        tenants.call(tenants.root, "deleteDomain", id=tenants.root.domain_uuid, cleanup="true")
    with pytest.raises(Denied, match="own or above"):
        tenants.call("eva", "deleteDomain", id=tenants.domains["eng"], cleanup="true")
    with pytest.raises(ParamError, match="ROOT cannot be renamed"):
        tenants.call(tenants.root, "updateDomain", id=tenants.root.domain_uuid, name="top")


def test_a_dry_run_changes_nothing(tenants):
    told = tenants.call(tenants.root, "deleteDomain", id=tenants.domains["eng"], cleanup="true", dryrun="true")
    assert told["dryrun"]["steps"] == ["close", "clear", "remove"]
    assert "/eng/" in paths(tenants)
