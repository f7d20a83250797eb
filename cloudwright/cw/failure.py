"""What can go wrong, each with the exit code that scripts see."""

from __future__ import annotations

from typing import Any

REFUSED, WRONG, UNKNOWN, UNNAMED, FAILED, UNREACHABLE, LATE, INTERRUPTED = 1, 2, 3, 4, 5, 6, 7, 130
CODES = {
    0: "done",
    REFUSED: "the server refused the call",
    WRONG: "the command line is wrong: no such command or parameter, or one is missing",
    UNKNOWN: "the server does not know you: sign in, or mend the keys",
    UNNAMED: "a name is of nothing, or of several things",
    FAILED: "the job failed or was cancelled",
    UNREACHABLE: "the server cannot be reached, or does not answer as this API does",
    LATE: "it did not end within the time allowed; a job goes on",
    INTERRUPTED: "interrupted; a job goes on",
}
SIGN_IN = 401


class Failure(Exception):
    """A plain sentence for standard error; `why` and `fix` are further ones. `code` is the exit status."""

    code = REFUSED

    def __init__(self, text: str, why: list[str] | None = None, fix: list[str] | None = None) -> None:
        super().__init__(text)
        self.why, self.fix = why or [], fix or []

    def told(self) -> str:
        """All of it, a line each."""
        lines = [str(self), *(f"  {reason}" for reason in self.why), *(f"  To do: {fix}" for fix in self.fix)]
        return "\n".join(lines)


class Wrong(Failure):
    """The command line cannot be understood."""

    code = WRONG


class Unnamed(Failure):
    """A name that is of nothing or of several things; `candidates` are (name, id) of what could have been meant."""

    code = UNNAMED

    def __init__(self, text: str, candidates: list[tuple[str, str]], fix: list[str] | None = None) -> None:
        super().__init__(text, [f"{name}  {id}" for name, id in candidates], fix)
        self.candidates = candidates


class Unsigned(Failure):
    """Nothing is known by which to sign in."""

    code = UNKNOWN


class Unreachable(Failure):
    """No answer, or none of this API."""

    code = UNREACHABLE


class Late(Failure):
    """A job that goes on longer than was allowed."""

    code = LATE


class Interrupted(Failure):
    """Somebody pressed Ctrl-C."""

    code = INTERRUPTED


class Refused(Failure):
    """What the server refused, in its own words. `number` is the API's error number, `answer` the whole answer."""

    def __init__(self, command: str, number: int, answer: dict[str, Any]) -> None:
        explain = answer.get("explain") or {}
        text = str(answer.get("errortext") or "no reason was told")
        super().__init__(f"{command}: {text} ({number})", list(explain.get("why") or []), list(explain.get("fix") or []))
        self.command, self.number, self.answer = command, number, answer
        if number == SIGN_IN or command == "login":
            self.code = UNKNOWN


class JobFailed(Refused):
    """A job that did not succeed. `story` says whether the server tells what it did."""

    def __init__(self, command: str, number: int, answer: dict[str, Any], job: str, story: bool = False) -> None:
        super().__init__(command, number, answer)
        self.code, self.job = FAILED, job
        self.fix = [*self.fix, *([f"read what it did: cw job story {job}"] if story else [])]
