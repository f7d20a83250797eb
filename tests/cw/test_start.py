"""Starting is quick because nothing is imported that is not needed: what `cw --help` and a completion load."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"yaml", "jmespath", "prompt_toolkit", "ssl", "http.client", "argparse", "subprocess", "concurrent.futures"}


@pytest.mark.parametrize(("words", "line"), [(["--help"], ""), (["completion", "reply"], "list zones na"), (["list", "-h"], "")])
def test_what_is_not_needed_is_not_imported(signed, ready_zone, monkeypatch, words, line):
    program = [sys.executable, "-X", "importtime", "-m", "cloudwright.cw.main"]
    subprocess.run([*program, "sync"], capture_output=True, check=True, timeout=60)
    monkeypatch.setenv("CW_LINE", line)
    done = subprocess.run([*program, *words], capture_output=True, text=True, check=True, timeout=60)
    names = {told.rpartition("|")[2].strip() for told in done.stderr.splitlines()}
    assert done.stdout
    assert "cloudwright.cw.options" in names
    assert names & HEAVY == set()
    assert not [name for name in names if name.startswith("cloudwright.") and not name.startswith("cloudwright.cw")]
