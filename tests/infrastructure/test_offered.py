"""Offerings for several domains and zones: who sees them, who changes them, what becomes of them when a domain goes."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import CloudError, ParamError
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import DOMAIN_ADMIN, NORMAL, Account, Domain, Role, User
from tests.conftest import call, done

SAID: dict[str, dict[str, Any]] = {
    "ServiceOffering": {"cpunumber": 1, "cpuspeed": 500, "memory": 256},
    "DiskOffering": {"disksize": 1},
    "NetworkOffering": {"traffictype": "Guest", "guestiptype": "L2", "enable": "true"},
}


class Estate:
    """Domains /a/, /a/b/ and /c/, each with an administrator and a user; zones y and z."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.root = cloud, root_caller(cloud.db.read())
        self.domains = {"a": self._domain("a"), "c": self._domain("c")}
        self.domains["b"] = self._domain("b", parentdomainid=self.domains["a"])
        self.zones = [self._zone(name) for name in "yz"]

    def _domain(self, name: str, **more: Any) -> str:
        return str(call(self.cloud, self.root, "createDomain", name=name, **more)["domain"]["id"])

    def _zone(self, name: str) -> str:
        told = call(self.cloud, self.root, "createZone", name=name, networktype="Advanced", dns1="192.0.2.53",
                    internaldns1="192.0.2.54")  # fmt: skip
        return str(told["zone"]["id"])

    def caller(self, domain: str, type_: int = NORMAL) -> Caller:
        """A new user there."""

        def write(tx: Tx) -> User:
            at = tx.find(Domain, Domain.c.uuid == self.domains[domain])
            role = tx.find(Role, Role.c.role_type == ("DomainAdmin" if type_ else "User"))
            assert at is not None
            assert role is not None
            name = f"{domain}{type_}"
            account = tx.insert(Account(name=name, domain_id=at.id, role_id=role.id, type_=type_))
            return tx.insert(User(username=name, account_id=account.id, domain_id=at.id, password=Secret("")))

        user = self.cloud.db.write(write)
        return caller_of(self.cloud.db.read(), user)

    def domain_ids(self, names: str) -> str:
        return ",".join(self.domains[name] for name in names)

    def make(self, kind: str, names: str, **more: Any) -> dict[str, Any]:
        params = {**SAID[kind], "name": "o", "displaytext": "o", "domainid": self.domain_ids(names), **more}
        return dict(call(self.cloud, self.root, f"create{kind}", **params)[kind.lower()])

    def seen(self, caller: Caller, kind: str, **more: Any) -> list[dict[str, Any]]:
        told = call(self.cloud, caller, f"list{kind}s", name="o", **more)
        return list(told.get(kind.lower(), []))


@pytest.fixture
def estate(cloud: Cloud) -> Estate:
    return Estate(cloud)


def names_of(row: dict[str, Any]) -> set[str]:
    return {path.strip("/")[-1:] for path in row.get("domain", "").split(",")}


@pytest.mark.parametrize("kind", list(SAID))
def test_one_offering_for_several_domains_and_zones(estate: Estate, kind: str) -> None:
    made = estate.make(kind, "ac", zoneid=",".join(estate.zones))
    assert set(made["domainid"].split(",")) == {estate.domains["a"], estate.domains["c"]}
    assert names_of(made) == {"a", "c"}
    assert made["zone"] == "y,z"
    assert made["zoneid"] == ",".join(estate.zones)
    for domain in "abc":
        assert len(estate.seen(estate.caller(domain), kind)) == 1, domain
    told = {"domainid": estate.domains["c"], "zoneid": estate.zones[1]}
    assert len(estate.seen(estate.root, kind, **told)) == 1, "lists are filtered by one of several"
    clone = call(estate.cloud, estate.root, f"clone{kind}", sourceofferingid=made["id"], name="twin")[kind.lower()]
    assert (set(clone["domainid"].split(",")), clone["zoneid"]) == (set(made["domainid"].split(",")), made["zoneid"])
    update = f"update{kind}"
    changed = call(estate.cloud, estate.root, update, id=made["id"], domainid=estate.domain_ids("bc"), zoneid=estate.zones[0])
    assert names_of(changed[kind.lower()]) == {"b", "c"}
    above, below = (len(estate.seen(estate.caller(domain, DOMAIN_ADMIN), kind)) for domain in "ab")
    assert (above, below) == (0, 1), "it is not for the domain above those that it is for"
    public = call(estate.cloud, estate.root, update, id=made["id"], domainid="public", zoneid="all")[kind.lower()]
    assert not {"domainid", "domain", "zoneid", "zone"} & set(public)


@pytest.mark.parametrize("kind", list(SAID))
def test_a_domain_takes_along_what_was_for_it_alone(estate: Estate, kind: str) -> None:
    made = estate.make(kind, "bc")
    done(estate.cloud, estate.root, "deleteDomain", id=estate.domains["c"])
    left = estate.seen(estate.root, kind)
    assert [names_of(row) for row in left] == [{"b"}]
    done(estate.cloud, estate.root, "deleteDomain", id=estate.domains["b"])
    assert estate.seen(estate.root, kind) == [], f"{made['id']} was for nobody any more, and never for everybody"


def test_a_domain_below_another_of_them_is_left_out(estate: Estate) -> None:
    assert estate.make("DiskOffering", "ab")["domainid"] == estate.domains["a"]


def test_an_administrator_is_told_of_its_own_domains_and_changes_what_is_only_for_these(estate: Estate) -> None:
    estate.make("DiskOffering", "ac")
    chief = estate.caller("a", DOMAIN_ADMIN)
    both = estate.seen(chief, "DiskOffering")[0]
    assert both["domainid"] == estate.domains["a"], "not of those beside it"
    with pytest.raises(CloudError, match="does not exist"):
        call(estate.cloud, chief, "updateDiskOffering", id=both["id"], displaytext="mine")
    params = {"name": "own", "displaytext": "own", "disksize": 1, "domainid": estate.domain_ids("b")}
    own = call(estate.cloud, chief, "createDiskOffering", **params)["diskoffering"]
    changed = call(estate.cloud, chief, "updateDiskOffering", id=own["id"], domainid=estate.domain_ids("a"))["diskoffering"]
    assert changed["domainid"] == estate.domains["a"]
    for domains in (estate.domain_ids("c"), estate.domain_ids("ac"), "nonsense", ","):
        with pytest.raises(ParamError, match="domainid"):
            call(estate.cloud, chief, "updateDiskOffering", id=own["id"], domainid=domains)
    above = call(estate.cloud, estate.caller("b", DOMAIN_ADMIN), "cloneDiskOffering", sourceofferingid=both["id"], name="twin")
    assert above["diskoffering"]["domainid"] == estate.domains["b"], "a twin is for nobody whom its maker does not govern"
    assert estate.make("NetworkOffering", "ac")["domain"] == "/a/,/c/", "networks' offerings tell paths"


def test_what_is_made_for_another_asks_that_ones_domain(estate: Estate) -> None:
    made = estate.make("DiskOffering", "bc", tags="")
    estate.caller("a")
    with pytest.raises(ParamError, match=r"is for domains .* and those below them"):
        call(estate.cloud, estate.root, "createVolume", name="v", diskofferingid=made["id"], zoneid=estate.zones[0],
             account="a0", domainid=estate.domains["a"])  # fmt: skip
