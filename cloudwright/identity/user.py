"""Users: who signs in, by password or API key."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use, lookup
from cloudwright.core.command import Command, Query, Told
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, bad_uuid, param
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.identity import model, password, second_factor, session
from cloudwright.identity.account import ACCESS_WORDS, NewUser, TakesPassword, access_given, add_user, bad_zone, keys_accepted
from cloudwright.identity.authority import govern, govern_user
from cloudwright.identity.forgotten import forget_resets
from cloudwright.identity.keys import SECRET, SECRET_TOLD, check_keys_of, newest, set_keys, unnarrowed
from cloudwright.identity.model import STATE_SHOWN, Account, Domain, KeyPair, Role, User
from cloudwright.identity.owner import OwnedList, account_named
from cloudwright.identity.seed import ROOT_ADMIN_ROLE
from cloudwright.identity.source import check_changeable
from cloudwright.identity.username import claim

BUILT_IN = (model.SYSTEM_USER, model.ADMIN_USER)


def _governs(caller: Caller, row: dict[str, Any]) -> bool:
    """Whether the caller, who sees the user, may change it: only then is it told that there are keys."""
    below = caller.kind is Kind.DOMAIN and row["accounttype"] != model.ADMIN
    return not caller.key_id and (caller.root or below or caller.user_id == row["_id"])


def _may_do_all(caller: Caller, row: dict[str, Any]) -> bool:
    """Whether the caller certainly may whatever the user may. (Of other administrators that takes a comparison of their roles,
    which getUser makes.)"""
    return not caller.key_id and (caller.role_id == ROOT_ADMIN_ROLE or caller.user_id == row["_id"])


class UserView(
    View,
    of=User,
    key="user",
    joins=[
        (Account, Account.c.id == User.c.account_id),
        (Domain, Domain.c.id == User.c.domain_id),
        (Role, Role.c.id == Account.c.role_id),
    ],
):
    """A user; nothing that it signs in with."""

    id = field(User.c.uuid, "the user's id")
    username = field(User.c.username, "the name it signs in with, unique in its domain")
    firstname = field(User.c.first_name, "its first name")
    lastname = field(User.c.last_name, "its last name")
    email = field(User.c.email, "its e-mail address")
    created = field(User.c.created, "when it was made", "date")
    state = field(STATE_SHOWN, "enabled, disabled (also while its directory does not have it) or locked")
    account = field(Account.c.name, "its account")
    accountid = field(Account.c.uuid, "the id of its account")
    accounttype = field(Account.c.type_, "the type of its account", "integer")
    usersource = field(User.c.source, "native: its password is kept here")
    roleid = field(Role.c.uuid, "the role of its account")
    roletype = field(Role.c.role_type, "the type of that role")
    rolename = field(Role.c.name, "the name of that role")
    domainid = field(Domain.c.uuid, "its domain")
    domain = field(Domain.c.name, "the name of its domain")
    timezone = field(User.c.timezone, "its time zone")
    isdefault = field(User.c.id.in_(BUILT_IN), "whether it came with the installation", "boolean")
    is2faenabled = field(User.c.two_factor, "whether it signs in with a second factor")
    is2famandated = field(
        sa.or_(User.c.two_factor_mandated, second_factor.mandated_in(User.c.domain_id)), "whether it must", "boolean"
    )
    _path = field(Domain.c.path, "")
    iscallerchilddomain = computed(
        lambda row, caller: row["_path"] != caller.domain_path, "whether its domain is below the caller's", "boolean"
    )  # users of other domains that one sees are below
    _key = field(newest(KeyPair.c.api_key), "", "string")
    _secret = field(SECRET, "", "string")
    _id = field(User.c.id, "")
    apikey = computed(lambda row, caller: row.get("_key") if _governs(caller, row) else None, "its newest API key")
    secretkey = computed(
        lambda row, caller: row["_secret"].reveal() if "_secret" in row and _may_do_all(caller, row) else None,
        "the secret key to that, where use.secret.key.in.response is true",
    )
    _access = field(User.c.api_key_access, "")
    apikeyaccess = computed(lambda row, _: ACCESS_WORDS[row.get("_access")], "whether it may call with API keys", admin=True)


class CreateUser(NewUser, Command, answers=UserView, event="USER.CREATE"):
    """Makes a user of an account."""

    account: str = param("its account")
    domain: Ref[Domain] | None = param("the domain of the account; without, the caller's own")
    user_id: str | None = param("an id (UUID) for it", check=bad_uuid)
    password_change_required: bool = param("must change the password when it signs in", default=False, since="4.23.0")

    def run(self, tx: Tx, caller: Caller) -> User:
        account = account_named(tx, caller, self.account, self.domain.id if self.domain else caller.domain_id, Use.CHANGE)
        govern(tx, caller, account)
        if account.id == model.SYSTEM_ACCOUNT:
            raise Denied("Account system has no users but its own")
        user = add_user(tx, self, account, self.user_id)
        if self.password_change_required:
            tx.update(user, password_due=True)
        return user


class UpdateUser(
    TakesPassword, Command, answers=UserView, event="USER.UPDATE", port_refused=frozenset({"password", "currentpassword"})
):
    """Changes a user. Whoever changes its own password must give the current one."""

    id: Ref[User] = param("the user", use=Use.CHANGE)
    username: str | None = param("its new name")
    email: str | None = param("its e-mail address")
    first_name: str | None = param("its first name", wire_name="firstname")
    last_name: str | None = param("its last name", wire_name="lastname")
    timezone: str | None = param("its time zone; empty: none", check=bad_zone, clears=True)
    password: Secret | None = param("its new password; it ends all its sessions")
    current_password: Secret | None = param("the password it has now")
    user_api_key: str | None = param("an API key of one's own choice, given with usersecretkey")
    user_secret_key: Secret | None = param("the secret key that belongs to it")
    api_key_access: str | None = param(
        "whether it may call with API keys", choices=tuple(ACCESS_WORDS.values()), roles=("Admin",), since="4.20.1.0"
    )
    mandate_2fa: bool | None = param("must sign in with a second factor", wire_name="mandate2fa", since="4.18.0.0")
    password_change_required: bool | None = param("must change the password when it signs in", since="4.23.0")

    def ask(self, reader: Reader, caller: Caller) -> str | None:
        """The hash that the current password was found to match. That takes 30 ms, for which nobody shall wait."""
        given, known = self.current_password, self.id.password
        return known.reveal() if given is not None and password.matches(known, given.reveal()) else None

    def run(self, tx: Tx, caller: Caller) -> User:
        user = self.id
        govern_user(tx, caller, user)
        if user.id == model.SYSTEM_USER:
            raise Denied("User system came with the installation: it cannot be changed")
        names = ("username", "email", "first_name", "last_name", "timezone")
        values = {name: value for name in names if (value := self.__dict__[name]) is not None}
        if user.id in BUILT_IN and values.get("username", user.username) != user.username:
            raise Denied(f"User {user.username} came with the installation: it cannot be renamed")
        if self.timezone == "":
            values["timezone"] = None
        if "username" in values:
            values["named_in"] = claim(tx, values["username"], tx.get(Account, user.account_id), user.id)
        if self.api_key_access is not None:
            values["api_key_access"] = access_given(self.api_key_access)
        if self.password is not None:
            check_changeable(user)
            values |= {"password": self._new_hash(tx, caller, self.password), "password_due": False}
            session.cut(tx, [user])
            forget_resets(tx, user)
        values |= self._demands(caller)
        if (self.user_api_key is None) != (self.user_secret_key is None):
            raise ParamError("Parameters userapikey and usersecretkey belong together", param="userapikey")
        if self.user_api_key is not None and self.user_secret_key is not None:
            unnarrowed(caller)
            set_keys(tx, user, self.user_api_key, self.user_secret_key)
        if values:
            tx.update(user, **values)
        return user

    def _demands(self, caller: Caller) -> dict[str, bool]:
        """What administrators demand of a user; it cannot free itself of it."""
        asked = {"two_factor_mandated": self.mandate_2fa, "password_due": self.password_change_required}
        demands = {name: asked_for for name, asked_for in asked.items() if asked_for is not None}
        if caller.user_id == self.id.id and not all(demands.values()):
            raise Denied("What is demanded of a user at its sign-in is taken back by an administrator, not by itself")
        return demands

    def _new_hash(self, tx: Tx, caller: Caller, new: Any) -> Secret:
        if caller.user_id == self.id.id and self.current_password is None:
            raise ParamError("Parameter currentpassword: it is needed to change this password", param="currentpassword")
        given = self.current_password
        if given is not None and self.asked != self.id.password.reveal():
            raise ParamError("Parameter currentpassword: it is not the password that the user has now", param="currentpassword")
        password.check_policy(tx, self.id.username, new.reveal(), self.id.domain_id)
        hash: Secret = new.hash
        return hash


class ListUsers(OwnedList, answers=UserView, keywords=[User.c.username, User.c.first_name, User.c.last_name, User.c.email]):
    """Lists users."""

    of_projects = False

    id: str | None = where(User.c.uuid, "only this one", kind="uuid")
    username: str | None = where(User.c.username, "only those of this name")
    state: str | None = where(lambda bind: sa.func.lower(bind) == STATE_SHOWN, "only those enabled, disabled or locked")
    account_type: int | None = where(
        lambda bind: User.c.account_id.in_(sa.select(Account.c.id).where(Account.c.type_ == bind)), "only those of such accounts"
    )
    user_source: str | None = where(
        lambda bind: User.c.source == sa.func.lower(bind), "only those whose password is kept there", since="4.21.0.0"
    )
    api_key_access: str | None = param(
        "only those that say this of API keys", choices=tuple(ACCESS_WORDS.values()), roles=("Admin",), since="4.20.1.0"
    )

    def owner_columns(self) -> tuple[Any, Any]:
        return User.c.account_id, User.c.domain_id

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        said = self.api_key_access
        more = [] if said is None else [keys_accepted(User.c.api_key_access, said)]
        return [*super().narrow(reader, caller), *more]


class GetUser(Query, answers=UserView):
    """Finds the user that an API key belongs to."""

    user_api_key: str = param("the API key", wire_name="userapikey")

    def run(self, reader: Reader, caller: Caller) -> Told:
        key = reader.find(KeyPair, KeyPair.c.api_key == self.user_api_key)
        statement = lookup(User, caller.kind, Use.CHANGE, "id")
        row = reader.one(statement, {"value": key.user_id, **caller.binds()}) if key else None
        if key is None or row is None:
            raise ParamError("Parameter userapikey: there is no user with that key that you may see", param="userapikey")
        user = User.load(row)
        check_keys_of(reader, caller, user)
        told = UserView.tell_one(reader, user.id, caller) | {"apikey": key.api_key}
        if SECRET_TOLD.get(reader):
            told["secretkey"] = key.secret_key.reveal()
        return Told("user", [told], one=True)
