"""An installation to send bad input to: a zone, two tenants, one row of every kind for each; nothing in it moves."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import sqlalchemy as sa
from msgspec import Struct

from cloudwright.cloud import Cloud
from cloudwright.core import plan, signature
from cloudwright.core.access import Caller, Use, lookup
from cloudwright.core.command import Command
from cloudwright.core.resource import Resource, metadata
from cloudwright.core.run import Runner
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import KeyPair, User
from cloudwright.infrastructure import authority
from cloudwright.web.door import face
from cloudwright.web.gate import Request
from tests.conftest import call, done
from tests.identity.conftest import account
from tests.identity.estate import estate, project_of
from tests.infrastructure.zone import simulated_zone

NAT = "DefaultIsolatedNetworkOfferingWithSourceNatService"
SEEDED = {"account", "user_", "role", "role_rule", "domain", "region"}
"""Kinds of which the first rows are the installation's own: nobody may touch them."""

_TOUCHED = sa.text("SELECT name FROM touched")
BEATS = {"server"}
"""Tables that change by themselves."""


class Told(Struct):
    """An answer, read."""

    status: int
    body: dict[str, Any]
    raw: str

    @property
    def text(self) -> str:
        return str(self.body.get("errortext", ""))

    @property
    def param(self) -> str | None:
        return self.body.get("param")


class Undone(Runner):
    """Runs commands to their end, then rolls back what they did: each call meets the same house."""

    def _transact(self, tx: Any, verb: type[Command], caller: Caller, values: dict[str, Any], planned: Any) -> dict[str, Any]:
        raise plan.DryRun(super()._transact(tx, verb, caller, values, planned))


class Complaints(logging.Handler):
    """What the server's log calls an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class House:
    """Asks as somebody over the wire, and sees whether the database was written to."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.root = root_caller(cloud.db.read())
        self.zone = simulated_zone(cloud, hosts=1).zone.uuid
        self.ann, self.ods = self._tenant("ann"), self._tenant("ods")
        self._settle(self.root, self.ann)
        cloud.db.write(authority.current)  # one that can sign, before those of the estate
        estate(cloud, [self.root, self.ann, self.ods])
        for who in (self.root, self.ann, self.ods):
            cloud.db.write(lambda tx, who=who: project_of(tx, who))
        self._keys = {who.account: self._key(who) for who in (self.root, self.ann)}
        cloud.engine.stop()
        cloud.runner = Undone(cloud.db)
        self._face = face(cloud)
        self._watch()
        self.complaints = Complaints()
        logging.getLogger("cloudwright").addHandler(self.complaints)

    def _tenant(self, name: str) -> Caller:
        domain = call(self.cloud, self.root, "createDomain", name=f"of-{name}")["domain"]["id"]
        account(self.cloud, self.root, name, 0, domain)
        reader = self.cloud.db.read()
        user = reader.find(User, User.c.username == name)
        assert user is not None
        return caller_of(reader, user)

    def _settle(self, *tenants: Caller) -> None:
        """A running instance for each, on a network with a public address, a rule and a data disk: what there is to refer to."""
        offering = call(self.cloud, self.root, "listNetworkOfferings", name=NAT)["networkoffering"][0]["id"]
        template = call(self.cloud, self.root, "listTemplates", templatefilter="featured")["template"][0]["id"]
        size = call(self.cloud, self.root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
        disk = call(self.cloud, self.root, "listDiskOfferings", name="Small")["diskoffering"][0]["id"]
        for who in tenants:
            network = call(self.cloud, who, "createNetwork", name="n", zoneid=self.zone, networkofferingid=offering)["network"][
                "id"
            ]
            place = {"zoneid": self.zone, "templateid": template, "serviceofferingid": size, "networkids": network}
            done(self.cloud, who, "deployVirtualMachine", name=f"vm-{who.account}", diskofferingid=disk, **place)
            address = done(self.cloud, who, "associateIpAddress", networkid=network).instance_uuid
            rule = {"protocol": "tcp", "startport": 80, "endport": 80}
            done(self.cloud, who, "createFirewallRule", ipaddressid=address, **rule)

    def _key(self, who: Caller) -> tuple[str, str]:
        done(self.cloud, self.root, "registerUserKeys", id=who.user_uuid)
        pair = self.cloud.db.read().find(KeyPair, KeyPair.c.user_id == who.user_id)
        assert pair is not None
        return pair.api_key, pair.secret_key.reveal()

    def _watch(self) -> None:
        """Every change to a row leaves a mark."""
        with self.cloud.db.engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE touched (name TEXT)")
            for name in metadata.tables.keys() - BEATS:
                for verb in ("INSERT", "UPDATE", "DELETE"):
                    mark = f"INSERT INTO touched VALUES ('{verb} {name}')"
                    connection.exec_driver_sql(f'CREATE TRIGGER "on_{verb}_{name}" AFTER {verb} ON "{name}" BEGIN {mark}; END')

    def touched(self) -> list[str]:
        """What was changed since the house was built."""
        return [row[0] for row in self.cloud.db.read().rows(_TOUCHED)]

    def ask(self, who: Caller, command: str, sent: dict[str, str], method: str = "GET", style: str = "json") -> Told:
        """Send a signed call."""
        key, secret = self._keys[who.account]
        asked = {"command": command, "response": style, "apikey": key, **sent}
        asked["signature"] = signature.sign(next(signature.texts(asked)), secret)
        text = urlencode(asked)
        if method == "GET":
            answer = self._face.handle(Request("GET", "/client/api", text))
        else:
            form = {"content-type": "application/x-www-form-urlencoded"}
            answer = self._face.handle(Request("POST", "/client/api", "", text.encode(), form))
        raw = answer.body.decode()
        return Told(answer.status, _json(raw) if style == "json" else _xml(raw), raw)

    def mine(self, kind: type[Resource], who: Caller, use: Use) -> Resource | None:
        """A row of a kind that somebody may use so: the first, or of what came with the installation the last."""
        rows = [row for row in self.cloud.db.read().all(kind) if self._may(who, row, use)]
        return rows[-1 if kind.kind in SEEDED else 0] if rows else None

    def foreign(self, kind: type[Resource], who: Caller) -> Resource | None:
        """A row of a kind that somebody may not even see."""
        rows = self.cloud.db.read().all(kind)
        return next((row for row in rows if not any(self._may(who, row, use) for use in Use)), None)

    def _may(self, who: Caller, row: Resource, use: Use) -> bool:
        statement = lookup(type(row), who.kind, use, "id")
        return self.cloud.db.read().one(statement, {"value": row.id, **who.binds()}) is not None


def _json(raw: str) -> dict[str, Any]:
    (body,) = json.loads(raw).values()
    return dict(body)


def _xml(raw: str) -> dict[str, Any]:
    return {element.tag: element.text for element in ElementTree.fromstring(raw)}
