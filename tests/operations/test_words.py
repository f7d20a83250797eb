"""Tags, details, annotations and icons, by two tenants through the commands."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import CloudError, Denied, ParamError
from cloudwright.core.event import Event
from cloudwright.network.model import Network
from cloudwright.operations.word.annotation import Annotation
from cloudwright.operations.word.detail import Detail
from cloudwright.operations.word.icon import MOST, Icon
from cloudwright.operations.word.tag import Tag
from cloudwright.storage.model import Template
from tests.conftest import call, done
from tests.infrastructure.zone import simulated_zone

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()


def offering_of(cloud: Cloud, root: Caller) -> str:
    name = "DefaultIsolatedNetworkOfferingWithSourceNatService"
    return str(call(cloud, root, "listNetworkOfferings", name=name)["networkoffering"][0]["id"])


@pytest.fixture
def nets(cloud: Cloud, root: Caller, ann: Caller, bob: Caller) -> dict[str, str]:
    """A zone, two networks of ann and one of bob."""
    zone = simulated_zone(cloud, hosts=1).zone.uuid
    about = {"zoneid": zone, "networkofferingid": offering_of(cloud, root)}
    made = {"zone": zone}
    for who, name in ((ann, "a1"), (ann, "a2"), (bob, "b1")):
        made[name] = call(cloud, who, "createNetwork", name=name, **about)["network"]["id"]
    return made


def tags(**pairs: str) -> dict[str, str]:
    """As the API takes them."""
    sent = {}
    for i, (key, value) in enumerate(pairs.items()):
        sent |= {f"tags[{i}].key": key, f"tags[{i}].value": value}
    return sent


def names(answer: Any, key: str = "network") -> list[str]:
    return [row["name"] for row in answer.get(key, [])]


def test_tags_are_written_told_found_and_deleted(cloud: Cloud, nets: dict[str, str], ann: Caller) -> None:
    both = f"{nets['a1']},{nets['a2']}"
    job = done(cloud, ann, "createTags", resourcetype="network", resourceids=both, customer="c1", **tags(env="test", tier="web"))
    assert (job.instance_uuid, job.command) == (nets["a1"], "createTags")
    row = call(cloud, ann, "listNetworks", id=nets["a1"])["network"][0]
    assert [(t["key"], t["value"], t["resourcetype"], t["resourceid"], t["account"], t["customer"]) for t in row["tags"]] == [
        ("env", "test", "Network", nets["a1"], "ann", "c1"), ("tier", "web", "Network", nets["a1"], "ann", "c1"),
    ]  # fmt: skip
    done(cloud, ann, "deleteTags", resourcetype="Network", resourceids=nets["a2"], **tags(env=""))
    assert names(call(cloud, ann, "listNetworks", **tags(env="test"))) == ["a1"]
    assert names(call(cloud, ann, "listNetworks", **tags(env="test", tier="web"))) == ["a1", "a2"]
    assert names(call(cloud, ann, "listNetworks", **tags(**{f"k{i}": "v" for i in range(999)}, tier="web"))) == ["a1", "a2"]
    with pytest.raises(ParamError, match="it has 1001 entries, at most 1000"):
        call(cloud, ann, "listNetworks", **tags(**{f"k{i}": "v" for i in range(1001)}))
    assert call(cloud, ann, "listNetworks", **tags(env="live")) == {}
    told = call(cloud, ann, "listTags", resourcetype="Network", resourceid=nets["a2"])
    assert [(t["key"], t["domainpath"]) for t in told["tag"]] == [("tier", "ROOT/eng")]
    assert call(cloud, ann, "listTags", value="web")["count"] == 2
    kinds = [e.kind_of for e in cloud.db.read().all(Event, Event.c.instance_uuid == nets["a1"])]
    assert "CREATE_TAGS" in kinds


def test_tags_are_for_who_may_change_the_thing(
    cloud: Cloud, nets: dict[str, str], ann: Caller, bob: Caller, chief: Caller
) -> None:
    done(cloud, ann, "createTags", resourcetype="Network", resourceids=nets["a1"], **tags(env="test"))
    for who, id in ((bob, nets["a1"]), (ann, "11111111-1111-1111-1111-111111111111"), (ann, nets["zone"])):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, who, "createTags", resourcetype="Network", resourceids=id, **tags(x="y"))
    with pytest.raises(ParamError, match="entity does not exist"):  # one of several is enough
        call(cloud, ann, "createTags", resourcetype="Network", resourceids=f"{nets['a2']},{nets['b1']}", **tags(x="y"))
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, bob, "deleteTags", resourcetype="Network", resourceids=nets["a1"])
    with pytest.raises(ParamError, match="is not one of"):
        call(cloud, ann, "createTags", resourcetype="Spoon", resourceids=nets["a1"], **tags(x="y"))
    with pytest.raises(ParamError, match="has a tag 'env' already"):
        call(cloud, ann, "createTags", resourcetype="Network", resourceids=nets["a1"], **tags(env="live"))
    with pytest.raises(ParamError, match="none of these things"):
        call(cloud, ann, "deleteTags", resourcetype="Network", resourceids=nets["a1"], **tags(env="live"))
    assert call(cloud, bob, "listTags") == {}
    assert call(cloud, bob, "listTags", resourceid=nets["a1"]) == {}
    assert call(cloud, chief, "listTags", listall="true")["count"] == 1
    assert cloud.db.read().count(Tag) == 1


def test_words_go_with_their_thing(cloud: Cloud, nets: dict[str, str], root: Caller, ann: Caller) -> None:
    done(cloud, ann, "createTags", resourcetype="Network", resourceids=nets["a1"], **tags(env="test"))
    details = {"details[0].key": "k", "details[0].value": "v"}
    done(cloud, ann, "addResourceDetail", resourcetype="Network", resourceid=nets["a1"], **details)
    call(cloud, ann, "uploadResourceIcon", resourcetype="Network", resourceids=nets["a1"], base64image=PNG)
    call(cloud, ann, "addAnnotation", entitytype="NETWORK", entityid=nets["a1"], annotation="mine")
    done(cloud, ann, "deleteNetwork", id=nets["a1"])
    assert [cloud.db.read().count(kind) for kind in (Tag, Detail, Icon, Annotation)] == [0, 0, 0, 0]


def test_what_is_of_nobody_is_tagged_by_root_alone(cloud: Cloud, nets: dict[str, str], root: Caller, ann: Caller) -> None:
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, ann, "createTags", resourcetype="Zone", resourceids=nets["zone"], **tags(x="y"))
    done(cloud, root, "createTags", resourcetype="Zone", resourceids=nets["zone"], **tags(x="y"))
    assert call(cloud, ann, "listZones", **tags(x="y"))["zone"][0]["tags"][0]["key"] == "x"
    assert call(cloud, ann, "listTags", listall="true") == {}


def test_details_of_a_thing(cloud: Cloud, nets: dict[str, str], root: Caller, ann: Caller, bob: Caller) -> None:
    here = {"resourcetype": "Network", "resourceid": nets["a1"]}
    done(cloud, ann, "addResourceDetail", **here, **{"details[0].key": "k", "details[0].value": "v"})
    done(cloud, root, "addResourceDetail", **here, fordisplay="false", **{"details[0].key": "h", "details[0].value": "w"})
    assert call(cloud, ann, "listNetworks", id=nets["a1"])["network"][0]["details"] == {"k": "v"}
    told = call(cloud, ann, "listResourceDetails", **here)
    one = {"resourceid": nets["a1"], "resourcetype": "Network", "key": "k", "value": "v", "fordisplay": True}
    assert told == {"count": 1, "resourcedetail": [one]}
    assert call(cloud, root, "listResourceDetails", **here, fordisplay="false")["resourcedetail"][0]["key"] == "h"
    assert call(cloud, root, "listResourceDetails", resourcetype="Network", listall="true")["count"] == 2
    assert call(cloud, bob, "listResourceDetails", resourcetype="Network") == {}
    assert call(cloud, ann, "listDetailOptions", **here)["detailoptions"]["details"] == {"k": ["v"]}
    for command, more in (("addResourceDetail", {"details[0].key": "k", "details[0].value": "z"}), ("removeResourceDetail", {})):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, bob, command, **here, **more)
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, bob, "listResourceDetails", **here)
    done(cloud, ann, "removeResourceDetail", **here, key="k")
    with pytest.raises(ParamError, match="no such detail"):
        call(cloud, ann, "removeResourceDetail", **here, key="k")


def test_details_of_kinds_that_keep_them_in_their_row(cloud: Cloud, root: Caller, ann: Caller) -> None:
    small = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    here = {"resourcetype": "ServiceOffering", "resourceid": small}
    done(cloud, root, "addResourceDetail", **here, **{"details[0].key": "k", "details[0].value": "v"})
    assert call(cloud, root, "listResourceDetails", **here)["resourcedetail"][0]["value"] == "v"
    assert call(cloud, ann, "listResourceDetails", **here)["count"] == 1
    assert cloud.db.read().count(Detail) == 0
    with pytest.raises(ParamError, match="fordisplay"):
        call(cloud, root, "addResourceDetail", **here, fordisplay="false", **{"details[0].key": "k", "details[0].value": "v"})
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, ann, "removeResourceDetail", **here)
    done(cloud, root, "removeResourceDetail", **here)
    assert call(cloud, root, "listResourceDetails", **here) == {}


def test_annotations(cloud: Cloud, nets: dict[str, str], root: Caller, ann: Caller, bob: Caller) -> None:
    here = {"entitytype": "NETWORK", "entityid": nets["a1"]}
    assert call(cloud, ann, "listNetworks", id=nets["a1"])["network"][0]["hasannotations"] is False
    secret = call(cloud, root, "addAnnotation", **here, annotation="suspicious", adminsonly="true")["annotation"]
    assert call(cloud, ann, "listNetworks", id=nets["a1"])["network"][0]["hasannotations"] is False
    assert call(cloud, root, "listNetworks", id=nets["a1"])["network"][0]["hasannotations"] is True
    own = call(cloud, ann, "addAnnotation", **here, annotation="my note")["annotation"]
    assert (own["entityname"], own["username"], own["adminsonly"]) == ("a1", "ann", False)
    assert [a["annotation"] for a in call(cloud, root, "listAnnotations", **here)["annotation"]] == ["suspicious", "my note"]
    assert [a["annotation"] for a in call(cloud, ann, "listAnnotations", **here)["annotation"]] == ["my note"]
    assert call(cloud, root, "listAnnotations", annotationfilter="self")["count"] == 1
    assert call(cloud, bob, "listAnnotations") == {}
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, bob, "listAnnotations", **here)
    for id in (secret["id"], own["id"]):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, bob, "removeAnnotation", id=id)
    with pytest.raises(Denied):
        call(cloud, ann, "updateAnnotationVisibility", id=own["id"], adminsonly="true")
    call(cloud, root, "updateAnnotationVisibility", id=secret["id"], adminsonly="false")
    assert call(cloud, ann, "listAnnotations", **here)["count"] == 2
    assert "removed" in call(cloud, ann, "removeAnnotation", id=own["id"])["annotation"]
    assert call(cloud, ann, "listAnnotations", **here)["count"] == 1


def test_icons(cloud: Cloud, nets: dict[str, str], ann: Caller, bob: Caller) -> None:
    here = {"resourcetype": "Network", "resourceids": nets["a1"]}
    call(cloud, ann, "uploadResourceIcon", **here, base64image=f"data:image/png;base64,{PNG}")
    icon = {"resourcetype": "Network", "resourceid": nets["a1"], "base64image": PNG}
    assert call(cloud, ann, "listResourceIcon", **here) == {"count": 1, "icon": [icon]}
    assert call(cloud, ann, "listNetworks", id=nets["a1"], showicon="true")["network"][0]["icon"] == icon
    assert "icon" not in call(cloud, ann, "listNetworks", id=nets["a1"])["network"][0]
    large = base64.b64encode(b"\xff\xd8\xff" + bytes(MOST)).decode()
    for image in ("no base64!", base64.b64encode(b"<svg onload=alert(1)>").decode(), large):
        with pytest.raises(CloudError, match="base64image"):
            call(cloud, ann, "uploadResourceIcon", **here, base64image=image)
    for command, more in (("uploadResourceIcon", {"base64image": PNG}), ("deleteResourceIcon", {}), ("listResourceIcon", {})):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, bob, command, **here, **more)
    call(cloud, ann, "deleteResourceIcon", **here)
    assert call(cloud, ann, "listResourceIcon", **here) == {}


def test_words_have_their_things_owner(cloud: Cloud, nets: dict[str, str], root: Caller, ann: Caller, bob: Caller) -> None:
    done(cloud, ann, "createTags", resourcetype="Network", resourceids=nets["a1"], **tags(env="test"))
    network = cloud.db.read().find(Network, Network.c.uuid == nets["a1"])
    assert network is not None
    cloud.db.write(lambda tx: tx.update(network, account_id=bob.account_id, domain_id=bob.domain_id))
    assert call(cloud, ann, "listTags") == {}
    assert call(cloud, bob, "listTags")["tag"][0]["account"] == "bob"
    done(cloud, root, "deleteAccount", id=bob.account_uuid)
    assert cloud.db.read().count(Tag) == 0


def test_a_host_tells_what_was_last_commented_on_it(cloud: Cloud, root: Caller) -> None:
    host = simulated_zone(cloud, hosts=1).hosts[0].uuid
    assert "annotation" not in call(cloud, root, "listHosts", id=host)["host"][0]
    call(cloud, root, "addAnnotation", entityid=host, entitytype="HOST", annotation="noisy fan", adminsonly="true")
    call(cloud, root, "updateHost", id=host, annotation="fan replaced")
    told = call(cloud, root, "listHosts", id=host)["host"][0]
    assert (told["annotation"], told["username"], told["hasannotations"]) == ("fan replaced", root.username, True)
    newest = call(cloud, root, "listAnnotations", entityid=host, entitytype="HOST")["annotation"][-1]
    assert (newest["annotation"], newest["created"]) == ("fan replaced", told["lastannotated"])
    call(cloud, root, "removeAnnotation", id=newest["id"])
    assert call(cloud, root, "listHosts", id=host)["host"][0]["annotation"] == "noisy fan"


def test_on_what_one_only_sees_one_reads_and_does_not_write(cloud: Cloud, root: Caller, ann: Caller) -> None:
    whose = {"account_id": root.account_id, "domain_id": root.domain_id, "featured": True}
    made = Template(name="t", display_text="t", format="QCOW2", hypervisor="KVM", **whose)
    template = cloud.db.write(lambda tx: tx.insert(made)).uuid
    one = {"resourcetype": "Template", "resourceid": template}
    several = {"resourcetype": "Template", "resourceids": template}
    noted = {"entitytype": "TEMPLATE", "entityid": template}
    detail = {"details[0].key": "k", "details[0].value": "v"}
    for command, given in (
        ("createTags", several | tags(x="y")),
        ("deleteTags", several),
        ("addResourceDetail", one | detail),
        ("removeResourceDetail", one),
        ("addAnnotation", noted | {"annotation": "a"}),
        ("uploadResourceIcon", several | {"base64image": PNG}),
        ("deleteResourceIcon", several),
    ):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, ann, command, **given)
    call(cloud, root, "uploadResourceIcon", **several, base64image=PNG)
    done(cloud, root, "addResourceDetail", **one, **detail)
    assert call(cloud, ann, "listResourceIcon", **several)["count"] == 1
    assert call(cloud, ann, "listResourceDetails", **one)["count"] == 1
    assert "k" in call(cloud, ann, "listDetailOptions", **one)["detailoptions"]["details"]
    assert call(cloud, ann, "listAnnotations", **noted) == {}
