"""Jobs: how they stand, what they answer, their story; who sees them; cancelling and resuming."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import SshKeyPair
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.event import Event
from cloudwright.core.setting import Setting
from cloudwright.core.task import TaskRow
from tests.conftest import call, finished
from tests.operations.conftest import OPEN, pair_of, until

pytestmark = pytest.mark.usefixtures("probes")


def ask(cloud: Cloud, caller: Caller, job: str) -> Any:
    return call(cloud, caller, "queryAsyncJobResult", jobid=job)


def ended(cloud: Cloud, caller: Caller, job: str) -> Any:
    return until(lambda: (told := ask(cloud, caller, job))["jobstatus"] and told)


def test_a_job_that_succeeds(cloud: Cloud, ann: Caller) -> None:
    pair = pair_of(cloud, ann)
    job = call(cloud, ann, "probeKey", id=pair.uuid, behave="wait")["jobid"]
    told = ask(cloud, ann, job)
    assert (told["jobstatus"], told["jobprocstatus"], told["jobresultcode"]) == (0, 0, 0)
    assert "jobresult" not in told
    assert "jobresulttype" not in told
    assert "completed" not in told
    until(lambda: ask(cloud, ann, job).get("waitsfor") == "waits for the door")
    assert ask(cloud, ann, job)["step"] == "act"
    assert ask(cloud, ann, job)["progress"] == 0
    OPEN.add("door")
    told = ended(cloud, ann, job)
    assert told["jobstatus"] == 1
    assert told["jobresulttype"] == "object"
    assert told["jobresultcode"] == 0
    assert list(told["jobresult"]) == ["keypair"] or list(told["jobresult"]) == ["sshkeypair"]
    assert next(iter(told["jobresult"].values()))["fingerprint"] == "done"
    assert told["jobinstanceid"] == pair.uuid
    assert told["jobinstancetype"] == "SshKeyPair"
    assert told["completed"]
    assert (told["account"], told["accountid"], told["userid"]) == ("ann", ann.account_uuid, ann.user_uuid)
    assert told["username"] == "ann"
    assert told["domainpath"] == "ROOT/eng"
    assert told["cmd"].endswith("ProbeKey")
    assert told["jobid"] == job


def test_a_job_that_answers_plain_success(cloud: Cloud, root: Caller) -> None:
    job = call(cloud, root, "probePlain", id=pair_of(cloud, root).uuid)["jobid"]
    assert ended(cloud, root, job)["jobresult"] == {"success": True}


def test_a_job_that_fails_tells_root_all_and_a_user_what_is_his(cloud: Cloud, root: Caller, ann: Caller) -> None:
    cloud.db.write(lambda tx: Setting.by_name["expose.errors.to.user"].set(tx, "false"))
    job = call(cloud, ann, "probeKey", id=pair_of(cloud, ann).uuid, behave="fail")["jobid"]
    told = ended(cloud, root, job)
    assert (told["jobstatus"], told["jobresultcode"], told["jobresulttype"]) == (2, 533, "object")
    assert told["jobresult"] == {"errorcode": 533, "errortext": "Nothing fits"}
    assert told["explain"]["why"] == ["host h1 has 3 MB free, 5 are needed"]
    told = ask(cloud, ann, job)
    assert told["jobresult"]["errorcode"] == 533
    assert "Nothing fits" not in str(told)
    assert "h1" not in str(told)
    assert "h1" not in str(call(cloud, ann, "listJobStory", jobid=job))


def test_what_is_tried_again_tells_of_the_inside_only_who_may_know(cloud: Cloud, root: Caller, ann: Caller) -> None:
    cloud.db.write(lambda tx: Setting.by_name["expose.errors.to.user"].set(tx, "false"))
    job = call(cloud, ann, "probeKey", id=pair_of(cloud, ann).uuid, behave="trouble")["jobid"]
    until(lambda: ask(cloud, root, job).get("waitsfor") == "host h1 does not answer")
    assert ask(cloud, ann, job)["waitsfor"] == "A step failed and is tried again"
    OPEN.add("door")
    assert ended(cloud, ann, job)["jobstatus"] == 1
    assert "h1" in str(call(cloud, root, "listJobStory", jobid=job))
    assert "h1" not in str(call(cloud, ann, "listJobStory", jobid=job))
    cloud.db.write(lambda tx: Setting.by_name["expose.errors.to.user"].set(tx, "true"))
    assert "h1" in str(call(cloud, ann, "listJobStory", jobid=job))


def test_the_story_has_the_parts_in_order(cloud: Cloud, root: Caller, ann: Caller) -> None:
    job = call(cloud, ann, "probeKey", id=pair_of(cloud, ann).uuid)["jobid"]
    ended(cloud, ann, job)
    story = call(cloud, root, "listJobStory", jobid=job)["jobstory"]
    assert [(one["task"], one["said"]) for one in story] == [
        ("ProbeTask", "The probe began"),
        ("PartOfProbe", "The part is done"),
        ("ProbeTask", "did part"),
        ("ProbeTask", "did act"),
    ]
    assert [one.get("evidence") for one in story] == [{"pair": 1}, {"size": 7}, None, None]
    assert story[1]["on"] == "Account"
    assert all(one["seconds"] >= 0 and one["created"] for one in story)
    assert "evidence" not in str(call(cloud, ann, "listJobStory", jobid=job))


def test_who_sees_a_job(cloud: Cloud, root: Caller, ann: Caller, bob: Caller, chief: Caller, outsider: Caller) -> None:
    job = call(cloud, ann, "probeKey", id=pair_of(cloud, ann).uuid)["jobid"]
    for caller in (ann, chief, root):
        assert ended(cloud, caller, job)["jobid"] == job
        assert [one["jobid"] for one in call(cloud, caller, "listAsyncJobs", listall="true")["asyncjobs"]] == [job]
    for caller in (bob, outsider):
        for command in ("queryAsyncJobResult", "listJobStory", "cancelJob"):
            said = []
            for id in (job, "11111111-2222-3333-4444-555555555555"):
                with pytest.raises(ParamError, match="no such job") as refused:
                    call(cloud, caller, command, jobid=id)
                said.append(refused.value.text)
            assert said[0] == said[1]
        assert call(cloud, caller, "listAsyncJobs", listall="true") == {}
    with pytest.raises(ParamError, match="no such job"):
        call(cloud, root, "queryAsyncJobResult", jobid="11111111-2222-3333-4444-555555555555")


def test_a_job_tells_root_by_which_key_it_was_asked_for(cloud: Cloud, root: Caller, ann: Caller) -> None:
    keyed = msgspec.structs.replace(ann, api_key="abcdefgh-and-more")
    job = call(cloud, keyed, "probeKey", id=pair_of(cloud, ann).uuid)["jobid"]
    for caller, told in ((root, "abcdefgh"), (ann, None)):
        assert ended(cloud, caller, job).get("apikey") == told
        assert [one.get("apikey") for one in call(cloud, caller, "listAsyncJobs", listall="true")["asyncjobs"]] == [told]


def test_who_asked_for_a_job_is_told_its_end_though_the_thing_is_anothers_now(cloud: Cloud, ann: Caller, bob: Caller) -> None:
    pair = pair_of(cloud, ann)
    jobs = [call(cloud, ann, "probeKey", id=pair.uuid, behave=behave)["jobid"] for behave in ("", "fail")]
    for job in jobs:
        finished(cloud, job)
    mine = [ask(cloud, ann, job)["jobresult"] for job in jobs]
    cloud.db.write(lambda tx: tx.execute(TaskRow.t.update().values(account_id=bob.account_id)))
    assert [ask(cloud, bob, job)["jobresult"] for job in jobs] == mine
    assert [ask(cloud, ann, job)["jobresult"] for job in jobs] == [{"success": True}, mine[1]]
    with pytest.raises(ParamError, match="no such job"):
        call(cloud, ann, "queryAsyncJobResult", resourceid=pair.uuid, resourcetype="SshKeyPair")


def test_a_job_is_found_by_its_resource(cloud: Cloud, root: Caller, ann: Caller) -> None:
    pair = pair_of(cloud, ann)
    first = call(cloud, ann, "probeKey", id=pair.uuid, behave="wait")["jobid"]
    second = call(cloud, ann, "probeKey", id=pair.uuid, behave="wait")["jobid"]
    named = {"resourceid": pair.uuid, "resourcetype": "sshkeypair"}
    assert call(cloud, ann, "queryAsyncJobResult", **named)["jobid"] == second
    OPEN.add("door")
    ended(cloud, ann, first), ended(cloud, ann, second)
    assert len(call(cloud, ann, "listAsyncJobs", **named)["asyncjobs"]) == 2
    for wrong in ({"resourceid": pair.uuid}, {"resourceid": pair.uuid, "resourcetype": "Nonsense"}, {}):
        with pytest.raises(ParamError):
            call(cloud, ann, "queryAsyncJobResult", **wrong)


def test_lists_render_results_and_page(cloud: Cloud, ann: Caller) -> None:
    pairs = [pair_of(cloud, ann, f"k{n}") for n in range(5)]
    jobs = [call(cloud, ann, "probeKey", id=pair.uuid, behave="fail" if n == 2 else "")["jobid"] for n, pair in enumerate(pairs)]
    for job in jobs:
        finished(cloud, job)
    told = call(cloud, ann, "listAsyncJobs", page=1, pagesize=3)
    assert told["count"] == 5
    assert [one["jobid"] for one in told["asyncjobs"]] == jobs[:3]
    assert [one["jobstatus"] for one in told["asyncjobs"]] == [1, 1, 2]
    assert [next(iter(one["jobresult"].values()))["name"] for one in told["asyncjobs"][:2]] == ["k0", "k1"]
    assert call(cloud, ann, "listAsyncJobs", startdate="2100-01-01") == {}


def test_cancelling_puts_back(cloud: Cloud, ann: Caller) -> None:
    pair = pair_of(cloud, ann)
    job = call(cloud, ann, "probeKey", id=pair.uuid, behave="wait")["jobid"]
    until(lambda: ask(cloud, ann, job).get("step") == "act")
    assert call(cloud, ann, "cancelJob", jobid=job) == {"success": True}
    told = ended(cloud, ann, job)
    assert told["jobstatus"] == 3
    assert told["jobresult"]["errortext"]
    assert cloud.db.read().get(SshKeyPair, pair.id).fingerprint == ""
    with pytest.raises(ParamError, match="cannot be cancelled"):
        call(cloud, ann, "cancelJob", jobid=job)


def test_a_stuck_job_fails_raises_one_alert_and_is_resumed(cloud: Cloud, root: Caller, ann: Caller, monkeypatch: Any) -> None:
    monkeypatch.setattr("cloudwright.core.engine.UNDO_TRIES", 2)
    pair = pair_of(cloud, ann)
    job = call(cloud, ann, "probeKey", id=pair.uuid, behave="stick")["jobid"]
    told = ended(cloud, root, job)
    assert (told["jobstatus"], told["state"]) == (2, "stuck")
    alerts = call(cloud, root, "listAlerts")["alert"]
    assert [(a["type"], a["times"]) for a in alerts] == [(14, 1)]
    assert job in alerts[0]["description"]
    mended = cloud.db.read().find(TaskRow, TaskRow.c.uuid == job)
    assert mended is not None
    memo = mended.memo.replace('"stick"', '"fail"')
    cloud.db.write(lambda tx: tx.execute(TaskRow.t.update().where(TaskRow.c.uuid == job).values(memo=memo)))
    call(cloud, root, "resumeJob", jobid=job)
    assert finished(cloud, job).state == "failed"
    assert call(cloud, root, "listAlerts")["alert"][0]["settled"]
    with pytest.raises(ParamError, match="not stuck"):
        call(cloud, root, "resumeJob", jobid=job)


def test_the_end_of_a_job_is_an_event(cloud: Cloud, root: Caller, ann: Caller) -> None:
    good = call(cloud, ann, "probeKey", id=pair_of(cloud, ann).uuid)["jobid"]
    bad = call(cloud, ann, "probeKey", id=pair_of(cloud, ann, "k2").uuid, behave="fail")["jobid"]
    finished(cloud, good), finished(cloud, bad)
    events = call(cloud, root, "listEvents", type="VM.CREATE", listall="true")["event"]
    by_state = {(one["jobid"], one["state"]): one for one in events}
    assert set(by_state) == {(job, state) for job in (good, bad) for state in ("Scheduled", "Completed")}
    assert by_state[good, "Completed"]["level"] == "INFO"
    assert by_state[bad, "Completed"]["level"] == "ERROR"
    assert "Nothing fits" in by_state[bad, "Completed"]["description"]
    assert by_state[good, "Completed"]["parentid"] == by_state[good, "Scheduled"]["id"]
    assert by_state[good, "Completed"]["username"] == "ann"
    assert by_state[good, "Completed"]["resourcename"] == "k"
    start = by_state[good, "Scheduled"]["id"]
    assert {one["id"] for one in call(cloud, ann, "listEvents", startid=start)["event"]} == {
        start, by_state[good, "Completed"]["id"],
    }  # fmt: skip
    assert cloud.db.read().count(Event, Event.c.start_id > 0) == 2
