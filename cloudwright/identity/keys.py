"""API keys of users. The secret key is told to the user itself and to its administrators, by registerUserKeys and getUserKeys."""

from __future__ import annotations

import datetime
import secrets
import time
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Told
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field, many
from cloudwright.identity import model, session
from cloudwright.identity import rule as rules
from cloudwright.identity.authority import govern_user
from cloudwright.identity.model import Account, Domain, KeyPair, KeyRule, Role, User
from cloudwright.identity.owner import shown_path

_RULES: dict[str, Any] = {
    "rule": field(KeyRule.c.rule, "an API name"),
    "permission": field(KeyRule.c.allow, "allow or deny", "string", convert=lambda allow: rules.WORDS[bool(allow)]),
    "description": field(KeyRule.c.description, "what it is for"),
}


class UserKeyView(
    View,
    of=KeyPair,
    key="userapikey",
    joins=[
        (User, User.c.id == KeyPair.c.user_id),
        (Account, Account.c.id == User.c.account_id),
        (Domain, Domain.c.id == User.c.domain_id),
        (Role, Role.c.id == Account.c.role_id),
    ],
):
    """An API key without its secret key."""

    id = field(KeyPair.c.uuid, "the key pair's id")
    name = field(KeyPair.c.name, "its name")
    description = field(KeyPair.c.description, "what it is for")
    apikey = field(KeyPair.c.api_key, "the API key")
    userid = field(User.c.uuid, "whose it is")
    username = field(User.c.username, "the name of that user")
    startdate = field(KeyPair.c.starts, "from when it is accepted", "date")
    enddate = field(KeyPair.c.ends, "until when it is accepted", "date")
    created = field(KeyPair.c.created, "when it was made", "date")
    accounttype = field(Account.c.type_, "the type of the user's account", convert=str)
    accountid = field(Account.c.uuid, "the user's account")
    accountname = field(Account.c.name, "the name of that account")
    roleid = field(Role.c.uuid, "the role of that account")
    roletype = field(Role.c.role_type, "the type of that role")
    rolename = field(Role.c.name, "the name of that role")
    domainid = field(Domain.c.uuid, "the user's domain")
    domain = field(Domain.c.name, "the name of that domain")
    domainpath = field(Domain.c.path, "the path of that domain", convert=shown_path)
    _gone = field(KeyPair.c.gone, "")
    _ends = field(KeyPair.c.ends, "", "double")
    state = computed(lambda row, _: _state(row), "ENABLED, EXPIRED or REMOVED")
    hasannotations = computed(lambda row, _: False, "always false: the API has no comments on keys", "boolean")


def _state(row: dict[str, Any]) -> str:
    if row["_gone"]:
        return "REMOVED"
    return "EXPIRED" if row.get("_ends") and row["_ends"] <= time.time() else "ENABLED"


class NewKeyView(UserKeyView, key="userkeys"):
    """An API key as told to the one who asked for it, and to the one whose it is."""

    permissions = many(KeyRule, KeyRule.c.key_pair_id == KeyPair.c.id, _RULES, "the rules of its own that it has")
    _user = field(KeyPair.c.user_id, "")
    _by = field(KeyPair.c.registered_by, "")
    _secret = field(KeyPair.c.secret_key, "", "string")
    secretkey = computed(
        lambda row, caller: row["_secret"].reveal() if caller.user_id in (row["_user"], row["_by"]) else None, "the secret key"
    )


def remove_user(tx: Tx, user: User) -> None:
    """Take a user from among the living, with its keys and sessions."""
    for pair in tx.all(KeyPair, KeyPair.c.user_id == user.id):
        tx.remove(pair)
    session.cut(tx, [user])
    tx.remove(user)


def set_keys(tx: Tx, user: User, api_key: str, secret: Secret) -> None:
    """Replace all keys of a user by this one."""
    for pair in tx.all(KeyPair, KeyPair.c.user_id == user.id):
        tx.remove(pair)
    tx.insert(KeyPair(user_id=user.id, api_key=api_key, secret_key=secret))


SECRET_TOLD = setting(
    "use.secret.key.in.response",
    False,
    "whether users are told with their newest secret key: to themselves and to root's administrators; by getUser to all theirs",
)


def newest(column: Any) -> Any:
    """Of the API key that a user was given last, of those accepted."""
    its = (KeyPair.c.user_id == User.c.id, KeyPair.c.gone == 0, KeyPair.c.in_force.is_(True))
    return sa.select(column).where(*its).order_by(KeyPair.c.id.desc()).limit(1).scalar_subquery()


SECRET = sa.case((sa.func.lower(SECRET_TOLD.told()) == "true", newest(KeyPair.c.secret_key)))
"""Its secret key, where a setting says that it is told."""


def unnarrowed(caller: Caller) -> None:
    """Refuse to let a key with rules of its own make or read keys that may do more. Raises Denied."""
    if caller.key_id:
        raise Denied(
            "The API key that was used has rules of its own: it makes and reads no keys",
            fix=["use a key without rules, or sign in"],
        )


def check_keys_of(reader: Reader, caller: Caller, user: User) -> None:
    """Refuse to hand out what lets a caller do more than it may. Raises Denied."""
    unnarrowed(caller)
    govern_user(reader, caller, user)
    if user.id == model.SYSTEM_USER:
        raise Denied("User system came with the installation: it has no API keys")


class PutKeyInForce(Task, rank=5):
    """Let an API key be used."""

    pair: int

    @step
    def put(self, tx: Tx) -> None:
        row = tx.get(KeyPair, self.pair)
        if not row.gone and not row.in_force:
            tx.update(row, in_force=True)
        self.say("The API key is accepted from now on")

    @put.undo
    def withdraw(self, tx: Tx) -> None:
        row = tx.get(KeyPair, self.pair)
        if not row.gone:
            tx.remove(row)


class RemoveKey(Task, rank=5):
    """Let an API key be used no more."""

    pair: int

    @step
    def remove(self, tx: Tx) -> None:
        row = tx.get(KeyPair, self.pair)
        if not row.gone:
            tx.remove(row)
        self.say("The API key is not accepted any more")


def _when(moment: datetime.datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


class RegisterUserKeys(Command, answers=NewKeyView, event="REGISTER.USER.KEY", starts=PutKeyInForce):
    """Makes an API key and its secret key for a user."""

    id: Ref[User] = param("the user", use=Use.CHANGE)
    name: str | None = param("a name for the key pair")
    description: str | None = param("what it is for", length=1024)
    start_date: datetime.datetime | None = param("from when it is accepted")
    end_date: datetime.datetime | None = param("until when it is accepted")
    rules: list[dict[str, str]] | None = param(
        "rules of its own, in their order; the first that matches decides, and what none speaks of is denied",
        keys=("rule", "permission", "description"),
    )

    def run(self, tx: Tx, caller: Caller) -> KeyPair:
        check_keys_of(tx, caller, self.id)
        starts, ends = _when(self.start_date), _when(self.end_date)
        if ends is not None and ends <= max(starts or 0.0, tx.now):
            raise ParamError("Parameter enddate: it is not after startdate and now", param="enddate")
        about: dict[str, Any] = {"name": self.name or "", "description": self.description or "", "starts": starts, "ends": ends}
        about["narrowed"] = bool(self.rules)
        keys: dict[str, Any] = {"api_key": secrets.token_urlsafe(64), "secret_key": Secret(secrets.token_urlsafe(64))}
        row = tx.insert(KeyPair(user_id=self.id.id, in_force=False, registered_by=caller.user_id, **about, **keys))
        for sort, entry in enumerate(self.rules or ()):
            rule, allow, description = rules.read_entry(sort, entry)
            tx.insert(KeyRule(key_pair_id=row.id, rule=rule, allow=allow, sort=sort, description=description))
        self.start(tx, PutKeyInForce(pair=row.id), on=row, caller=caller)
        return row


class DeleteUserKeys(Command, event="DELETE.USER.KEY", starts=RemoveKey, form="success", since="4.23.0"):
    """Deletes an API key."""

    key_pair: Ref[KeyPair] = param("the key pair")

    def run(self, tx: Tx, caller: Caller) -> KeyPair:
        check_keys_of(tx, caller, tx.get(User, self.key_pair.user_id))
        self.start(tx, RemoveKey(pair=self.key_pair.id), on=self.key_pair, caller=caller)
        return self.key_pair


EVERYBODY = ("User", "Admin", "DomainAdmin", "ResourceAdmin")


class GetUserKeys(
    Query,
    since="4.10.0",
    authorized=EVERYBODY,
    response={
        "apikey": ("string", "the API key"),
        "secretkey": ("string", "the secret key"),
        "apikeyaccess": ("boolean", "whether the user may call with API keys; absent: as its account says"),
    },
):
    """Tells a user's newest API key and its secret key; of those that are accepted now, if there are any."""

    id: Ref[User] = param("the user", use=Use.CHANGE)

    def run(self, reader: Reader, caller: Caller) -> Told:
        check_keys_of(reader, caller, self.id)
        pairs = reader.all(KeyPair, KeyPair.c.user_id == self.id.id, KeyPair.c.in_force.is_(True))
        told: dict[str, Any] = {} if self.id.api_key_access is None else {"apikeyaccess": self.id.api_key_access}
        now = time.time()
        usable = [pair for pair in pairs if (pair.starts or 0) <= now < (pair.ends or now + 1)]
        for pair in (usable or pairs)[-1:]:
            told |= {"apikey": pair.api_key, "secretkey": pair.secret_key.reveal()}
        return Told("userkeys", [told], one=True)


class ListUserKeys(
    List, answers=UserKeyView, keywords=[KeyPair.c.name], since="4.23.0", authorized=EVERYBODY,
    response={"permissions": ("list", "with showpermissions: the rules of the key")},
):  # fmt: skip
    """Lists API keys without their secret keys: the caller's own; of one user; or, with listall, all that it may change."""

    user: Ref[User] | None = param("only those of this user")
    key_pair: Ref[KeyPair] | None = where(KeyPair.c.id, "only this one")
    api_key_filter: str | None = where(KeyPair.c.api_key, "only the one of this API key")
    show_permissions: bool = param("whether to answer the rules of each key", default=False)
    list_all: bool = param("all that the caller may change", default=False, roles=("Admin", "ResourceAdmin", "DomainAdmin"))

    def run(self, reader: Reader, caller: Caller) -> Told:
        page = super().run(reader, caller)
        for row in page.rows if self.show_permissions else ():
            row["permissions"] = _rules_of(reader, KeyPair.c.uuid == row["id"])
        return page

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if self.user is not None:
            return [("of", KeyPair.c.user_id == sa.bindparam("of"), {"of": self.user.id})]
        if self.list_all or self.key_pair is not None or self.api_key_filter is not None:
            return []
        return [("own", KeyPair.c.user_id == sa.bindparam("caller_user"), {})]


class ListUserKeyRules(
    Query,
    since="4.23.0",
    response={
        "rule": ("string", "an API name"), "permission": ("string", "allow or deny"), "description": ("string", "what it is for"),
    },
):  # fmt: skip
    """Lists the rules that an API key has of its own, beside those of the role."""

    key_pair: Ref[KeyPair] = param("the key pair")

    def run(self, reader: Reader, caller: Caller) -> Told:
        return Told("keypermission", _rules_of(reader, KeyPair.c.id == self.key_pair.id))


def _rules_of(reader: Reader, which: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """The rules of a key in their order."""
    key = sa.select(KeyPair.c.id).where(which).scalar_subquery()
    found = reader.rows(sa.select(KeyRule.t).where(KeyRule.c.key_pair_id == key).order_by(KeyRule.c.sort))
    return [{"rule": row.rule, "permission": rules.WORDS[row.allow], "description": row.description} for row in found]
