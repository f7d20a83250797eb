"""How good are the tests of who may what? Each condition of that code is made wrong, one after another: some test must fail.

    python -m tests.mutation                    # all; prints the score and what survived
    python -m tests.mutation core/access.py     # only that file
    python -m tests.mutation --sample 50        # that many, chosen at random

Works on a copy of the tree below a temporary directory. A survivor is a test that is missing, or changes nothing that could be
seen: those are told in `equivalent.txt`, with the reason.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutation.change import Mutant, mutants

ROOT = Path(__file__).parents[2]
_MATRIX = ("test_matrix_shared.py", "test_matrix.py")
_PROJECT = ("project/test_matrix.py", "project/test_role.py", "project/test_member.py")
TARGETS: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "core/access.py": (frozenset(), (*_MATRIX, *_PROJECT)),
    "core/param.py": (frozenset({"resolve", "_row", "read"}), (*_MATRIX, "test_account.py")),
    "identity/permission.py": (frozenset(), ("test_matrix_roles.py", "test_role.py", "test_keys.py")),
    "identity/project/permit.py": (frozenset(), (*_PROJECT, "test_matrix.py")),
    "identity/project/model.py": (frozenset({"access", "invites_caller", "managed_by_caller"}), (*_MATRIX, *_PROJECT)),
    "identity/model.py": (frozenset({"access"}), _MATRIX),
    "identity/directory/model.py": (frozenset({"access"}), _MATRIX),
    "compute/model.py": (frozenset({"access"}), _MATRIX),
    "storage/model.py": (frozenset({"access", "shared_with_caller"}), _MATRIX),
    "network/model.py": (frozenset({"access"}), _MATRIX),
    "infrastructure/model.py": (frozenset({"access", "_zones_of_others"}), _MATRIX),
    "operations/webhook/model.py": (frozenset({"access"}), _MATRIX),
    "operations/word/annotation.py": (frozenset({"access"}), _MATRIX),
    "core/task.py": (frozenset({"access"}), _MATRIX),
    "identity/owner.py": (frozenset(), ("test_matrix.py", *_PROJECT, "project/test_project.py", "test_account.py")),
    "identity/gate.py": (frozenset(), ("test_gate.py", "test_keys.py", "test_http.py", "test_user_life.py")),
}
"""File -> the functions in question (none: all), and the tests that should notice, below tests/identity."""

PATIENCE = 240  # seconds; a mutant that hangs is noticed, too


class Place:
    """A copy of the tree in which one mutant at a time is tried."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("cloudwright", "tests"):
            ignored = shutil.ignore_patterns("__pycache__", "static", "node_modules")
            shutil.copytree(ROOT / name, directory / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", directory)

    def survives(self, file: str, mutant: Mutant | None) -> bool:
        """Whether all tests pass with the mutant (without one: whether they pass at all)."""
        path = self.directory / "cloudwright" / file
        whole = path.read_text()
        tests = [f"tests/identity/{name}" for name in TARGETS[file][1]]
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
        try:
            path.write_text(mutant.source if mutant else whole)
            with (self.directory / "out").open("wb") as out:
                done = subprocess.run(command, cwd=self.directory, stdout=out, stderr=out, timeout=PATIENCE, check=False)
            return done.returncode == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            path.write_text(whole)


def equivalent() -> set[str]:
    """The mutants that change nothing: `file function what`."""
    lines = Path(__file__).with_name("equivalent.txt").read_text().splitlines()
    return {line.partition("  # ")[0] for line in lines if line and not line.startswith("#")}


def chosen(files: list[str], sample: int) -> list[tuple[str, Mutant]]:
    """What is tried."""
    known = equivalent()
    found = [
        (file, mutant)
        for file in files or TARGETS
        for mutant in mutants((ROOT / "cloudwright" / file).read_text(), TARGETS[file][0])
        if f"{file} {mutant.function} {mutant.what}" not in known
    ]
    return random.Random(0).sample(found, sample) if 0 < sample < len(found) else found


def run(tried: list[tuple[str, Mutant]], at_once: int) -> list[str]:
    """Try them, and answer those that survived."""
    survivors, began = [], time.monotonic()
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        places: queue.Queue[Place] = queue.Queue()
        for number in range(at_once):
            places.put(Place(Path(temporary) / str(number)))

        def one(file: str, mutant: Mutant | None) -> bool:
            place = places.get()
            try:
                return place.survives(file, mutant)
            finally:
                places.put(place)

        for file in {TARGETS[file][1]: file for file, _ in tried}.values():
            if not one(file, None):
                raise SystemExit(f"The tests of {file} fail without any change: mend them first")
        outcomes = {pool.submit(one, file, mutant): (file, mutant) for file, mutant in tried}
        for number, future in enumerate(concurrent.futures.as_completed(outcomes), 1):
            file, mutant = outcomes[future]
            if future.result():
                survivors.append(f"{file} {mutant.function} {mutant.what}")
                print(f"survived: {file}:{mutant.line} {mutant.function} {mutant.what}", flush=True)
            if number % 25 == 0:
                print(f"{number} of {len(tried)}, {len(survivors)} survived, {time.monotonic() - began:.0f} s", flush=True)
    return survivors


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", choices=[[], *TARGETS], metavar="file")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    os.nice(10)
    tried = chosen(given.files, given.sample)
    survivors = run(tried, given.jobs)
    print(f"{len(tried) - len(survivors)} of {len(tried)} mutants were noticed ({100 - 100 * len(survivors) / len(tried):.0f} %)")
    raise SystemExit(1 if survivors else 0)


if __name__ == "__main__":
    main()
