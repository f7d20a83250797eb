"""Refusals and failures as the API tells them: a number, a sentence, and an explanation with reasons and remedies.

The numbers are CloudStack's (`ApiErrorCode` and the exception table behind `cserrorcode`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def counted(there: Mapping[str, int]) -> str:
    """What there is of each, in words: `{"host": 1, "pod": 0, "storage pool": 2}` -> "1 host, 2 storage pools"."""
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in there.items() if count)


class CloudError(Exception):
    """Anything told to a caller: `text` says what did not happen, `why` and `fix` are plain sentences with names and numbers.

    `needs` is the setting or the command that switches on what was asked for, where that is all there is to it: nothing failed.
    """

    code = 530
    cs_code = 4250

    def __init__(
        self,
        text: str,
        *,
        param: str | None = None,
        why: Sequence[str] = (),
        fix: Sequence[str] = (),
        code: int | None = None,
        needs: str = "",
    ) -> None:
        super().__init__(text)
        self.text = text
        self.param = param
        self.why = list(why)
        self.fix = list(fix)
        self.needs = needs
        if code is not None:
            self.code = code

    def explain(self) -> dict[str, object]:
        """The `explain` object: what, why, fix; needs, where something is switched off or not set up."""
        told: dict[str, object] = {"what": self.text, "why": self.why, "fix": self.fix}
        return told | ({"needs": self.needs} if self.needs else {})


class ParamError(CloudError):
    """A parameter is missing, malformed or names nothing that the caller may see."""

    code = 431
    cs_code = 4350


class Unsupported(CloudError):
    """The command is unknown or not for this caller."""

    code = 432
    cs_code = 9999


class Denied(CloudError):
    """The caller may not do this to that."""

    code = 531
    cs_code = 4365


class LimitReached(CloudError):
    """A resource limit stands in the way."""

    code = 535
    cs_code = 4370


class NoCapacity(CloudError):
    """Nothing fits: `why` names, for each candidate, what refused it."""

    code = 533
    cs_code = 4325


class Unavailable(CloudError):
    """Something needed does not answer now."""

    code = 534
    cs_code = 4380


class InUse(CloudError):
    """Something still depends on it."""

    code = 536
    cs_code = 4375


class Conflict(CloudError):
    """A network rule contradicts another."""

    code = 537
    cs_code = 4360


class Overloaded(CloudError):
    """The server takes no work now."""

    code = 503
    cs_code = 9999


class WrongState(ParamError):
    """The resource is not in a state in which this can be done."""


class Lost(Exception):
    """A row changed since it was read: whoever reads and decides again will be right. Never reaches a caller."""
