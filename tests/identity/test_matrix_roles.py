"""Role by command: which commands each of the roles of a new installation may call, held against the API's facts."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from cloudwright.core import param as parameters
from cloudwright.core import signature, wire
from cloudwright.core.error import CloudError
from cloudwright.core.secret import Secret
from cloudwright.identity import permission
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import ADMIN_USER, Account, KeyPair, Role, User
from cloudwright.web.door import face
from cloudwright.web.gate import Request
from tests.identity.matrix import NOTHING, PLAIN, verbs

FACTS = dict(line.split(" ") for line in Path(__file__).with_name("roles.txt").read_text().splitlines())
"""Command -> the numbers of the default roles that may call it, by the rules and the declarations of the API."""

OWN = {
    "cancelJob": "1234",
    "explainAccess": "1234",
    "getOpenApi": "123457",
    "listCapacityHistory": "1257",
    "listJobStory": "123457",
    "resumeJob": "1",
}
"""Commands that CloudStack has not. Roles that only look end with a rule that denies the rest."""


@pytest.fixture(scope="module")
def roles(scene):
    return sorted(scene.db.read().all(Role, Role.c.is_default.is_(True)), key=lambda role: role.id)


def test_the_default_roles_are_those_of_the_api(roles):
    types = [(role.id, role.role_type) for role in roles]
    kinds = ["Admin", "ResourceAdmin", "DomainAdmin", "User", "Admin", "User", "Admin", "User"]
    assert types == list(enumerate(kinds, 1))
    assert [sum(str(role.id) in may for may in FACTS.values()) for role in roles[1:]] == [467, 463, 408, 278, 84, 299, 97]


@pytest.mark.parametrize("number", range(1, 9))
def test_a_role_may_call_what_the_facts_say(scene, roles, number):
    role, reader = roles[number - 1], scene.db.read()
    caller = msgspec.structs.replace(scene.callers["ann"], role_id=role.id, role_type=role.role_type)
    keeper, wrong = Gatekeeper(scene.db), []
    for verb in verbs():
        name = verb.api.name
        may = keeper.permitted(caller, name)
        assert may == permission.allowed(reader, role.id, role.role_type, name)
        if may != (str(number) in (FACTS | OWN)[name]):
            wrong.append((name, may))
    assert wrong == []


def test_every_command_of_the_api_is_among_the_facts():
    assert {verb.api.name for verb in verbs()} - FACTS.keys() == OWN.keys()


@pytest.mark.parametrize(("number", "statuses"), [(1, "200 200 431"), (3, "200 432 431"), (4, "200 432 432"), (6, "200 432 432")])
def test_the_face_refuses_what_the_role_does_not_allow(cloud, roles, number, statuses):
    """By signed requests, as clients send them: something that all may, what root alone may, what administrators may."""
    reader = cloud.db.read()
    admin = reader.get(User, ADMIN_USER)
    account = reader.get(Account, admin.account_id)
    pair = cloud.db.write(lambda tx: tx.insert(KeyPair(user_id=admin.id, api_key="key", secret_key=Secret("secret"))))
    if number != 1:
        cloud.db.write(lambda tx: tx.update(tx.get(Account, account.id), role_id=number))
    served, said = face(cloud), []
    for command in ("listZones", "listImageStores", "createAccount"):
        sent = {"command": command, "response": "json", "apikey": pair.api_key}
        sent["signature"] = signature.sign(next(signature.texts(sent)), "secret")
        said.append(served.handle(Request("GET", "/client/api", urlencode(sent))).status)
    assert " ".join(map(str, said)) == statuses


def _read(p, verb, caller, text):
    try:
        return parameters.read(p, wire.Parameters({p.wire_name: text}), verb.api.name, caller)
    except CloudError as error:  # what it takes is another's test
        return error


def test_a_parameter_for_some_roles_is_not_there_for_others(scene):
    """What is sent of it is as if it had not been sent: no refusal, no effect."""
    told = {True: 0, False: 0}
    for verb in verbs():
        for p in verb.api.params.values():
            if not p.roles or p.required or p.kind == "map":
                continue
            plain = PLAIN | {"uuid": NOTHING, "list": NOTHING, "boolean": "false" if p.default is True else "true"}
            text = p.choices[0] if p.choices else plain[p.kind]
            for who in ("root", "rea", "eva", "ann"):
                caller = scene.callers[who]
                sent, unsent = _read(p, verb, caller, text), _read(p, verb, caller, "")
                may = caller.role_type in p.roles
                assert (sent != unsent) is may, (verb.api.name, p.wire_name, who)
                told[may] += 1
    assert min(told.values()) > 20
