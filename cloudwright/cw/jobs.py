"""Jobs: followed to their end, with their steps as they happen. Whoever stops following leaves the job running."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cloudwright.cw.failure import Interrupted, JobFailed, Late, Refused

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
FIRST, LONGEST = 0.1, 2.0  # seconds between two looks


def told(sentence: dict[str, Any]) -> str:
    """A row of `listJobStory` for people: what it says, else the step's name; `did` goes without saying."""
    verb, step, said = (str(sentence.get(key) or "") for key in ("verb", "step", "said"))
    if said in ("", f"{verb} {step}"):
        return step if verb == "did" else f"{verb} {step}".strip()
    return said if verb == "did" else f"{verb}: {said}"


def waiting(job: dict[str, Any]) -> str:
    """What a job waits for, as people say it; servers tell a thing, or how the job waits."""
    said = str(job["waitsfor"])
    return said if said.startswith("waits") else f"waits for {said}"


class Steps:
    """What a job does, told as it does it. This one tells nobody; `terminal.py` has one that writes."""

    wanted = False

    def said(self, sentence: dict[str, Any]) -> None:
        """A step was done: a row of `listJobStory`."""

    def stands(self, job: dict[str, Any]) -> None:
        """How the job stands: the answer of `queryAsyncJobResult`."""

    def ended(self) -> None:
        """The job ended, or nobody follows it any more."""


class Follower:
    """Follows jobs. `tells_story` says whether the server has `listJobStory`."""

    def __init__(self, call: Call, steps: Steps | None = None, tells_story: bool = False, timeout: float = 1800.0) -> None:
        self.call, self.steps, self.timeout = call, steps or Steps(), timeout
        self.tells_story = tells_story

    def follow(self, command: str, job: str) -> dict[str, Any]:
        """What the job answers, as a call would: `{"virtualmachine": {…}}`. Raises JobFailed, Late, Interrupted."""
        try:
            return self._follow(command, job)
        except KeyboardInterrupt:
            fix = [f"follow it: cw job follow {job}", f"call it off: cw job cancel {job}"]
            raise Interrupted(f"{command} goes on as job {job}", fix=fix) from None
        finally:
            self.steps.ended()

    def _follow(self, command: str, job: str) -> dict[str, Any]:
        until, wait, seen = time.monotonic() + self.timeout, FIRST, 0
        while True:
            known = self.call("queryAsyncJobResult", {"jobid": job})
            seen = self._tell(job, seen)
            status, result = int(known.get("jobstatus", 0)), known.get("jobresult")
            if status == 1:
                return result if isinstance(result, dict) else {"success": True}
            if status > 1:
                told = result if isinstance(result, dict) else {"errortext": str(result or "it was cancelled")}
                code = int(known.get("jobresultcode") or told.get("errorcode") or 530)
                answer = {**told, "explain": known.get("explain") or told.get("explain")}
                raise JobFailed(command, code, answer, job, self.tells_story)
            self.steps.stands(known)
            if time.monotonic() > until:
                raise Late(
                    f"{command} did not end within {self.timeout:g} s; it goes on as job {job}", fix=[f"cw job follow {job}"]
                )
            time.sleep(wait)
            wait = min(wait * 1.3, LONGEST)

    def _tell(self, job: str, seen: int) -> int:
        """Tell what is new of the story. Answers how much of it was told."""
        if not (self.tells_story and self.steps.wanted):
            return seen
        try:
            story = self.call("listJobStory", {"jobid": job}).get("jobstory", [])
        except Refused:
            return seen  # the job is followed all the same
        for sentence in story[seen:]:
            self.steps.said(sentence)
        return len(story)
