"""`cw job`: jobs, what they did and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudwright.cw.daily.word import Given, Word, change, dispatch, rows_told
from cloudwright.cw.failure import Wrong

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

COLUMNS = ["jobid", "command", "status", "step", "waitsfor", "account", "created"]
STORY = ["created", "verb", "task", "step", "said", "seconds"]
STATUS = {0: "in progress", 1: "succeeded", 2: "failed", 3: "cancelled"}


def run(doing: Invocation) -> None:
    """Run a word of `cw job`."""
    dispatch(doing, WORDS)


def standing(job: dict[str, Any]) -> dict[str, Any]:
    """A job with its command and status as words."""
    command = str(job.get("cmd") or "").rpartition(".")[2].removesuffix("Cmd")
    return {**job, "command": command[:1].lower() + command[1:], "status": STATUS.get(int(job.get("jobstatus", 0)), "")}


def listed(doing: Invocation, given: Given) -> None:
    """List jobs, the newest last."""
    jobs = doing.session.rows("listAsyncJobs", {"listall": "true", **given.options})
    jobs.sort(key=lambda job: str(job.get("created", "")))
    rows_told(doing, "asyncjobs", [standing(job) for job in jobs], COLUMNS)


def follow(doing: Invocation, given: Given) -> None:
    """Follow a job to its end, and write what it answers."""
    job = given.things[0]
    known = standing(doing.session.call("queryAsyncJobResult", {"jobid": job}))
    doing.answer(doing.session.follow(known["command"] or "the job", job))


def story(doing: Invocation, given: Given) -> None:
    """What a job did, step by step."""
    if "listJobStory" not in doing.session.catalogue:
        raise Wrong("The server tells no story of its jobs", fix=[f"cw job follow {given.things[0]}: how it ends"])
    told = doing.session.call("listJobStory", {"jobid": given.things[0]}).get("jobstory", [])
    rows_told(doing, "jobstory", told, STORY)


def cancel(doing: Invocation, given: Given) -> None:
    """Call a job off: it puts back what it did."""
    change(doing, "cancelJob", {"jobid": given.things[0]})


def resume(doing: Invocation, given: Given) -> None:
    """Let a stuck job try again."""
    change(doing, "resumeJob", {"jobid": given.things[0]})


WORDS = {
    "list": Word("jobs", listed),
    "follow": Word("follow a job to its end", follow, "ID", least=1, most=1),
    "story": Word("what a job did, step by step", story, "ID", least=1, most=1),
    "cancel": Word("call a job off; it puts back what it did", cancel, "ID", least=1, most=1),
    "resume": Word("let a job that is stuck try again", resume, "ID", least=1, most=1),
}
