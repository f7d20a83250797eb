"""One server as one user: its catalogue, names for ids, calls and their jobs. What every command of `cw` works with."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

from cloudwright.cw import catalogue
from cloudwright.cw.catalogue import Catalogue
from cloudwright.cw.jobs import Follower, Steps
from cloudwright.cw.names import Choose, Names, rows_of
from cloudwright.cw.profile import Profile
from cloudwright.cw.wire import Wire

PAGE = 500


class Session:
    """Calls of one profile. `cache` is the folder of what is kept for it; None keeps nothing."""

    def __init__(self, profile: Profile, cache: Path | None = None) -> None:
        self.profile = profile
        named = hashlib.sha256(profile.who.encode()).hexdigest()[:16]
        self.folder = cache / f"{profile.name}-{named}" if cache is not None else None
        self.wire = Wire(profile, self.folder / "session" if self.folder else None)
        self.steps = Steps()
        self.choose: Choose = lambda text, candidates: None

    @cached_property
    def catalogue(self) -> Catalogue:
        """The server's commands: what was kept, else what it tells now. Raises Refused, Unreachable."""
        if self.folder is None:
            return Catalogue(self.wire.call("listApis").get("api", []))
        return catalogue.kept(self.folder / "apis.json") or self.sync()

    def sync(self) -> Catalogue:
        """Ask the server for its commands anew."""
        assert self.folder is not None
        self.catalogue = catalogue.sync(self.wire, self.folder / "apis.json")
        (self.folder / "values.json").unlink(missing_ok=True)
        return self.catalogue

    @property
    def names(self) -> Names:
        """Looks names up."""
        return Names(self.catalogue, self.wire.call, self.choose)

    def call(self, command: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """What is under the outer key of the answer, at once; names are looked up where ids belong. An asynchronous command
        answers its `jobid`. Raises Failure."""
        return self.wire.call(self.catalogue[command].name, self.resolved(command, params or {}))

    def resolved(self, command: str, params: dict[str, Any]) -> dict[str, Any]:
        """The parameters with ids for names. Raises Unnamed."""
        texts = {name: value for name, value in params.items() if isinstance(value, str)}
        return params | self.names.resolve(self.catalogue[command], texts)

    def run(self, command: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """As `call`, and a job is followed to its end: what it answers. Raises Failure, JobFailed among them."""
        answer = self.call(command, params)
        if self.catalogue[command].is_async and "jobid" in answer:
            return self.follow(command, str(answer["jobid"]))
        return answer

    def follow(self, command: str, job: str) -> dict[str, Any]:
        """Follow a job to its end: what it answers."""
        tells = "listJobStory" in self.catalogue
        return Follower(self.wire.call, self.steps, tells, self.profile.timeout).follow(command, job)

    def rows(self, command: str, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """All objects of a list, page after page."""
        resolved = self.resolved(command, params or {})
        if "pagesize" not in self.catalogue[command].params:
            return rows_of(self.wire.call(command, resolved))
        rows: list[dict[str, Any]] = []
        for page in range(1, 10_000):
            found = rows_of(self.wire.call(command, resolved | {"page": page, "pagesize": PAGE}))
            rows += found
            if len(found) < PAGE:
                break
        return rows

    def one(self, command: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """The single object that a command answers, its job ended; {} where it answers none."""
        found = rows_of(self.run(command, params))
        return found[0] if found else {}
