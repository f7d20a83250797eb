"""The shell at a pseudo-terminal, as a person has it; and as a script that reads lines."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from tests.cw.conftest import cw

PATIENCE = 30.0
PROMPT = "default>"
ASKED, REPLY = b"\x1b[6n", b"\x1b[1;1R"  # where is the cursor? there
CODES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")
PROGRAM = [sys.executable, "-m", "cloudwright.cw.main"]


class Person:
    """Types at a shell, that of `cw` or another, and reads what it shows."""

    def __init__(self, program: Sequence[str] = PROGRAM) -> None:
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            try:
                os.execvp(program[0], program)
            finally:
                os._exit(127)  # there is no such program; what follows is the other process's
        self.shown = b""

    def type(self, text: str) -> str:
        """Type; answers what was shown before."""
        before, self.shown = self._text(), b""
        os.write(self.screen, text.encode())
        return before

    def sees(self, text: str, more: bool = False) -> str:
        """Read until this is shown; with `more`, at least something more."""
        until = time.monotonic() + PATIENCE
        while text not in (seen := self._text()) or more:
            ready, _, _ = select.select([self.screen], [], [], 0.2)
            assert time.monotonic() < until, f"{text!r} was not shown, but:\n{seen}"
            if ready:
                try:
                    new = os.read(self.screen, 65536)
                except OSError:
                    raise AssertionError(f"it ended; {text!r} was not shown, but:\n{seen}") from None
                os.write(self.screen, REPLY * new.count(ASKED))
                self.shown += new
                more = False
        return seen

    def answered(self, text: str) -> str:
        """Read until this is shown and then, after it, the prompt: whoever types before may not be heard."""
        seen = self.sees(text)
        while PROMPT not in seen.rpartition(text)[2]:
            seen = self.sees(text, more=True)
        return seen

    def _text(self) -> str:
        return CODES.sub(b"", self.shown).decode(errors="replace")

    def leave(self) -> None:
        """Go without a word; it ends."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # it has
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        with contextlib.suppress(OSError):
            os.close(self.screen)

    def end(self) -> int:
        """Ctrl-D; answers how it ended."""
        self.type("\x04")
        until = time.monotonic() + PATIENCE
        while (ended := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            assert time.monotonic() < until, "it did not end"
            if select.select([self.screen], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):  # the other end is closed
                    os.read(self.screen, 65536)
        os.close(self.screen)
        return os.waitstatus_to_exitcode(ended[1])


@pytest.fixture
def person(signed, ready_zone):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDSTACK_TIMEOUT", "60")
        made = Person()
    yield made
    made.leave()


def test_a_person_at_the_shell(person):
    person.answered("leaves.")
    person.type("frobnicate")
    person.type("\x03")  # gives the line up, not the shell
    person.answered("frobnicate")
    person.type("upd\t")
    person.sees("ate")
    person.type(" zo\t")
    person.sees("ne")
    person.type(" id=\t")  # the only zone is fetched, and its name written
    person.sees("demo")
    person.type(" dns2=9.9.9.11 filter=dns2 -o text\r")
    person.answered("dns2 = 9.9.9.11")
    person.type("list zones filter=name | tr a-z A-Z\r")
    person.answered('"NAME": "DEMO"')
    person.type("list zoness\r")
    person.answered("did you mean list zones")
    person.type("create user account=x username=y password=hunter2\r")
    person.answered("createUser needs")
    person.type("set output csv\r")
    person.answered("set output csv")
    person.type("list zones filter=name\r")
    person.answered("name\r\ndemo")
    assert person.end() == 0


def test_history_is_there_the_next_time_without_secrets(person, home):
    person.answered("leaves.")
    person.type("list zones filter=name | tr a-z A-Z\r")
    person.answered("DEMO")
    person.type("create user account=x username=y password=hunter2\r")
    person.answered("createUser needs")
    assert person.end() == 0
    again = Person()
    try:
        again.answered("leaves.")
        again.type("\x1b[A")
        assert "hunter2" not in again.sees("password=-")
        again.type("\x15\x12tr a-z")  # Ctrl-R finds a line by a part of it
        again.sees("A-Z")
        again.type("\r\r")
        again.answered("DEMO")
        assert again.end() == 0
    finally:
        again.leave()
    history = (home / ".cache" / "cloudwright" / "history").read_text()
    assert "list zones filter=name | tr a-z A-Z" in history
    assert "create user account=x username=y password=-" in history
    assert "hunter2" not in history


def test_lines_of_a_script(signed, ready_zone):
    lines = "# zones\nlist zones filter=name -o csv\n\nlist zoness\nlist zones filter=id\n"
    done = subprocess.run([*PROGRAM, "shell"], input=lines, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (2, "name\ndemo\n")
    assert "list zones" in done.stderr


def test_a_pipe_that_closes_early_is_no_error(signed, ready_zone):
    done = subprocess.run(
        ["/bin/sh", "-c", f"{PROGRAM[0]} -m cloudwright.cw.main api -o csv | head -1"],
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("name,cw,async,description\n", "")


def test_the_shell_takes_no_words(home):
    assert cw("shell list").code == 2
