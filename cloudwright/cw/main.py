"""The command `cw`: finds what was asked for and runs it. What only some commands need is imported when they run."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from cloudwright.cw.failure import CODES, INTERRUPTED, Failure
from cloudwright.cw.options import Options, split
from cloudwright.cw.terminal import Live, Terminal

DAILY = {
    "vm": ("daily.vm", "instances: create, list, start, stop, reboot, delete, ssh, console"),
    "net": ("daily.net", "networks: list, map"),
    "host": ("daily.host", "hosts: list, drain, resume"),
    "job": ("daily.job", "jobs: list, follow, story, cancel"),
    "explain": ("daily.explain", "why something is as it is: a job, a thing, a command you were refused"),
    "apply": ("apply.main", "make the cloud as a file says: plan, apply, prune"),
    "diff": ("apply.main", "what apply would do; exit code 1 where it is not nothing"),
    "get": ("apply.get", "what there is, as a file for apply"),
}
OWN = {
    "help": ("pages", "what can be done; `help VERB NOUN` tells the parameters of a command"),
    "api": ("pages", "all commands of the server, or those with a word in them"),
    "login": ("sign_in", "sign in: cw login URL --user NAME"),
    "logout": ("sign_in", "end the session that login began"),
    "set": ("keep", "keep a setting of the profile: cw set KEY VALUE; profiles: cw set profile NAME"),
    "profile": ("keep", "the profile in force, and which there are"),
    "sync": ("keep", "ask the server for its commands anew"),
    "shell": ("shell", "an interactive shell; so does `cw` alone"),
    "completion": ("completion", "the completion script of a shell: cw completion bash, zsh or fish"),
}


SHARED = ("get", "explain")
"""Words of ours that are verbs of the API, too."""


class Invocation:
    """What a command works with: the words after its name, options, where it writes, and the session, made when asked for."""

    def __init__(self, words: list[str], options: Options, terminal: Terminal, name: str = "") -> None:
        self.name, self.words, self.options, self.terminal = name, words, options, terminal
        self._session: Any = None

    @property
    def profiles(self) -> Any:
        """The file of profiles."""
        from cloudwright.cw.profile import Profiles

        return Profiles(Path(self.options.config) if self.options.config else None)

    @property
    def session(self) -> Any:
        """The server, as who the profile says."""
        if self._session is None:
            from cloudwright.cw.session import Session

            profiles = self.profiles
            made = Session(profiles.chosen(self.options.profile, self.options.over()), profiles.cache)
            terminal, quiet = self.terminal, self.options.quiet
            made.steps = Live(terminal.err, self.options.steps or (terminal.err.isatty() and not quiet))
            made.choose = terminal.choose
            if terminal.asks:
                made.wire.ask_password = lambda prompt: terminal.ask(prompt, hidden=True)
            self._session = made
        return self._session

    def forget(self) -> None:
        """Make the session anew when it is asked for next: the profile was changed."""
        self._session = None

    def answer(self, answer: Any) -> None:
        """Write an answer in the form of the profile."""
        self.terminal.answer(answer, self.session.profile["output"], self.options)


def main(arguments: list[str] | None = None, terminal: Terminal | None = None) -> int:
    """Run a command line; answers its exit status, one of `failure.CODES`."""
    given = sys.argv[1:] if arguments is None else arguments
    if terminal is None:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may not know all signs
        terminal = Terminal()
    try:
        run(given, terminal)
    except Failure as failure:
        terminal.failed(failure)
        return failure.code
    except KeyboardInterrupt:
        terminal.note("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has enough; nothing more is to be told
        return 0
    return 0


def run(given: list[str], terminal: Terminal, session: Any = None) -> None:
    """Run a command line. Raises Failure."""
    options, words = split(given, {**DAILY, **OWN})
    if options.version or words == ["version"]:
        import cloudwright

        terminal.write(f"cw {cloudwright.__version__}")
        return
    if not words:
        if options.help or not terminal.asks:
            terminal.write(usage())
            return
        words = ["shell"]
    doing = Invocation(words[1:], options, terminal, words[0])
    doing._session = session
    if options.help:
        importlib.import_module("cloudwright.cw.pages").page(doing, words)
        return
    module = (DAILY | OWN).get(words[0])
    if module is not None and not (words[0] in SHARED and _of_api(doing, words)):
        importlib.import_module(f"cloudwright.cw.{module[0]}").run(doing)
        return
    from cloudwright.cw import call

    call.run(doing.session, words, options, terminal)


def _of_api(doing: Invocation, words: list[str]) -> bool:
    """Whether words that begin as ours mean a command of the API: it is there, and all it requires is given."""
    if len(words) < 2:
        return False
    command = doing.session.catalogue.verbs.get(words[0], {}).get(words[1].lower())
    given = {word.partition("=")[0].lower() for word in words[2:] if "=" in word}
    return command is not None and all(not p.get("required") or name in given for name, p in command.params.items())


def usage() -> str:
    """What can be run."""
    daily = [f"  {name:10} {words}" for name, (_, words) in DAILY.items()]
    own = [f"  {name:10} {words}" for name, (_, words) in OWN.items()]
    codes = [f"  {code:<10} {words}" for code, words in CODES.items()]
    return "\n".join([USAGE, *daily, "", "About cw itself:", *own, "", OPTIONS, "", "Exit codes:", *codes])


USAGE = """usage: cw VERB NOUN name=value …      as in: cw list virtualmachines zoneid=lab
       cw apiName name=value …       as in: cw deployVirtualMachine name=web zoneid=lab …
       cw WORD …                     one of the words below
       cw                            an interactive shell

Names may stand wherever ids belong. name=@FILE reads a file, name=- asks.

For every day:"""
OPTIONS = """Options:
  -o, --output FORM     default, table, wide, text, csv, json, yaml or column
  --filter A,B          only these fields (filter=A,B does the same)
  --query Q             what the JMESPath Q finds in the answer
  --all                 all pages of a list
  --no-wait, --wait     do not follow a job, or do
  --steps, -q, --quiet  tell a job's steps, or do not
  --dry-run             tell what would change, and change nothing
  --client-token T      a retry with the same T answers what the first call answered
  -p, --profile NAME    another profile
  -c, --config FILE     another file of profiles
  -u, --url URL         another server
  --timeout SECONDS     how long an answer or a job may take
  -h, --help            help, also of a command: cw deploy virtualmachine -h"""


def all_words() -> dict[str, str]:
    """The words beside the API's, by what they do."""
    return {name: doc for name, (_, doc) in {**DAILY, **OWN}.items()}


def page_of(name: str, word: str = "") -> str:
    """The help of one of our words, or of a word of its group; "" where it is none of ours."""
    if name not in DAILY | OWN:
        return ""
    if group := words_of_group(name):
        from cloudwright.cw.daily.word import page

        return page(name, group, word)
    module = (DAILY | OWN)[name][0]
    return str(importlib.import_module(f"cloudwright.cw.{module}").page_of(name))


def words_of_group(name: str) -> dict[str, Any]:
    """The words of a group such as `vm`; {} where it is none."""
    if name not in DAILY or not DAILY[name][0].startswith("daily."):
        return {}
    module = importlib.import_module(f"cloudwright.cw.{DAILY[name][0]}")
    return dict(getattr(module, "WORDS", {}))


if __name__ == "__main__":
    sys.exit(main())
