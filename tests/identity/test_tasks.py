"""Each task of identity: it succeeds, it fails at each step and leaves everything as it was, it dies anywhere and is complete."""

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import CloudError
from cloudwright.core.task import Task
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.model import Account, Domain, KeyPair, User
from tests.conftest import KEY, finished
from tests.identity import scenarios

TASKS = [name.removeprefix("scenario_") for name in vars(scenarios) if name.startswith("scenario_")]
STEPS = {
    "CloseAccount": ["close", "stop"],
    "RemoveAccount": ["close", "clear", "remove"],
    "RemoveDomain": ["close", "clear", "remove"],
    "CloseUser": ["close"],
    "PutKeyInForce": ["put"],
    "RemoveKey": ["remove"],
}


class Death(BaseException):
    """The process ends here."""


def state(cloud, living=True):
    """What callers can meet, but versions."""
    reader, told = cloud.db.read(), {}
    for kind in (Domain, Account, User, KeyPair):
        for row in reader.all(kind):
            hidden = ("version", "failed_logins")
            told[row.uuid] = {k: repr(v) for k, v in row.__dict__.items() if k not in hidden}
    return told


def cloud_with(tmp_path, hook, node="one"):
    made = Cloud(f"sqlite:///{tmp_path / 'cloud.db'}", key=KEY, world=MemoryWorld(), hook=hook, node=node)
    made.install()
    made.start()
    return made


def test_every_task_of_identity_has_its_scenario():
    ours = {name for name, task in Task.by_name.items() if task.__module__.startswith("cloudwright.identity.")}
    assert ours == set(TASKS) == set(STEPS)
    assert {name: [step.name for step in Task.by_name[name].steps] for name in TASKS} == STEPS


@pytest.mark.parametrize("name", TASKS)
def test_it_succeeds(cloud, name):
    start = getattr(scenarios, f"scenario_{name}")(cloud)
    before = state(cloud)
    row = finished(cloud, start().uuid)
    assert (row.state, row.kind_name, row.error) == ("done", name, None)
    assert state(cloud) != before


@pytest.mark.parametrize(("name", "at"), [(name, at) for name in TASKS for at in STEPS[name]])
def test_where_it_fails_all_is_as_it_was(tmp_path, name, at):
    def hook(point, task, step):
        if (point, type(task).__name__, step) == ("do", name, at):
            raise CloudError(f"{name} shall fail at {at}")

    made = cloud_with(tmp_path, hook)
    try:
        start = getattr(scenarios, f"scenario_{name}")(made)
        before = state(made)
        row = finished(made, start().uuid)
        assert row.state == "failed", row.error
        assert "shall fail" in row.error
        gone = {"RemoveDomain": {"remove"}}.get(name, set())  # accounts were removed before: that cannot be taken back
        after = state(made)
        if at in gone:
            assert set(after) < set(before)
            assert all(after[key] == before[key] for key in after)
        elif name == "PutKeyInForce":
            assert not made.db.read().all(KeyPair)
        else:
            assert after == before
    finally:
        made.stop()


@pytest.mark.parametrize("point", ["do", "did", "recorded"])
@pytest.mark.parametrize(("name", "at"), [(name, at) for name in TASKS for at in STEPS[name]])
def test_where_it_dies_another_process_ends_it(tmp_path, name, at, point):
    died = []

    def hook(where, task, step):
        if not died and (where, type(task).__name__, step) == (point, name, at):
            died.append(step)
            raise Death

    made = cloud_with(tmp_path, hook)
    try:
        start = getattr(scenarios, f"scenario_{name}")(made)
        before = state(made)
        row = start()
        for _ in range(2_000):
            if died:
                break
            import time

            time.sleep(0.005)
        assert died
    finally:
        made.kill()
    again = cloud_with(tmp_path, lambda *_: None)
    try:
        ended = finished(again, row.uuid)
        assert ended.state == "done", ended.error
        assert state(again) != before
    finally:
        again.stop()
