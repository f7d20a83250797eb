"""What may stand anywhere on a command line beside the command itself."""

from __future__ import annotations

from collections.abc import Collection

from cloudwright.cw.failure import Wrong
from cloudwright.cw.profile import OUTPUTS, Profile

WITH_VALUE = {
    "--output": "output", "-o": "output", "--filter": "filter", "--query": "query", "--client-token": "client_token",
    "--profile": "profile", "-p": "profile", "--config": "config", "-c": "config", "--url": "url", "-u": "url",
    "--timeout": "timeout",
}  # fmt: skip
FLAGS = {
    "--dry-run": "dry_run", "--no-wait": "no_wait", "--wait": "wait", "--all": "all", "--steps": "steps", "--quiet": "quiet",
    "-q": "quiet", "--help": "help", "-h": "help", "--version": "version", "-v": "version",
}  # fmt: skip
NEVER = ("-k", "--apikey", "-s", "--secretkey", "--password")


class Options:
    """The options of one command line. What was not given is empty or False."""

    def __init__(self) -> None:
        self.output = self.query = self.client_token = self.profile = self.config = self.url = self.timeout = ""
        self.filter: list[str] = []
        self.columns: list[str] = []  # of a table, where no filter is given: a word's own choice
        self.dry_run = self.no_wait = self.wait = self.all = self.steps = self.quiet = self.help = self.version = False

    def waits(self, profile: Profile) -> bool:
        """Whether jobs are followed to their end."""
        return self.wait or (not self.no_wait and profile.true("asyncblock"))

    def over(self) -> dict[str, str]:
        """What these put over a profile."""
        return {"output": self.output, "url": self.url, "timeout": self.timeout}


def split(words: list[str], ours: Collection[str] = ()) -> tuple[Options, list[str]]:
    """The options among words, and the other words. Where the first of those is one of `ours`, it has options beside these.

    Raises Wrong.
    """
    options, left = Options(), list(words)
    rest: list[str] = []
    while left:
        word = left.pop(0)
        own = bool(rest) and rest[0] in ours
        name, sign, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word == "--":
            rest += [word, *left]
            break
        if name in FLAGS and not sign:
            setattr(options, FLAGS[name], True)
        elif name in WITH_VALUE:
            if not sign and not left:
                raise Wrong(f"{name} needs a value")
            _set(options, WITH_VALUE[name], value if sign else left.pop(0))
        elif name in NEVER:
            raise Wrong(
                f"{name} would show a secret in the list of processes", fix=["cw login, or CLOUDSTACK_KEY and CLOUDSTACK_SECRET"]
            )
        elif word.startswith("-") and "=" not in word.partition("[")[0] and not own and word != "-":
            raise Wrong(f"There is no option {name}", fix=["cw --help tells which there are"])
        elif own and word.startswith("filter="):
            _set(options, "filter", word.partition("=")[2])
        else:
            rest.append(word)
    return options, rest


def _set(options: Options, name: str, value: str) -> None:
    if name == "filter":
        options.filter = [field.strip() for field in value.split(",") if field.strip()]
        return
    if name == "output" and value not in OUTPUTS:
        raise Wrong(f"There is no output {value!r}; there are: {', '.join(OUTPUTS)}")
    setattr(options, name, value)
