"""Events: filters, archiving, deleting, whose they are."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.event import Event, emit
from cloudwright.infrastructure.model import Region
from tests.conftest import call
from tests.operations.conftest import pair_of


def happen(cloud: Cloud, caller: Caller, kind: str, ago: float = 0.0, **more: Any) -> Event:
    def write(tx: Any) -> Event:
        event = emit(tx, kind, f"{kind} happened", caller=caller, **more)
        tx.update(event, created=tx.now - ago)
        return event

    return cloud.db.write(write)


def kinds(cloud: Cloud, caller: Caller, **filters: Any) -> list[str]:
    return [one["type"] for one in call(cloud, caller, "listEvents", **filters).get("event", [])]


def test_filters(cloud: Cloud, ann: Caller) -> None:
    pair = pair_of(cloud, ann)
    happen(cloud, ann, "VM.CREATE", 7200, level="ERROR")
    happen(cloud, ann, "VM.START", 600, state="Scheduled")
    happen(cloud, ann, "VM.STOP", about=pair)
    assert kinds(cloud, ann) == ["VM.STOP", "VM.START", "VM.CREATE"]
    assert kinds(cloud, ann, level="error") == ["VM.CREATE"]
    assert kinds(cloud, ann, state="Scheduled") == ["VM.START"]
    assert kinds(cloud, ann, type="VM.STOP") == ["VM.STOP"]
    assert kinds(cloud, ann, keyword="vm.st") == ["VM.STOP", "VM.START"]
    assert kinds(cloud, ann, entrytime=900, duration=300) == ["VM.START"]
    assert kinds(cloud, ann, resourceid=pair.uuid, resourcetype="SshKeyPair") == ["VM.STOP"]
    hour_ago = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(time.time() - 3600))
    assert kinds(cloud, ann, startdate=hour_ago) == ["VM.STOP", "VM.START"]
    assert kinds(cloud, ann, enddate=hour_ago) == ["VM.CREATE"]
    assert kinds(cloud, ann, enddate=time.strftime("%Y-%m-%d", time.gmtime())) != []
    told = call(cloud, ann, "listEvents", id=call(cloud, ann, "listEvents")["event"][0]["id"])["event"]
    assert told[0]["resourceid"] == pair.uuid
    assert (told[0]["resourcename"], told[0]["resourcetype"], told[0]["archived"]) == ("k", "SshKeyPair", False)
    for wrong in ({"entrytime": 5}, {"entrytime": 5, "duration": 9}, {"level": "LOUD"}, {"resourceid": pair.uuid}):
        with pytest.raises(ParamError):
            kinds(cloud, ann, **wrong)


def test_whose(cloud: Cloud, root: Caller, ann: Caller, bob: Caller, chief: Caller, outsider: Caller) -> None:
    happen(cloud, ann, "VM.CREATE")
    assert kinds(cloud, bob) == kinds(cloud, outsider, listall="true") == []
    assert kinds(cloud, chief, listall="true") == kinds(cloud, root, listall="true") == kinds(cloud, ann) == ["VM.CREATE"]
    assert kinds(cloud, chief) == []
    about = {"resourceid": cloud.db.read().get(Region, 1).uuid, "resourcetype": "Region"}
    assert kinds(cloud, ann, **about) == []  # what it sees, and may not change


@pytest.mark.parametrize("verb", ["archiveEvents", "deleteEvents"])
def test_archiving_and_deleting_touch_what_one_may_change(cloud: Cloud, ann: Caller, bob: Caller, verb: str) -> None:
    mine, other = happen(cloud, ann, "VM.CREATE"), happen(cloud, bob, "VM.CREATE")
    happen(cloud, ann, "VM.STOP")
    with pytest.raises(ParamError, match="Either ids, type or enddate"):
        call(cloud, ann, verb)
    with pytest.raises(ParamError):
        call(cloud, ann, verb, ids=f"{mine.uuid},{other.uuid}")
    call(cloud, ann, verb, type="VM.CREATE")
    assert (kinds(cloud, ann), kinds(cloud, bob)) == (["VM.STOP"], ["VM.CREATE"])
    assert kinds(cloud, ann, archived="true") == (["VM.CREATE"] if verb == "archiveEvents" else [])
    call(cloud, ann, verb, ids=call(cloud, ann, "listEvents")["event"][0]["id"])
    assert kinds(cloud, ann) == []


def test_types_are_those_of_commands(cloud: Cloud, root: Caller) -> None:
    types = [one["name"] for one in call(cloud, root, "listEventTypes")["eventtype"]]
    assert "REGISTER.SSH.KEYPAIR" in types
    assert types == sorted(set(types))


def test_an_event_says_what_it_is_about_and_through_which_key(cloud: Cloud, root: Caller, ann: Caller) -> None:
    """Also where the command answers no row: by its name, by what it names, by what it made or took away."""
    by_key = msgspec.structs.replace(ann, api_key="0123456789abcdef")
    pair = call(cloud, by_key, "createSSHKeyPair", name="k")["keypair"]["id"]
    call(cloud, by_key, "deleteSSHKeyPair", name="k")
    about = {"password": "x", "email": "e", "firstname": "e", "lastname": "e"}
    account = call(cloud, root, "createAccount", username="eve", accounttype=0, **about)
    user = account["account"]["user"][0]["id"]
    call(cloud, root, "lockUser", id=user)
    spare = call(cloud, root, "createUser", username="eva", account="eve", **about)
    call(cloud, root, "deleteUser", id=spare["user"]["id"])
    told = {row.kind_of: row for row in cloud.db.read().all(Event)}
    assert [told[kind].instance_uuid for kind in ("REGISTER.SSH.KEYPAIR", "DELETE.SSH.KEYPAIR")] == [pair] * 2
    assert {told[kind].api_key for kind in ("REGISTER.SSH.KEYPAIR", "DELETE.SSH.KEYPAIR")} == {"01234567"}
    assert told["DELETE.SSH.KEYPAIR"].description == "Delete SSH key pair: k"
    assert (told["USER.LOCK"].description, told["USER.LOCK"].instance_uuid) == ("Lock user: eve", user)
    assert (told["USER.DELETE"].description, told["USER.DELETE"].api_key) == ("Delete user: eva", "")
    assert told["USER.DELETE"].username == root.username
