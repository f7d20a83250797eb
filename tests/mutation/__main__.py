"""How good are the tests of who may what? Each condition of that code is made wrong, one after another: some test must fail.

    python -m tests.mutation                    # all; prints the score and what survived
    python -m tests.mutation core/access.py     # only that file, or all in a directory (compute/)
    python -m tests.mutation --sample 50        # that many, chosen at random

All tests run once, and it is noted which lines each of them reaches. Then a fork of this process, in which everything is loaded
and made, is given a mutant and runs the tests that reach it, until one fails. Of each test that does so for the first time it is
proved, in a fork without a mutant, that it passes there; one that does not is left out (a server that it talks to stayed behind
in this process). A survivor is a test that is missing, or changes nothing that could be seen: those are told in `equivalent.txt`,
with the reason. Nothing on disk is changed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

from tests.mutation import checks, declared
from tests.mutation.change import Mutant, changed

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds of a processor for one mutant

TESTS = [
    *checks.DOMAINS,
    *(f"core/test_{name}.py" for name in ("access", "param")),
    *(f"web/test_{name}.py" for name in ("handle", "session", "recognition")),
    "golden/test_api.py",
]
"""Where the tests are that should notice, below tests."""

ON_DECLARATIONS = ("test_declared.py", "test_matrix_roles.py", "test_api.py")
"""The tests that hold what is declared against facts."""

OPTIONS = [
    *("-o", "addopts=--import-mode=importlib", "-p", "no:terminal", "-p", "no:cacheprovider", "--capture=sys", "--timeout=60"),
    *("-k", "not mariadb and not postgresql"),
]


class Try(NamedTuple):
    """A mutant of a file."""

    file: str
    mutant: Mutant

    def __str__(self) -> str:
        return f"{self.file} {self.mutant.function} {self.mutant.what}"

    @property
    def whole(self) -> str:
        """All mutants of its function."""
        return f"{self.file} {self.mutant.function} *"

    @property
    def declared(self) -> bool:
        return self.mutant.node == declared.NOWHERE

    @property
    def alike(self) -> str:
        """What those have in common that the same tests will notice."""
        return self.mutant.what if self.declared else self.file


class Test(NamedTuple):
    """What was seen of a test: the seconds of a processor that it took, and the lines of the targets that it reached."""

    item: pytest.Item
    seconds: float
    reached: set[tuple[str, int]]


def equivalent() -> set[str]:
    """The mutants that change nothing that could be seen: `file function what`, or `*` for all of a function."""
    lines = Path(__file__).with_name("equivalent.txt").read_text().splitlines()
    return {line.partition("  # ")[0] for line in lines if line and not line.startswith("#")}


def tell(text: str) -> None:
    """Print, whatever is captured."""
    print(text, file=sys.__stdout__, flush=True)


def path_of(file: str) -> str:
    return str(ROOT / "cloudwright" / file)


class Trials:
    """A plugin of pytest which runs what was collected in its own way."""

    def __init__(self, tried: list[Try], at_once: int, verbose: bool) -> None:
        self.left, self.at_once, self.verbose = tried[::-1], at_once, verbose
        self.survivors: list[Try] = []
        self.failed = ""
        self.kills = Counter[tuple[str, str]]()
        self.proved: set[str] = set()  # tests that pass in a fork without a mutant
        self.files = {path_of(one.file): one.file for one in tried}
        self.reached: set[tuple[str, int]] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed += report.longreprtext if report.failed else ""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from tests.mutation import place

        began = time.monotonic()
        self.tests = [self.measured(item, next_) for item, next_ in zip(session.items, _turned(session.items), strict=True)]
        tell(f"{len(self.tests)} tests, {time.monotonic() - began:.0f} s")
        self.functions, number, running = place.functions(), 0, dict[int, tuple[Try, int]]()
        with place.at_rest() as self.resting:
            while self.left or running:
                while self.left and len(running) < self.at_once:
                    pid, reader = self.fork(one := self.left.pop())
                    running[pid] = one, reader
                self.end(*running.pop(os.wait()[0]))
                number += 1
                if number % 50 == 0:
                    tell(f"{number}, {len(self.survivors)} survived, {time.monotonic() - began:.0f} s")
        return True

    def run(self, item: pytest.Item, next_: pytest.Item) -> bool:
        """Whether a test passes. The next must be another."""
        self.failed = ""
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=next_)
        return not self.failed

    def measured(self, item: pytest.Item, next_: pytest.Item) -> Test:
        """Run a test on what is right, from a cold start of what is kept."""
        from tests.mutation import place

        place.forget(self.files)
        self.reached, began = set(), time.process_time()
        threading.settrace(self._entered)
        sys.settrace(self._entered)
        passed = self.run(item, next_)
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        if not passed:
            raise pytest.UsageError(f"{item.nodeid} fails without any change: mend it first")
        return Test(item, time.process_time() - began, self.reached)

    def _entered(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        return self._line if frame.f_code.co_filename in self.files else None

    def _line(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            self.reached.add((self.files[frame.f_code.co_filename], frame.f_lineno))
        return self._line

    def concerned(self, one: Try) -> list[pytest.Item]:
        """The tests that reach a mutant, likely ones first. What a module makes is reached by whoever reaches the module."""
        lines = {(one.file, line) for line in one.mutant.lines}
        if not one.mutant.function:
            lines = {reached for test in self.tests for reached in test.reached if reached[0] == one.file}
        found = [test for test in self.tests if test.reached & lines]
        if one.declared:
            found = [test for test in self.tests if test.item.path.name in ON_DECLARATIONS]
        stem = Path(one.file).stem  # of much that is reached by everybody the tests of its own name know most
        found.sort(key=lambda test: (-self.kills[one.alike, test.item.nodeid], stem not in test.item.path.stem, test.seconds))
        spent = itertools.accumulate(test.seconds for test in found)
        return [test.item for test, sum_ in zip(found, spent, strict=True) if sum_ - test.seconds < PATIENCE]

    def fork(self, one: Try | None, proof: str = "") -> tuple[int, int]:
        """Begin a trial, or without a mutant the proof of a test: (the process, where it tells its outcome)."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writer)
            return pid, reader
        try:
            os.write(writer, self.outcome(one, proof).encode()[:4096])
        except BaseException:
            os.write(writer, f"!{traceback.format_exc()[-2000:]}".encode())
        os._exit(0)

    def outcome(self, one: Try | None, proof: str) -> str:
        """In the fork: the test that fails; none if all pass."""
        from tests.mutation import place

        with tempfile.TemporaryDirectory(dir=place.databases.roomy()) as directory:
            place.awake(self.resting, Path(directory))
            place.forget(self.files)
            if one is not None and one.declared:
                declared.put(one.file, one.mutant)
            elif one is not None:
                path = path_of(one.file)
                module = next(m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == path)
                place.put(module, changed(Path(path).read_text(), one.mutant), self.functions[path])
            items = self.concerned(one) if one else [test.item for test in self.tests if test.item.nodeid == proof]
            after = [*items[1:], self.tests[items[-1:] == [self.tests[0].item]].item]
            failing = (item for item, next_ in zip(items, after, strict=bool(items)) if not self.run(item, next_))
            found = next(failing, None)
            return "" if found is None else found.nodeid

    def end(self, one: Try, reader: int) -> None:
        """Take the outcome of a trial. It is made again without a test that cannot pass in a fork."""
        with open(reader) as told:
            said = told.read()
        if said.startswith("!"):
            tell(f"{one} was not tried: {said[1:]}")
            said = ""
        if said and not self.passes(said):
            self.tests = [test for test in self.tests if test.item.nodeid != said]
            self.left.append(one)
            return
        self.kills[one.alike, said] += 1
        if said and self.verbose:
            tell(f"noticed: {one} by {said}")
        if not said:
            self.survivors.append(one)
            tell(f"survived: {one.mutant.lines.start}: {one} ({len(self.concerned(one))} tests reach it)")

    def passes(self, test: str) -> bool:
        """Whether a test passes in a fork without a mutant."""
        if test in self.proved:
            return True
        pid, reader = self.fork(None, test)
        with open(reader) as told:
            failed = told.read()
        os.waitpid(pid, 0)
        if failed:
            tell(f"left out, it does not pass in a fork: {test}")
            return False
        self.proved.add(test)
        return True


def _turned(items: list[pytest.Item]) -> list[pytest.Item]:
    return [*items[1:], items[0]]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", metavar="file")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--verbose", action="store_true", help="tell which test noticed each")
    given = parser.parse_args()
    os.nice(10)
    known = equivalent()
    files = checks.files()
    found = everything([file for file in files if file.startswith(tuple(given.files or [""]))])
    tried = [one for one in found if not {str(one), one.whole} & known]
    tried = random.Random(0).sample(tried, given.sample) if 0 < given.sample < len(tried) else tried
    trials = Trials(tried, given.jobs, given.verbose)
    os.chdir(ROOT)
    if pytest.main([*OPTIONS, *(f"tests/{name}" for name in TESTS)], plugins=[trials]):
        raise SystemExit("No result")
    tell_score(tried, trials.survivors)
    raise SystemExit(1 if trials.survivors else 0)


def everything(files: list[str]) -> list[Try]:
    """All mutants of these files. What is told to be equivalent must be among them."""
    found = [Try(file, mutant) for file in files for mutant in [*checks.mutants_in(file), *declared.mutants(file)]]
    stale = {one for one in equivalent() if one.partition(" ")[0] in files} - {
        name for one in found for name in (str(one), one.whole)
    }
    if stale:
        raise SystemExit("These are equivalent to nothing any more:\n" + "\n".join(sorted(stale)))
    return found


def tell_score(tried: list[Try], survivors: list[Try]) -> None:
    """How many were noticed, by file."""
    for file in dict.fromkeys(one.file for one in tried):
        number, alive = (sum(one.file == file for one in many) for many in (tried, survivors))
        print(f"{file:32} {number - alive:4} of {number:4}")
    number, alive = len(tried), len(survivors)
    print(f"{number - alive} of {number} mutants were noticed ({100 - 100 * alive / number:.1f} %)")


if __name__ == "__main__":
    main()
