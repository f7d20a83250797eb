"""What completes a line: in the shell of `cw`, and in others by the scripts that `cw completion` writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cw.conftest import cw
from tests.cw.test_shell import Person

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(cw completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source <(cw completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "cw completion fish | source"),
}


def offered(monkeypatch, line: str) -> list[str]:
    monkeypatch.setenv("CW_LINE", line)
    return [line.split("\t")[0] for line in cw("completion reply").out.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def there(signed, ready_zone):
    cw("create serviceoffering name=tiny displaytext=tiny cpunumber=1 cpuspeed=500 memory=128")
    cw("create serviceoffering 'name=with space' displaytext=tiny cpunumber=1 cpuspeed=500 memory=128")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("lis", ["list"]),
        ("deployV", ["deployVirtualMachine"]),
        ("list zo", ["zones", "zonesmetrics"]),
        ("list zones na", ["name="]),
        ("list zones name=demo na", []),
        ("list zones id=", ["id=demo"]),
        ("listZones id=d", ["id=demo"]),
        ("list hosts zoneid=demo name=x podid=", ["podid=demo-pod"]),
        ("list hosts resourcestate=x type=R", []),
        ("list zones available=", ["available=true", "available=false"]),
        ("list zones filter=id,nam", ["filter=id,name"]),
        ("deploy virtualmachine serviceofferingid=ti", ["serviceofferingid=tiny"]),
        ("update host id=ready", ["id=ready1", "id=ready2"]),
        ("create tags resourcetype=Zone resourceids=", ["resourceids=demo"]),
        ("create tags resourceids=", []),
        ("list zones -o c", ["csv", "column"]),
        ("list zones --out", ["--output"]),
        ("list nothing at", []),
        ("vm c", ["create", "console"]),
        ("vm create --offering ti", ["tiny"]),
        ("vm create --off", ["--offering"]),
        ("host drain ready", ["ready1", "ready2"]),
        ("set outp", ["output"]),
        ("set output ya", ["yaml"]),
        ("help deploy v", ["virtualmachine"]),
        ("explain", ["explain", "explainAccess"]),
        ("frob ", []),
        ("list zones 'name=a b", []),
    ],
)
def test_what_is_offered(monkeypatch, line, found):
    assert offered(monkeypatch, line) == found


def test_what_has_no_plain_name_is_offered_by_id(monkeypatch):
    found = offered(monkeypatch, "deploy virtualmachine serviceofferingid=")
    assert "serviceofferingid=tiny" in found
    assert not any("space" in text for text in found)
    by_name = offered(monkeypatch, "deploy virtualmachine serviceofferingid=with")
    assert len(by_name) == 1
    assert len(by_name[0].partition("=")[2]) == 36


def test_required_parameters_come_first(monkeypatch):
    assert offered(monkeypatch, "deploy virtualmachine ")[:2] == ["serviceofferingid=", "zoneid="]


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program `cw` on PATH."""
    file = tmp_path / "cw"
    file.write_text(f'#!/bin/sh\nexec {sys.executable} -m cloudwright.cw.main "$@"\n')
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.mark.parametrize(
    ("line", "found"), [("cw list zon", "zones\nzonesmetrics\n"), ("cw list zones id=de", "demo\n"), ("cw vm cr", "create\n")]
)
def test_bash_completes(program, line, found):
    """As bash calls it: with the line and the cursor's place in variables."""
    script = f"""
        source <(cw completion bash)
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDBREAKS=' =:'
        _cw 2>/dev/null
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == found, done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_complete_for_a_person(program, shell):
    """Tab writes the rest of a word of ours and of a value; what it wrote is what is run."""
    start, script = SHELLS[shell]
    person = Person(start)
    try:
        person.type(f"{script}; echo rea''dy\r")
        person.sees("ready")
        person.type("cw vm sto\t")
        person.sees("cw vm stop ")
        person.type("\x15cw list zones id=de\t")
        person.sees("id=demo ")
        person.type("filter=name -o csv\r")
        person.sees("name\r\ndemo")
    finally:
        person.leave()


def test_zsh_completes_by_a_file_in_its_path_of_functions(program, tmp_path):
    (tmp_path / "_cw").write_text(cw("completion zsh").out)
    person = Person(["zsh", "-f", "-i"])
    try:
        person.type(f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -D; echo rea''dy\r")
        person.sees("ready")
        person.type("cw host dra\t")
        person.sees("cw host drain ")
    finally:
        person.leave()


def test_other_shells_are_not_known():
    assert cw("completion tcsh").code == 2
