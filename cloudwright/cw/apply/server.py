"""A session of `cw` as files need it: calls from several threads, jobs followed to their end without a word."""

from __future__ import annotations

from typing import Any

from cloudwright.cw.apply.kind import Catalogue, Row
from cloudwright.cw.apply.kinds import KINDS
from cloudwright.cw.jobs import Follower, Steps


class Server:
    """A `Caller` over a session. Names are not looked up: files give ids."""

    def __init__(self, session: Any, timeout: float) -> None:
        self._call, self._timeout = session.wire.call, timeout

    def call(self, command: str, **params: Any) -> Row:
        """What is under the outer key of the answer. Raises Refused, Unreachable."""
        answer: Row = self._call(command, params)
        return answer

    def job(self, command: str, **params: Any) -> Row:
        """The object that a job answers. Raises JobFailed, Late."""
        answer = self.call(command, **params)
        if "jobid" in answer:
            answer = Follower(self._call, Steps(), False, self._timeout).follow(command, str(answer["jobid"]))
        inner = next((value for value in answer.values() if isinstance(value, dict)), None)
        return inner if inner is not None else answer


def catalogue_of(caller: Any) -> Catalogue:
    """The kinds as a server has them, asked for now."""
    return Catalogue({api["name"]: api for api in caller.call("listApis").get("api", [])}, KINDS)
