"""What parameters declare of who may, held against what is known of the API: which take only what is the caller's to change, and
which are there for some roles alone. That the declarations hold is shown by the matrix, which is made from them."""

from __future__ import annotations

from pathlib import Path

from cloudwright.core.access import Use
from tests.identity.matrix import references, verbs
from tests.mutation.declared import told_apart

FACTS = Path(__file__).with_name("parameters.txt").read_text().splitlines()
"""`command parameter`, and how: `change`, or the types of roles."""


def test_each_parameter_is_for_the_roles_that_the_facts_say(scene):
    found = {
        f"{verb.api.name} {p.wire_name} {' '.join(p.roles)}" for verb in verbs() for p in verb.api.params.values() if p.roles
    }
    assert found == {line for line in FACTS if not line.endswith(" change")}


def test_what_a_command_changes_must_be_the_callers_to_change(scene):
    found = {f"{verb.api.name} {p.wire_name} change" for verb, p in references() if p.use is Use.CHANGE and told_apart(p)}
    assert found == {line for line in FACTS if line.endswith(" change")}
