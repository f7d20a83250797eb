"""What is set as a secret leaves by no way: answers, plans, lists, events, webhooks, logs, errors."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import CloudError
from cloudwright.core.event import Event
from cloudwright.core.resource import Resource
from cloudwright.core.setting import Setting
from cloudwright.operations.webhook.model import Delivery
from tests.conftest import call

WORD = "hunter2-never-told"


def secrets() -> list[str]:
    return sorted(name for name, declared in Setting.by_name.items() if declared.secret)


@pytest.fixture
def hook(cloud: Cloud, root: Caller) -> Any:
    call(cloud, root, "updateConfiguration", name="webhook.allowed.internal.sites", value="127.0.0.0/8")
    return call(cloud, root, "createWebhook", name="all", payloadurl="http://127.0.0.1:9/", scope="Global", state="enabled")


def test_secret_settings_leave_by_no_way(
    cloud: Cloud, root: Caller, chief: Caller, hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []

    def ask(caller: Caller, command: str, **params: Any) -> None:
        try:
            told.append(str(call(cloud, caller, command, **params)))
        except CloudError as error:
            told.append(str((error.text, error.param, error.why, error.fix)))

    domain = {"domainid": chief.domain_uuid}
    for name in secrets():
        scopes: list[dict[str, Any]] = [{}, *([domain] if "domain" in Setting.by_name[name].scopes else [])]
        for scope in scopes:
            for more in ({"dryrun": "true"}, {"clienttoken": f"t {name} {scope}"}):
                ask(root, "updateConfiguration", name=name, value=WORD, **scope, **more)
            ask(chief, "updateConfiguration", name=name, value=WORD, **scope)
            for caller in (root, chief):
                for more in ({}, {"allscopes": "true"}, scope):
                    ask(caller, "listConfigurations", name=name, **more)
        known = Setting.by_name[name].reveal(cloud.db.read())
        assert known is not None
        assert known.reveal() == WORD, "else nothing would be shown here"
    ask(root, "listEvents", listall="true", pagesize=-1)
    reader = cloud.db.read()
    rows: list[Resource] = [*reader.all(Event), *reader.all(Delivery)]
    assert any(isinstance(row, Delivery) for row in rows)
    told += [str(row.values()) for row in rows]
    for name in secrets():
        ask(root, "resetConfiguration", name=name)
    assert len(told) > 20
    assert [text for text in [*told, caplog.text] if WORD in text] == []
