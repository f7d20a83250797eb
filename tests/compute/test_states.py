"""Commands tell in which states of an instance they are of use; in others they are refused."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.command import Command, Verb
from cloudwright.core.error import CloudError, WrongState
from cloudwright.identity.caller import root_caller
from tests.compute.test_vm import deploy, zone  # noqa: F401 - a fixture
from tests.conftest import call
from tests.infrastructure.zone import Built

STATES = ("Running", "Stopped", "Starting", "Stopping", "Migrating", "Error", "Unknown", "Destroyed", "Expunging")
REPEATED = {"stopVirtualMachine": "Stopped"}
"""What is allowed though it is of no use: the same once more is no mistake."""


def commands() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Commands that need nothing but an instance: by name, the parameter that names it, and the states they tell."""
    found = {}
    for name, verb in Verb.by_name.items():
        needed = [p for p in verb.api.params.values() if p.required]
        if issubclass(verb, Command) and verb.api.states and len(needed) == 1 and needed[0].refers is Vm:
            found[name] = (needed[0].wire_name, verb.api.states)
    return found


def refused(cloud: Cloud, command: str, **params: str) -> type[CloudError] | None:
    """As what a dry run is refused."""
    try:
        call(cloud, root_caller(cloud.db.read()), command, dryrun="true", **params)
    except CloudError as error:
        return type(error)
    return None


def test_what_is_told_is_what_is_refused(cloud: Cloud, zone: Built) -> None:  # noqa: F811 - a fixture
    vm = deploy(cloud, zone, name="web")
    asked = commands()
    assert {"startVirtualMachine", "rebootVirtualMachine", "recoverVirtualMachine", "createConsoleEndpoint"} <= set(asked)
    for state in STATES:
        cloud.db.write(lambda tx, state=state: tx.update(tx.get(Vm, vm.id), state=state))
        for command, (param, states) in asked.items():
            error = refused(cloud, command, **{param: vm.uuid})
            if state in states or REPEATED.get(command) == state:
                assert error is not WrongState, (command, state)
            else:
                assert error is not None, (command, state)


@pytest.mark.parametrize(("command", "key", "told"), [
    ("startVirtualMachine", "states", ["Stopped"]),
    ("detachVolume", "has", "virtualmachineid"),
    ("attachVolume", "lacks", "virtualmachineid"),
])  # fmt: skip
def test_the_catalogue_tells_it(cloud: Cloud, command: str, key: str, told: object) -> None:
    assert call(cloud, root_caller(cloud.db.read()), "listApis", name=command)["api"][0][key] == told
