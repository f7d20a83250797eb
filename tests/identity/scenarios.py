"""For each task of identity: prepares a cloud, and answers what starts the task there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.core.setting import Setting
from cloudwright.core.task import TaskRow
from cloudwright.identity.caller import root_caller
from cloudwright.identity.model import User
from tests.conftest import call, done
from tests.identity.mailbox import Mailbox

Start = Callable[[Cloud], TaskRow]
_ABOUT = {"password": "correct horse", "email": "t@example.org", "firstname": "T", "lastname": "N"}


def _domain(cloud: Cloud) -> str:
    id: str = call(cloud, root_caller(cloud.db.read()), "createDomain", name="tenant")["domain"]["id"]
    return id


def _account(cloud: Cloud, domain: str) -> Any:
    root = root_caller(cloud.db.read())
    return call(cloud, root, "createAccount", username="tenant", accounttype=0, domainid=domain, **_ABOUT)["account"]


def _starts(_: Cloud, command: str, **params: Any) -> Start:
    def start(cloud: Cloud) -> TaskRow:
        job = call(cloud, root_caller(cloud.db.read()), command, **params)["jobid"]
        row = cloud.db.read().find(TaskRow, TaskRow.c.uuid == job)
        assert row is not None
        return row

    return start


def scenario_CloseAccount(cloud: Cloud) -> Start:
    return _starts(cloud, "disableAccount", id=_account(cloud, _domain(cloud))["id"], lock="false")


def scenario_RemoveAccount(cloud: Cloud) -> Start:
    return _starts(cloud, "deleteAccount", id=_account(cloud, _domain(cloud))["id"])


def scenario_RemoveDomain(cloud: Cloud) -> Start:
    domain = _domain(cloud)
    _account(cloud, domain)
    call(cloud, root_caller(cloud.db.read()), "createDomain", name="below", parentdomainid=domain)
    return _starts(cloud, "deleteDomain", id=domain, cleanup="true")


def scenario_CloseUser(cloud: Cloud) -> Start:
    return _starts(cloud, "disableUser", id=_account(cloud, _domain(cloud))["user"][0]["id"])


def scenario_PutKeyInForce(cloud: Cloud) -> Start:
    return _starts(cloud, "registerUserKeys", id=_account(cloud, _domain(cloud))["user"][0]["id"])


def scenario_RemoveKey(cloud: Cloud) -> Start:
    user = _account(cloud, _domain(cloud))["user"][0]["id"]
    keys = {"userapikey": "key", "usersecretkey": "secret"}
    root = root_caller(cloud.db.read())
    call(cloud, root, "updateUser", id=user, **keys)
    number = cloud.db.read().find(User, User.c.uuid == user)
    assert number is not None
    pair = call(cloud, root, "listUserKeys", userid=user)["userapikey"][0]["id"]
    return _starts(cloud, "deleteUserKeys", keypairid=pair)


def _project(cloud: Cloud) -> str:
    tenant = _account(cloud, _domain(cloud))
    root = root_caller(cloud.db.read())
    row = done(cloud, root, "createProject", name="apollo", accountid=tenant["id"])
    return row.instance_uuid


def scenario_StopProject(cloud: Cloud) -> Start:
    return _starts(cloud, "suspendProject", id=_project(cloud))


def scenario_RemoveProject(cloud: Cloud) -> Start:
    id = _project(cloud)
    root = root_caller(cloud.db.read())
    call(cloud, root, "createSSHKeyPair", name="k", projectid=id)
    return _starts(cloud, "deleteProject", id=id, cleanup="true")


def scenario_MailInvitation(cloud: Cloud) -> Start:
    id = _project(cloud)
    post = Mailbox()
    threading.Thread(target=post.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    values = {"smtp.host": "127.0.0.1", "smtp.port": str(post.port), "email.sender": "cloud@example.org"}
    for name, value in values.items():
        cloud.db.write(lambda tx, name=name, value=value: Setting.by_name[f"project.{name}"].set(tx, value))
    return _starts(cloud, "addAccountToProject", projectid=id, email="guest@example.org")
