"""Every line of docs/howto/command-line.md is run, and every line of an answer it shows is in that answer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cloudwright.cw.failure import CODES

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "command-line.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "=== "


def steps() -> list[tuple[str, list[str]]]:
    """The page's lines to type, each with the lines that it shows as an answer."""
    found: list[tuple[str, list[str]]] = []
    for kind, block in BLOCK.findall(PAGE.read_text()):
        if kind == "shell":
            found.append((f"cw shell <<'END'\n{block.replace(chr(10) + 'exit', '')}END", []))
            continue
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


@pytest.fixture
def answers(server, ready_zone, tmp_path) -> list[str]:
    """What each line answered, run one after another by one bash."""
    (tmp_path / "cw").write_text(f'#!/bin/sh\nexec {sys.executable} -m cloudwright.cw.main "$@"\n')
    (tmp_path / "cw").chmod(0o755)
    host = server.url.removeprefix("http://").removesuffix("/client/api")
    lines = [line.replace("127.0.0.1:8080", host) for line, _ in steps()]
    script = "\n".join(f"echo '{MARK}'\n{line}\ncode=$?; [ $code = 0 ] || echo failed with $code" for line in lines)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(PAGE.parents[2])}
    done = subprocess.run(
        ["bash", "-c", script], input=server.password + "\n", env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=True, timeout=200, cwd=tmp_path,
    )  # fmt: skip
    return [part.replace(host, "127.0.0.1:8080") for part in done.stdout.split(f"{MARK}\n")[1:]]


def test_every_line_of_the_page_does_what_it_says(answers):
    wrong = []
    for (line, shown), answer in zip(steps(), answers, strict=True):
        patterns = [re.escape(text).replace("…", ".*") for text in shown]
        missing = [text for text in patterns if not re.search(f"^{text}", answer, re.MULTILINE)]
        if missing or "failed with" in answer or "Traceback" in answer:
            wrong.append((line, missing, answer))
    assert wrong == []


def test_the_page_tells_every_exit_code():
    told = dict(re.findall(r"^\| (\d+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE))
    assert told == {str(code): meaning for code, meaning in CODES.items()}
