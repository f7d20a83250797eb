"""Settings over the API: scopes, effect, secrets."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import PAGE_SIZE
from cloudwright.core.setting import Setting, setting
from cloudwright.identity.model import Domain
from cloudwright.infrastructure.model import Cluster, Pod, Zone
from cloudwright.web import door  # noqa: F401 - the settings of the HTTP face
from tests.conftest import call


@pytest.fixture
def probe() -> Iterator[Setting[int]]:
    yield setting("probe.number", 5, "a number", scopes=("zone", "cluster", "domain", "account"), minimum=1, maximum=9)
    Setting.by_name.pop("probe.number")


@pytest.fixture
def hidden() -> Iterator[Setting[str]]:
    yield setting("probe.password", "", "a secret", secret=True)
    Setting.by_name.pop("probe.password")


def place(cloud: Cloud) -> tuple[Zone, Cluster]:
    def make(tx):  # type: ignore[no-untyped-def]
        zone = tx.insert(Zone(name="z", network_type="Advanced", dns1="192.0.2.1", internal_dns1="192.0.2.1"))
        pod = tx.insert(Pod(name="p", zone_id=zone.id, gateway="10.0.0.1", netmask="255.0.0.0", start_ip="10.0.0.2"))
        return zone, tx.insert(Cluster(name="c", zone_id=zone.id, pod_id=pod.id, hypervisor="Simulator"))

    return cloud.db.write(make)


def test_a_change_is_in_force_at_once(cloud: Cloud, root: Caller) -> None:
    for size in range(3, 40):
        call(cloud, root, "updateConfiguration", name="default.page.size", value=size)
        assert PAGE_SIZE.get(cloud.db.read()) == size
    told = call(cloud, root, "resetConfiguration", name="default.page.size")["configuration"]
    assert told["value"] == "500" == told["defaultvalue"]


def test_readers_at_work_never_keep_an_old_value(cloud: Cloud, root: Caller, probe: Setting[int]) -> None:
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            probe.get(cloud.db.read())

    threads = [threading.Thread(target=read) for _ in range(4)]
    [thread.start() for thread in threads]
    try:
        for n in range(150):
            cloud.db.write(lambda tx, n=n: probe.set(tx, str(n % 9 + 1)))
            assert probe.get(cloud.db.read()) == n % 9 + 1
    finally:
        stop.set()
        [thread.join() for thread in threads]


def test_scopes(cloud: Cloud, root: Caller, ann: Caller, probe: Setting[int]) -> None:
    zone, cluster = place(cloud)
    call(cloud, root, "updateConfiguration", name="probe.number", value=7, zoneid=zone.uuid)

    def value(**scope: str) -> str:
        told = call(cloud, root, "listConfigurations", name="probe.number", **scope)["configuration"][0]
        return str(told["value"])

    assert (value(), value(zoneid=zone.uuid), value(clusterid=cluster.uuid)) == ("5", "7", "7")
    call(cloud, root, "updateConfiguration", name="probe.number", value=8, clusterid=cluster.uuid)
    call(cloud, root, "updateConfiguration", name="probe.number", value=2, domainid=ann.domain_uuid)
    assert (value(zoneid=zone.uuid), value(clusterid=cluster.uuid), value(accountid=ann.account_uuid)) == ("7", "8", "5")
    call(cloud, root, "updateConfiguration", name="enable.account.settings.for.domain", value="true")
    assert value(accountid=ann.account_uuid) == "2"
    assert probe.get(cloud.db.read(), zone=zone.id, cluster=cluster.id) == 8
    call(cloud, root, "resetConfiguration", name="probe.number", clusterid=cluster.uuid)
    told = call(cloud, root, "listEvents", type="CONFIGURATION.VALUE.EDIT")["event"]
    path = cloud.db.read().get(Domain, ann.domain_id).path
    assert {one["description"] for one in told} >= {
        "Setting probe.number was set to '7' for zone z",
        f"Setting probe.number was set to '2' for domain {path}",
        "Setting probe.number was taken back for cluster c",
    }
    assert value(clusterid=cluster.uuid) == "7"
    names = {one["name"] for one in call(cloud, root, "listConfigurations", zoneid=zone.uuid, pagesize=-1)["configuration"]}
    assert "probe.number" in names
    assert "default.page.size" not in names
    with pytest.raises(ParamError, match="one scope at a time"):
        value(zoneid=zone.uuid, clusterid=cluster.uuid)
    with pytest.raises(ParamError, match="cannot be set for a single zone"):
        call(cloud, root, "updateConfiguration", name="default.page.size", value=7, zoneid=zone.uuid)
    with pytest.raises(ParamError, match="cannot be set for a single zone"):
        call(cloud, root, "resetConfiguration", name="default.page.size", zoneid=zone.uuid)


@pytest.mark.parametrize("value", ["seven", "0", "10", ""])
def test_wrong_values_are_refused_with_what_is_right(cloud: Cloud, root: Caller, probe: Setting[int], value: str) -> None:
    with pytest.raises(ParamError, match=r"probe\.number"):
        call(cloud, root, "updateConfiguration", name="probe.number", value=value)
    assert probe.get(cloud.db.read()) == 5
    with pytest.raises(ParamError, match="no setting"):
        call(cloud, root, "updateConfiguration", name="no.such", value="1")


def test_a_secret_is_never_told(cloud: Cloud, root: Caller, hidden: Setting[str]) -> None:
    told = call(cloud, root, "updateConfiguration", name="probe.password", value="hunter2")
    assert "hunter2" not in str(told)
    assert "hunter2" not in str(call(cloud, root, "listConfigurations", pagesize=-1))
    assert "hunter2" not in str(call(cloud, root, "listEvents"))
    kept = hidden.reveal(cloud.db.read())
    assert kept is not None
    assert kept.reveal() == "hunter2"


def test_filters_and_pages(cloud: Cloud, root: Caller) -> None:
    every = call(cloud, root, "listConfigurations", pagesize=-1)
    assert every["count"] == len(every["configuration"]) == len(Setting.by_name)
    page = call(cloud, root, "listConfigurations", page=2, pagesize=3)
    assert page["configuration"] == every["configuration"][3:6]
    assert page["count"] == every["count"]
    jobs = call(cloud, root, "listConfigurations", group="management server", subgroup="jobs")["configuration"]
    assert "job.expire.minutes" in {one["name"] for one in jobs}
    assert {one["group"] for one in jobs} == {"Management Server"}
    groups = call(cloud, root, "listConfigurationGroups")["configurationgroup"]
    assert {one["group"] for one in every["configuration"]} == {one["name"] for one in groups}
    assert call(cloud, root, "listConfigurations", keyword="job.expire")["count"] == 1


def test_others_speak_of_their_own_domains_only(
    cloud: Cloud, root: Caller, chief: Caller, outsider: Caller, ann: Caller, probe: Setting[int]
) -> None:
    zone, _ = place(cloud)
    call(cloud, chief, "updateConfiguration", name="probe.number", value=3, accountid=ann.account_uuid)
    assert call(cloud, chief, "listConfigurations", domainid=ann.domain_uuid, name="probe.number")["count"] == 1
    assert probe.get(cloud.db.read(), account=ann.account_id) == 3
    for caller, scope in ((chief, {}), (chief, {"zoneid": zone.uuid}), (outsider, {"domainid": ann.domain_uuid})):
        with pytest.raises((Denied, ParamError)):
            call(cloud, caller, "updateConfiguration", name="probe.number", value=4, **scope)
    assert probe.get(cloud.db.read()) == 5


def test_values_of_all_scopes_side_by_side(cloud: Cloud, root: Caller) -> None:
    _, cluster = place(cloud)
    name = "cpu.overprovisioning.factor"
    call(cloud, root, "updateConfiguration", name=name, value="2.0")
    call(cloud, root, "updateConfiguration", name=name, value="3.0", clusterid=cluster.uuid)
    (row,) = call(cloud, root, "listConfigurations", name=name, allscopes="true")["configuration"]
    assert row["values"] == [
        {"scope": "Global", "value": "2.0"},
        {"scope": "Cluster", "value": "3.0", "id": cluster.uuid, "name": cluster.name},
    ]
    (scoped,) = call(cloud, root, "listConfigurations", name=name, clusterid=cluster.uuid)["configuration"]
    assert (scoped["value"], scoped["id"]) == ("3.0", cluster.id)
    parts = call(cloud, root, "listConfigurations", parent="storage.cleanup.enabled")["configuration"]
    assert {part["parent"] for part in parts} == {"storage.cleanup.enabled"}


def test_zero_is_a_bound(cloud: Cloud, root: Caller) -> None:
    with pytest.raises(ParamError, match="of 0 or more"):
        call(cloud, root, "updateConfiguration", name="storage.cleanup.delay", value="-1")


def test_accounts_take_their_domains_values_where_that_is_on(cloud: Cloud, root: Caller, ann: Caller, eng: Domain) -> None:
    mine = Setting("test.lineage", 1, "a probe", scopes=("domain", "account"))
    try:
        dev = cloud.db.write(lambda tx: tx.insert(Domain(name="dev", parent_id=eng.id, path="/eng/dev/", level=2)))
        call(cloud, root, "updateConfiguration", name=mine.name, value="5", domainid=eng.uuid)
        read = cloud.db.read()
        assert (mine.get(read, account=ann.account_id), mine.get(read, domain=dev.id)) == (1, 1)
        call(cloud, root, "updateConfiguration", name="enable.account.settings.for.domain", value="true")
        call(cloud, root, "updateConfiguration", name="enable.domain.settings.for.child.domain", value="true")
        assert (mine.get(read, account=ann.account_id), mine.get(read, domain=dev.id)) == (5, 5)
    finally:
        del Setting.by_name[mine.name]


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("api.allowed.source.cidr.list", "10.0.0.0/8, 10.0.0.0/99", "10.0.0.0/8, ::1"),
        ("proxy.cidr", "nonsense", ""),
        ("webhook.allowed.internal.sites", "10.0.0.0/8;10.1.0.0/16", "10.0.0.0/8"),
        ("password.policy.regex", "(", ".{8,}"),
    ],
)
def test_a_text_that_could_not_be_followed_is_not_taken(cloud: Cloud, root: Caller, name: str, wrong: str, right: str) -> None:
    with pytest.raises(ParamError, match=rf"Parameter value: {name} takes"):
        call(cloud, root, "updateConfiguration", name=name, value=wrong)
    call(cloud, root, "updateConfiguration", name=name, value=right)
    call(cloud, root, "resetConfiguration", name=name)


@pytest.mark.parametrize(
    ("name", "text", "takes"),
    [
        ("default.page.size", "1_0", "a whole number"),
        ("default.page.size", "\u0661\u0662", "a whole number"),
        ("default.page.size", " 5", "a whole number"),
        ("default.page.size", "0", "a number of 1 or more"),
        ("cpu.overprovisioning.factor", "nan", "a number"),
        ("cpu.overprovisioning.factor", "1e300", "a number of 1 or more, up to 1e\\+18"),
    ],
)
def test_numbers_are_plain_decimals_within_bounds(cloud: Cloud, root: Caller, name: str, text: str, takes: str) -> None:
    with pytest.raises(ParamError, match=f"is not what {name} takes; it takes {takes}"):
        call(cloud, root, "updateConfiguration", name=name, value=text)
