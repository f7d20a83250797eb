"""The person at the other end: answers to standard output, all else to standard error, questions where there is a terminal."""

from __future__ import annotations

import shutil
import sys
from typing import Any, TextIO

from cloudwright.cw.failure import Failure, Wrong
from cloudwright.cw.jobs import Steps, told, waiting
from cloudwright.cw.options import Options

CLEAR = "\r\x1b[K"
WORTH_TELLING = 0.05  # seconds


class Terminal:
    """Where a command line reads and writes. `inside` is the shell: what is typed there is in no list of processes."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None, inside: bool = False) -> None:
        self.out, self.err, self.inside = out or sys.stdout, err or sys.stderr, inside

    @property
    def asks(self) -> bool:
        """Whether somebody is there to answer."""
        return sys.stdin.isatty() and self.err.isatty()

    def write(self, text: str) -> None:
        """What was asked for."""
        if text:
            self.out.write(text + "\n")
            self.out.flush()

    def note(self, text: str) -> None:
        """What else should be known."""
        self.err.write(text + "\n")
        self.err.flush()

    def failed(self, failure: Failure) -> None:
        """Tell a failure."""
        self.note(failure.told())

    def answer(self, answer: Any, form: str, options: Options) -> None:
        """Write an answer in the form that holds here, queried and filtered as was asked."""
        from cloudwright.cw import output

        person = self.out.isatty()
        if form == "default":
            form = "table" if person else "json"
        if isinstance(answer, dict) and options.filter:
            answer = output.filtered(answer, options.filter)
        if options.query:
            answer = output.queried(answer, options.query)
        layout = output.Layout(
            options.filter, [] if options.query else options.columns, shutil.get_terminal_size().columns if person else 0
        )
        text = output.written(answer, form, layout)
        self.write(text)
        if person and not text:
            self.note("nothing was found")

    def ask(self, prompt: str, hidden: bool = False) -> str:
        """What somebody answers; without a terminal, a line of standard input. Raises Wrong where there is none."""
        if hidden and self.asks:
            import getpass

            return getpass.getpass(prompt, self.err)
        if self.asks:
            self.err.write(prompt)
            self.err.flush()
        line = sys.stdin.readline()
        if not line:
            raise Wrong(f"{prompt.rstrip(': ')} was to be read from standard input, which has ended")
        return line.rstrip("\n")

    def choose(self, text: str, candidates: list[tuple[str, str]]) -> str | None:
        """Ask which of several was meant: its id, None where nobody is there to answer, or no number was told."""
        if not self.asks:
            return None
        self.note(text)
        for number, (name, id) in enumerate(candidates, 1):
            self.note(f"  {number}  {name}  {id}")
        told = self.ask("Which one? ")
        return candidates[int(told) - 1][1] if told.isdigit() and 0 < int(told) <= len(candidates) else None


class Live(Steps):
    """A job's steps as lines, and below them how it stands, where standard error is a terminal."""

    def __init__(self, err: TextIO, wanted: bool) -> None:
        self.err, self.wanted, self.moves = err, wanted, err.isatty()
        self.shown = False

    def said(self, sentence: dict[str, Any]) -> None:
        """A line a step."""
        seconds = float(sentence.get("seconds") or 0)
        took = f" ({seconds:.1f} s)" if seconds >= WORTH_TELLING else ""
        self.ended()
        self.err.write(f"  {told(sentence)}{took}\n")
        self.err.flush()

    def stands(self, job: dict[str, Any]) -> None:
        """One line that is written over."""
        if not (self.wanted and self.moves):
            return
        progress = f" {job['progress'] * 100:.0f} %" if job.get("progress") else ""
        waits = f", {waiting(job)}" if job.get("waitsfor") else ""
        self.err.write(f"{CLEAR}  {job.get('step') or 'under way'}{progress}{waits} …")
        self.err.flush()
        self.shown = True

    def ended(self) -> None:
        """Take the moving line away."""
        if self.shown:
            self.err.write(CLEAR)
            self.err.flush()
            self.shown = False
