"""Hooks of a rolling maintenance: real programs in a directory."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from cloudwright.agent.hook import Hooks, run
from cloudwright.agent.own import Own
from cloudwright.agent.remote import proxy
from cloudwright.agent.state import State
from cloudwright.drivers.error import Refused
from cloudwright.drivers.host.contract import HostAgent
from cloudwright.drivers.work import Work, WorkState
from tests.agent.conftest import Site


def program(directory: Path, name: str, text: str, mode: int = 0o755) -> Path:
    path = directory / name
    directory.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def outcome(path: Path, stage: str = "Maintenance", payload: str = "", seconds: float = 10) -> dict[str, object]:
    return run({"program": str(path), "stage": stage, "payload": payload, "seconds": seconds}, lambda part: None)


def test_a_stage_has_a_hook_where_there_is_a_program_of_its_name(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path / "hooks", tmp_path / "work")
    assert hooks.stages() == []
    program(tmp_path / "hooks", "PreFlight.sh", "true")
    program(tmp_path / "hooks", "Maintenance", "true")
    program(tmp_path / "hooks", "PostMaintenance", "true", mode=0o644)
    program(tmp_path / "hooks", "Other", "true")
    assert hooks.stages() == ["PreFlight", "Maintenance"]
    with pytest.raises(Refused, match="has no hook PostMaintenance"):
        hooks.begin("k", "PostMaintenance", "", 1)
    with pytest.raises(Refused, match=r"has no hook \.\./Maintenance"):
        hooks.begin("k", "../Maintenance", "", 1)


def test_what_a_program_ends_with_is_told(tmp_path: Path) -> None:
    assert outcome(program(tmp_path, "a", 'echo "got $1, $#"'), payload="v 2") == {"output": "got v 2, 1", "avoid": False}
    assert outcome(program(tmp_path, "a", "exit 70"), "PreFlight") == {"output": "", "avoid": True}
    with pytest.raises(Refused, match="hook Maintenance ended with 70"):
        outcome(program(tmp_path, "a", "exit 70"))
    with pytest.raises(Refused, match="hook Maintenance ended with 3: no disk"):
        outcome(program(tmp_path, "a", "echo no disk >&2; exit 3"))
    with pytest.raises(Refused, match=r"did not end within 0\.1 seconds: begun"):
        outcome(program(tmp_path, "a", "echo begun; exec sleep 60"), seconds=0.1)
    with pytest.raises(Refused, match="cannot be run: No such file"):
        outcome(tmp_path / "gone")
    assert outcome(program(tmp_path, "a", "head -c 9000 /dev/zero | tr '\\0' x; echo end"))["output"] == "x" * 4092 + "end"


def test_an_agent_runs_one_beside_itself(tmp_path: Path) -> None:
    program(tmp_path / "hooks", "Maintenance", 'echo "$1" >> ' + str(tmp_path / "ran") + "; echo done")
    own = Own(State(tmp_path), lambda: None, lambda: None)
    assert own.hooks() == ["Maintenance"]
    assert own.work("key").state is WorkState.UNKNOWN
    for _ in range(2):
        own.begin_hook("key", "Maintenance", "v2", 10)
    ended = _ended(own)
    assert (ended.state, ended.result) == (WorkState.DONE, {"output": "done", "avoid": False})
    assert (tmp_path / "ran").read_text() == "v2\n"
    own.cancel("key")
    assert own.work("key").state is WorkState.UNKNOWN


def test_a_server_has_one_run_on_its_host(site: Site) -> None:
    """Over the connection, by the contract; and it outlives the agent that began it."""
    host, state = site.enrolled()
    program(state.directory / "hooks", "Maintenance", 'echo "on $1"')
    agent: HostAgent = proxy(HostAgent, "agent", partial(site.hub.call, host))
    with site.agent(host, state):
        assert agent.hooks() == ["Maintenance"]
        with pytest.raises(Refused, match="has no hook PreFlight"):
            agent.begin_hook("key", "PreFlight", "", 10)
        agent.begin_hook("key", "Maintenance", "v2", 10)
    with site.agent(host, state):
        ended = _ended(agent)
        assert (ended.state, ended.error, ended.result) == (WorkState.DONE, "", {"output": "on v2", "avoid": False})
        agent.cancel("key")
        assert agent.work("key").state is WorkState.UNKNOWN


def _ended(own: HostAgent) -> Work:
    until = time.monotonic() + 60
    while own.work("key").state is WorkState.RUNNING and time.monotonic() < until:
        time.sleep(0.02)
    return own.work("key")
