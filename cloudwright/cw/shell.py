"""The interactive shell: what `cw` takes, line by line, with completion, history and pipes to other programs."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer
from prompt_toolkit.completion import Completion as Choice
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory

from cloudwright.cw.catalogue import Catalogue, is_secret
from cloudwright.cw.complete import Candidate, Completion
from cloudwright.cw.failure import Failure, Wrong
from cloudwright.cw.profile import SECRET, owned
from cloudwright.cw.terminal import Terminal

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

LEAVING = ("exit", "quit")
HELLO = "Tab completes, `help` tells what there is, Ctrl-D leaves."


def page_of(name: str) -> str:
    """The help of the shell."""
    return """cw
cw shell [< FILE]
    an interactive shell, or the lines of standard input; the first that fails ends those

    Tab completes, arrows and Ctrl-R find earlier lines, Ctrl-C gives up a line or leaves a job to itself, Ctrl-D leaves.
    What follows a | is a program of the system that reads the answer: list zones | grep north"""


def run(doing: Invocation) -> None:
    """Read and run lines until their end; without a terminal, the lines of standard input. Raises Wrong."""
    if doing.words:
        raise Wrong("cw shell takes no words", fix=["write the command itself: cw list zones"])
    terminal = Terminal(inside=True)
    shell = Shell(doing, terminal)
    if not sys.stdin.isatty():
        shell.batch(sys.stdin)
        return
    terminal.note(HELLO)
    shell.interact()


class Shell:
    """One shell. The session lasts as long as nothing of the profile is changed."""

    def __init__(self, doing: Invocation, terminal: Terminal) -> None:
        self.doing, self.terminal = doing, terminal

    def batch(self, lines: TextIO) -> None:
        """Run lines as a script has them; the first that fails ends it. Raises Failure."""
        for line in lines:
            if line.strip() and not line.lstrip().startswith("#"):
                self.run(line.strip())

    def interact(self) -> None:
        """Prompt until Ctrl-D, `exit` or `quit`."""
        doing = self.doing
        folder = doing.profiles.cache
        history = History(owned(folder / "history"), lambda: doing.session.catalogue)
        prompt: PromptSession[str] = PromptSession(
            history=history, completer=Offers(self), complete_while_typing=False, complete_in_thread=True
        )
        while True:
            try:
                line = prompt.prompt(lambda: f"{doing.session.profile.name}> ").strip()
            except KeyboardInterrupt:
                continue  # the line is given up, not the shell
            except EOFError:
                return
            if line in LEAVING:
                return
            if line:
                self.tell(line)

    def tell(self, line: str) -> None:
        """Run a line, and tell what it fails by."""
        try:
            self.run(line)
        except Failure as failure:
            self.terminal.failed(failure)
        except KeyboardInterrupt:
            self.terminal.note("interrupted")

    def run(self, line: str) -> None:
        """Run a line; what follows an unquoted `|` is a program of the system that reads the answer. Raises Failure."""
        left, program = piped(line)
        if not program:
            self._words(left, self.terminal)
            return
        answer = io.StringIO()
        self._words(left, Terminal(answer, self.terminal.err, inside=True))
        subprocess.run(["/bin/sh", "-c", program], input=answer.getvalue(), text=True, check=False)

    def _words(self, line: str, terminal: Terminal) -> None:
        from cloudwright.cw import main

        try:
            words = shlex.split(line)
        except ValueError as error:
            raise Wrong(f"{line!r} cannot be read: {error}") from None
        if words[:1] == ["shell"]:
            raise Wrong("this is the shell")
        changes = words[:1] in (["set"], ["login"], ["logout"])
        session = None if changes or _other(words) else self.doing.session
        main.run(words, terminal, session)
        if changes:
            self.doing.options.profile = ""
            self.doing.forget()


def _other(words: list[str]) -> bool:
    """Whether a line wants another session than the shell's."""
    from cloudwright.cw.options import split

    options, _ = split(words, words)
    return any((options.profile, options.config, options.url, options.timeout, options.output, options.steps, options.quiet))


def piped(line: str) -> tuple[str, str]:
    """A line before and after its first unquoted `|`."""
    quote = ""
    for place, sign in enumerate(line):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "|":
            return line[:place].strip(), line[place + 1 :].strip()
    return line, ""


class Offers(Completer):
    """Completion as the line editor asks for it."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Choice]:
        """What could complete the word before the cursor."""
        line = document.text_before_cursor
        if piped(line)[1] or line.rstrip().endswith("|"):
            return
        try:
            found = self._found(line)
        except Failure:
            return  # who presses a key wants no error
        written = "" if not line or line[-1].isspace() else line.split()[-1]
        for candidate in found:
            shown = candidate.shown or candidate.text
            yield Choice(shlex.quote(candidate.text), -len(written), display=shown, display_meta=_meaning(candidate))

    def _found(self, line: str) -> list[Candidate]:
        from cloudwright.cw.main import all_words

        own = {**all_words(), "exit": "leave the shell"}
        return Completion(self.shell.doing.session, own).candidates(line)


def _meaning(candidate: Candidate) -> str:
    return candidate.meaning[:70]


class History(FileHistory):
    """Lines as they were written, but secrets: in their place stands `-`, which asks for them."""

    def __init__(self, path: Path, catalogue: Any) -> None:
        super().__init__(str(path))
        self.catalogue = catalogue

    def store_string(self, string: str) -> None:
        """Keep a line."""
        super().store_string(without_secrets(string, self.catalogue))

    def append_string(self, string: str) -> None:
        """Remember a line, in this shell and the next."""
        super().append_string(without_secrets(string, self.catalogue))


def without_secrets(line: str, catalogue: Any) -> str:
    """A line with `-` for every secret on it: `create user password=-`."""
    try:
        known: Catalogue | None = catalogue()
    except Failure:
        known = None
    masked = list(_masked(line, known))
    return " ".join(map(shlex.quote, masked)) if masked != _words_of(line) else line


def _words_of(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quote is open
        return line.split()


def _masked(line: str, known: Catalogue | None) -> Iterator[str]:
    words = _words_of(line)
    try:
        params = known.named(words)[0].params if known else {}
    except (Failure, IndexError):
        params = {}
    if words[:1] == ["set"] and len(words) > 2 and words[1] in SECRET:
        yield from ("set", words[1])
        return
    for word in words:
        name, sign, value = word.partition("=")
        param = params.get(name.partition("[")[0].lower(), {"name": name})
        hidden = sign and value not in ("", "-") and not value.startswith("@") and is_secret(param)
        yield f"{name}=-" if hidden else word
