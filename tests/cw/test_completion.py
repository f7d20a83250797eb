"""What completes a line: in the shell, and in bash by the script that `cw completion bash` writes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cw.conftest import cw


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


@pytest.mark.parametrize(
    ("line", "found"), [("cw list zon", "zones\nzonesmetrics\n"), ("cw list zones id=de", "demo\n"), ("cw vm cr", "create\n")]
)
def test_bash_completes(tmp_path, line, found):
    """As bash calls it: with the line and the cursor's place in variables."""
    program = tmp_path / "cw"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cloudwright.cw.main "$@"\n')
    program.chmod(0o755)
    script = f"""
        PATH={tmp_path}:$PATH
        source <(cw completion bash)
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDBREAKS=' =:'
        _cw 2>/dev/null
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == found, done.stderr


def test_scripts_for_the_other_shells():
    assert cw("completion zsh").out.startswith("#compdef cw\n")
    assert "complete -c cw" in cw("completion fish").out
    assert cw("completion tcsh").code == 2
