"""Limits: what counts, whose limit refuses, how it is told; and that counting again finds what the ledger says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cloudwright.core.error import CloudError, Denied, LimitReached, ParamError
from cloudwright.identity.ledger import Tally
from cloudwright.identity.recount import differences
from cloudwright.storage.model import Volume
from tests.conftest import done, finished
from tests.identity.conftest import Tenants, account
from tests.infrastructure.zone import simulated_zone
from tests.proofs.stage import settle

GIB = 1 << 30


@pytest.fixture
def site(tenants: Tenants) -> Iterator[Tenants]:
    """Tenants with a zone and disk offerings; in the end the ledger is right."""
    tenants.zone = simulated_zone(tenants.cloud, hosts=2).zone.uuid
    offerings = tenants.call(tenants.root, "listDiskOfferings")["diskoffering"]
    tenants.small = next(one["id"] for one in offerings if one["disksize"] == 5)
    yield tenants
    assert differences(tenants.cloud.db.read()) == []


def volume(site: Tenants, who: str, **more: Any) -> str:
    about = {"name": "d", "zoneid": site.zone, "diskofferingid": site.small}
    answer = site.call(who, "createVolume", **(about | more))
    finished(site.cloud, answer["jobid"])
    return str(answer["id"])


def limit(site: Tenants, kind: int, most: int, **whose: str) -> Any:
    return site.call(site.root, "updateResourceLimit", resourcetype=kind, max=most, **whose)["resourcelimit"]


def told(site: Tenants, name: str) -> Any:
    return site.call(site.root, "listAccounts", name=name, listall="true")["account"][0]


def domain(site: Tenants, name: str) -> Any:
    return site.call(site.root, "listDomains", name=name)["domain"][0]


def test_a_volume_counts_for_its_account_and_the_domains_above(site: Tenants) -> None:
    volume(site, "dan")
    one = told(site, "dan")
    assert (one["volumetotal"], one["volumelimit"], one["volumeavailable"]) == (1, "20", "19")
    assert (one["primarystoragetotal"], one["primarystoragelimit"], one["primarystorageavailable"]) == (5, "200", "195")
    for name in ("dev", "eng"):
        assert (domain(site, name)["volumetotal"], domain(site, name)["volumelimit"]) == (1, "40")
    assert domain(site, "ops")["volumetotal"] == 0
    assert (domain(site, "ROOT")["volumetotal"], domain(site, "ROOT")["volumelimit"]) == (1, "Unlimited")


def test_a_refusal_tells_numbers_and_what_to_do(site: Tenants) -> None:
    answer = limit(site, 2, 1, account="dan", domainid=site.domains["dev"])
    assert (answer["account"], answer["resourcetypename"], answer["max"]) == ("dan", "volume", 1)
    volume(site, "dan")
    for dry in ({}, {"dryrun": "true"}):
        with pytest.raises(LimitReached) as refused:
            volume(site, "dan", **dry)
        assert (refused.value.code, refused.value.cs_code) == (535, 4370)
        assert refused.value.text == "Account dan may have 1 volumes: it has 1, 1 more were asked for"
        assert refused.value.fix[0].endswith("max=2 or more")
    assert told(site, "dan")["volumetotal"] == 1
    limit(site, 2, 2, account="dan", domainid=site.domains["dev"])
    volume(site, "dan")


def test_every_domain_above_is_asked(site: Tenants) -> None:
    limit(site, 2, 2, domainid=site.domains["eng"])
    volume(site, "dan")
    volume(site, "ann")
    with pytest.raises(LimitReached, match="Domain /eng/ may have 2 volumes"):
        volume(site, "dan")
    volume(site, "ods")


def test_root_administrators_are_counted_not_limited(site: Tenants) -> None:
    site.call(site.root, "updateConfiguration", name="max.account.volumes", value="0")
    site.call(site.root, "createVolume", name="r", zoneid=site.zone, diskofferingid=site.small)
    admin = told(site, "admin")
    assert (admin["volumetotal"], admin["volumelimit"], admin["volumeavailable"]) == (1, "Unlimited", "Unlimited")
    with pytest.raises(LimitReached) as refused:
        volume(site, "ann")
    assert "max.account.volumes" in refused.value.fix[1]


def test_what_is_destroyed_counts_no_more_and_is_recovered_only_within_limits(site: Tenants) -> None:
    limit(site, 2, 1, account="ann", domainid=site.domains["eng"])
    first = volume(site, "ann")
    site.call("ann", "destroyVolume", id=first)
    assert told(site, "ann")["volumetotal"] == 0
    volume(site, "ann")
    with pytest.raises(LimitReached):
        site.call("ann", "recoverVolume", id=first)


def test_growing_takes_room_before_it_begins(site: Tenants) -> None:
    custom = site.call(site.root, "createDiskOffering", name="c", displaytext="c", customized="true")["diskoffering"]["id"]
    made = volume(site, "ann", diskofferingid=custom, size=2)
    limit(site, 10, 6, account="ann", domainid=site.domains["eng"])
    with pytest.raises(LimitReached, match="6 GiB of primary storage"):
        site.call("ann", "resizeVolume", id=made, size=7)
    done(site.cloud, site.fresh("ann"), "resizeVolume", id=made, size=6)
    assert told(site, "ann")["primarystoragetotal"] == 6


def test_limits_under_tags(site: Tenants) -> None:
    gold = site.call(site.root, "createDiskOffering", name="g", displaytext="g", disksize=3, tags="gold")["diskoffering"]["id"]
    with pytest.raises(ParamError, match="no limits under tag 'gold'"):
        limit(site, 2, 1, tag="gold", domainid=site.domains["eng"])
    volume(site, "ann", diskofferingid=gold)  # counted before anybody cares
    site.call(site.root, "updateConfiguration", name="resource.limit.storage.tags", value="gold,silver")
    limit(site, 2, 1, tag="gold", domainid=site.domains["eng"])
    with pytest.raises(LimitReached, match="1 volumes of tag gold"):
        volume(site, "dan", diskofferingid=gold)
    volume(site, "dan")
    tagged = {(one["resourcetypename"], one["tag"]): one for one in domain(site, "eng")["taggedresources"]}
    assert tagged["volume", "gold"] == {
        "resourcetype": 2, "resourcetypename": "volume", "tag": "gold", "limit": 1, "total": 1, "available": 0,
    }  # fmt: skip
    assert tagged["primary_storage", "gold"]["total"] == 3
    only = site.call(site.root, "listAccounts", name="ann", listall="true", tag="silver")["account"][0]["taggedresources"]
    assert {(one["tag"], one["total"]) for one in only} == {("silver", 0)}
    listed = site.call("eva", "listResourceLimits", domainid=site.domains["eng"], tag="gold")["resourcelimit"]
    assert [(one["resourcetypename"], one["max"]) for one in listed] == [("volume", 1), ("primary_storage", 400)]


def test_who_sets_limits(site: Tenants) -> None:
    dev, eng = {"domainid": site.domains["dev"]}, {"domainid": site.domains["eng"]}
    site.call("eva", "updateResourceLimit", resourcetype=0, max=5, **dev)
    site.call("eva", "updateResourceLimit", resourcetype=0, max=3, account="ann", **eng)
    for whose in (eng, {"account": "eva", **eng}):
        with pytest.raises(Denied, match="an administrator above"):
            site.call("eva", "updateResourceLimit", resourcetype=0, max=5, **whose)
    with pytest.raises(ParamError):
        site.call("eva", "updateResourceLimit", resourcetype=0, max=5, domainid=site.domains["ops"])
    with pytest.raises(ParamError, match="/eng/ above may have 40 instances"):
        site.call("eva", "updateResourceLimit", resourcetype=0, max=41, **dev)
    with pytest.raises(CloudError):
        site.call("ann", "updateResourceLimit", resourcetype=0, max=5, account="ann")
    own = site.call("eva", "listResourceLimits", listall="true")["resourcelimit"]
    assert [(one.get("account"), one["domain"], one["max"]) for one in own] == [(None, "dev", 5), ("ann", "eng", 3)]
    mine = site.call("ann", "listResourceLimits")["resourcelimit"]
    assert (len(mine), mine[0]["max"]) == (17, 3)
    assert site.call("ann", "listResourceLimits", account="ann", **eng)["resourcelimit"] == mine
    account(site.cloud, site.root, "boss", 1, site.domains["eng"])
    with pytest.raises(ParamError, match="no account 'boss' in that domain that you may change"):
        site.call("eva", "updateResourceLimit", resourcetype=0, max=-1, account="boss", **eng)


def test_counting_again_mends(site: Tenants) -> None:
    volume(site, "dan")
    cloud = site.cloud
    cloud.db.write(lambda tx: tx.execute(Tally.t.update().values(volume=7, ip=3)))
    answer = site.call(site.root, "updateResourceCount", domainid=site.domains["eng"], resourcetype=2)
    assert [(one["resourcetypename"], one["resourcecount"]) for one in answer["resourcecount"]] == [("volume", 1)]
    wrong = [sentence for sentence in differences(cloud.db.read()) if "account:1:" not in sentence]
    assert {sentence.partition("says 3 ")[2][:5] for sentence in wrong} == {"of ip"}
    site.call("dan", "updateResourceCount", account="dan", domainid=site.domains["dev"])
    assert [sentence for sentence in differences(cloud.db.read()) if "account:1:" not in sentence] == []
    site.call(site.root, "updateResourceCount", domainid=site.call(site.root, "listDomains", level=0)["domain"][0]["id"])


def test_instances_count_their_disks_and_processors(site: Tenants) -> None:
    cloud = site.cloud
    template = site.call(site.root, "listTemplates", templatefilter="featured")["template"][0]["id"]
    small, medium = (
        site.call(site.root, "listServiceOfferings", name=f"{name} Instance")["serviceoffering"][0]["id"]
        for name in ("Small", "Medium")
    )
    done(
        cloud,
        site.fresh("ann"),
        "deployVirtualMachine",
        name="web",
        zoneid=site.zone,
        templateid=template,
        serviceofferingid=small,
    )
    vm = site.call("ann", "listVirtualMachines")["virtualmachine"][0]["id"]
    one = told(site, "ann")
    assert [one[f"{what}total"] for what in ("vm", "cpu", "memory", "volume", "network", "ip")] == [1, 1, 512, 1, 1, 1]
    assert (one["vmrunning"], one["vmstopped"]) == (1, 0)
    done(cloud, site.fresh("ann"), "stopVirtualMachine", id=vm)
    one = told(site, "ann")
    assert (one["vmtotal"], one["vmrunning"], one["vmstopped"]) == (1, 0, 1)
    limit(site, 9, 600, account="ann", domainid=site.domains["eng"])
    with pytest.raises(LimitReached, match="600 MiB of memory"):
        site.call("ann", "changeServiceForVirtualMachine", id=vm, serviceofferingid=medium)
    site.call(site.root, "updateConfiguration", name="resource.count.running.vms.only", value="true")
    assert told(site, "ann")["vmtotal"] == 0
    limit(site, 0, 0, account="ann", domainid=site.domains["eng"])
    with pytest.raises(AssertionError, match="may have 0 instances"):
        done(cloud, site.fresh("ann"), "startVirtualMachine", id=vm)
    done(cloud, site.root, "destroyVirtualMachine", id=vm, expunge="true")
    one = told(site, "ann")
    assert [one[f"{what}total"] for what in ("vm", "cpu", "volume", "primarystorage")] == [0, 0, 0, 0]


def test_a_tally_goes_with_its_account(site: Tenants) -> None:
    volume(site, "ods")
    cloud, uuid = site.cloud, told(site, "ods")["id"]
    owner = site.fresh("ods").account_id
    done(cloud, site.root, "deleteAccount", id=uuid)
    assert cloud.db.read().count(Volume) == 0
    assert cloud.db.read().find(Tally, Tally.c.owner_kind == "account", Tally.c.owner_id == owner) is None
    assert domain(site, "ops")["volumetotal"] == 0


def test_what_changes_hands_changes_tallies(site: Tenants) -> None:
    made = volume(site, "dan")
    limit(site, 2, 0, account="ods", domainid=site.domains["ops"])
    with pytest.raises(LimitReached, match="Account ods may have 0 volumes"):
        site.call(site.root, "assignVolume", volumeid=made, accountid=told(site, "ods")["id"])
    assert [told(site, name)["volumetotal"] for name in ("dan", "ods")] == [1, 0]
    limit(site, 2, 1, account="ods", domainid=site.domains["ops"])
    site.call(site.root, "assignVolume", volumeid=made, accountid=told(site, "ods")["id"])
    assert [told(site, name)["volumetotal"] for name in ("dan", "ods")] == [0, 1]
    assert [domain(site, name)["primarystoragetotal"] for name in ("eng", "dev", "ops")] == [0, 0, 5]


def test_a_domain_is_moved_with_its_counts_within_limits(site: Tenants) -> None:
    volume(site, "dan")
    limit(site, 2, 0, domainid=site.domains["ops"])
    with pytest.raises(LimitReached, match="Domain /ops/"):
        site.call(site.root, "moveDomain", domainid=site.domains["dev"], parentdomainid=site.domains["ops"])
    limit(site, 2, 5, domainid=site.domains["ops"])
    site.call(site.root, "moveDomain", domainid=site.domains["dev"], parentdomainid=site.domains["ops"])
    volume(site, "dan")
    assert [domain(site, name)["volumetotal"] for name in ("eng", "dev", "ops")] == [0, 2, 2]


def test_a_template_beyond_the_limit_is_not_kept(site: Tenants) -> None:
    limit(site, 11, 0, account="ann", domainid=site.domains["eng"])
    about = {"name": "t", "displaytext": "t", "url": "http://example.com/t.qcow2", "format": "QCOW2", "hypervisor": "Simulator"}
    os_type = site.call(site.root, "listOsTypes")["ostype"][0]["id"]
    made = site.call("ann", "registerTemplate", **about, zoneid=site.zone, ostypeid=os_type)["template"][0]["id"]
    settle(site.cloud)
    row = site.call("ann", "listTemplates", templatefilter="self", id=made)["template"][0]
    assert not row["isready"]
    assert "Account ann may have 0 GiB of secondary storage" in row["status"]
    assert (told(site, "ann")["templatetotal"], told(site, "ann")["secondarystoragetotal"]) == (1, 0)
