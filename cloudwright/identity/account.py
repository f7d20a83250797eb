"""Accounts: they own resources, have users, and a role that says what these may do."""

from __future__ import annotations

import zoneinfo
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Command, Told, Verb
from cloudwright.core.error import Denied, ParamError, WrongState
from cloudwright.core.event import emit
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, bad_uuid, param
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field, many
from cloudwright.identity import model, password
from cloudwright.identity.authority import govern
from cloudwright.identity.domain import bad_suffix
from cloudwright.identity.limit_view import ByTag
from cloudwright.identity.model import Account, Domain, Role, User
from cloudwright.identity.owner import OwnedList, account_named, shown_path
from cloudwright.identity.permission import guard
from cloudwright.identity.username import claim

TYPES = {"User": model.NORMAL, "Admin": model.ADMIN, "DomainAdmin": model.DOMAIN_ADMIN, "ResourceAdmin": model.RESOURCE_ADMIN}
"""Account types by role type."""
_DEFAULT_ROLES = {model.NORMAL: 4, model.ADMIN: 1, model.DOMAIN_ADMIN: 3, model.RESOURCE_ADMIN: 2}
BUILT_IN = (model.SYSTEM_ACCOUNT, model.ADMIN_ACCOUNT)

_USER_FIELDS = {
    "id": User.c.uuid, "username": User.c.username, "firstname": User.c.first_name, "lastname": User.c.last_name,
    "email": User.c.email, "state": model.STATE_SHOWN, "timezone": User.c.timezone, "usersource": User.c.source,
    "is2faenabled": User.c.two_factor, "created": field(User.c.created, "when it was made", "date"),
}  # fmt: skip

ACCESS_WORDS = {None: "INHERIT", True: "ENABLED", False: "DISABLED"}
"""Whether API keys are accepted, as the API says it."""


class AccountView(
    View, of=Account, key="account", joins=[(Role, Role.c.id == Account.c.role_id), (Domain, Domain.c.id == Account.c.domain_id)]
):
    """An account with its users."""

    id = field(Account.c.uuid, "the account's id")
    name = field(Account.c.name, "its name, unique in its domain")
    accounttype = field(
        Account.c.type_, "0 user, 1 root administrator, 2 domain administrator, 3 resource administrator", "integer"
    )
    roleid = field(Role.c.uuid, "its role")
    roletype = field(Role.c.role_type, "the type of its role")
    rolename = field(Role.c.name, "the name of its role")
    domainid = field(Domain.c.uuid, "its domain")
    domain = field(Domain.c.name, "the name of its domain")
    domainpath = field(Domain.c.path, "the path of its domain", convert=shown_path)
    state = field(Account.c.state, "enabled, disabled or locked")
    iscleanuprequired = computed(lambda row, caller: False, "always false: what a deletion began, it ends", "boolean")
    created = field(Account.c.created, "when it was made", "date")
    networkdomain = field(Account.c.network_domain, "the DNS suffix of its networks")
    accountdetails = field(Account.c.details, "its details", "map")
    isdefault = field(Account.c.id.in_(BUILT_IN), "whether it came with the installation", "boolean")
    user = many(User, User.c.account_id == Account.c.id, _USER_FIELDS, "its users")
    _access = field(Account.c.api_key_access, "")
    apikeyaccess = computed(
        lambda row, _: ACCESS_WORDS[row.get("_access")], "whether its users may call with API keys", admin=True
    )


def bad_zone(name: str) -> str | None:
    """What is wrong with the name of a time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return "is not a time zone such as Europe/Berlin or UTC"
    return None


class TakesPassword(Verb):
    """A command with a password: its hash is made before the transaction."""

    @classmethod
    def read(cls, sent: Any, caller: Caller) -> dict[str, Any]:
        values = super().read(sent, caller)
        given: Secret | None = values["password"]
        return values if given is None else {**values, "password": password.Password(given.reveal())}


class NewUser(TakesPassword):
    """The parameters that tell of a new user."""

    username: str = param("the name to sign in with, unique in the domain")
    password: Secret = param("its password")
    email: str = param("its e-mail address")
    first_name: str = param("its first name", wire_name="firstname")
    last_name: str = param("its last name", wire_name="lastname")
    timezone: str | None = param("its time zone, such as Europe/Berlin", check=bad_zone)


def add_user(tx: Tx, new: NewUser, account: Account, uuid: str | None) -> User:
    """Store a new user of an account."""
    given: Any = new.password
    about: dict[str, Any] = {"first_name": new.first_name, "last_name": new.last_name, "email": new.email}
    password.check_policy(tx, new.username, given.reveal(), account.domain_id)
    where_: dict[str, Any] = {"account_id": account.id, "domain_id": account.domain_id, "uuid": uuid or ""}
    where_["named_in"] = claim(tx, new.username, account)
    return tx.insert(User(username=new.username, password=given.hash, timezone=new.timezone, **about, **where_))


class ChoosesRole(Verb):
    """How commands say what an account that they make may do."""

    account_type: int | None = param("0 user, 1 root administrator, 2 domain administrator, 3 resource administrator", minimum=0)
    role: Ref[Role] | None = param("its role; without, the default one of the account type")


def role_given(reader: Reader, command: ChoosesRole) -> Role:
    """The role that is meant. Raises ParamError where it is none, or contradicts the account type."""
    role, kind = command.role, command.account_type
    if role is not None:
        if kind not in (None, TYPES[role.role_type]):
            text = f"Parameter accounttype: {kind} is not the type of role {role.name} ({role.role_type})"
            raise ParamError(text, param="accounttype", fix=["give roleid alone"])
        check_enabled(role)
        return role
    if kind is None:
        raise ParamError(f"{command.api.name} needs one of the parameters roleid and accounttype", param="roleid")
    if kind not in _DEFAULT_ROLES:
        raise ParamError(f"Parameter accounttype: {kind} is none of 0, 1, 2 and 3", param="accounttype")
    return reader.get(Role, _DEFAULT_ROLES[kind])


def open_account(tx: Tx, name: str, domain: Domain, role: Role, **about: Any) -> Account:
    """Store a new account; `about` is what else is told of it. Raises WrongState where its domain is being deleted."""
    domain = tx.lock(domain)
    if domain.gone or domain.state != "Active":
        raise WrongState(f"Domain {domain.path} is being deleted: no account can be made in it", param="domainid")
    return tx.insert(Account(name=name, domain_id=domain.id, role_id=role.id, type_=TYPES[role.role_type], **about))


class CreateAccount(ChoosesRole, NewUser, Command, answers=AccountView, event="ACCOUNT.CREATE"):
    """Makes an account and its first user."""

    account: str | None = param("its name; without, the user's")
    domain: Ref[Domain] | None = param("its domain; without, the caller's own", use=Use.CHANGE)
    network_domain: str | None = param("the DNS suffix of its networks", check=bad_suffix)
    account_details: dict[str, str] | None = param("details to keep with it")
    account_id: str | None = param("an id (UUID) for the account", check=bad_uuid)
    user_id: str | None = param("an id (UUID) for the user", check=bad_uuid)

    def run(self, tx: Tx, caller: Caller) -> Account:
        role = role_given(tx, self)
        guard(tx, caller, role)
        about = {"network_domain": self.network_domain, "details": self.account_details or {}, "uuid": self.account_id or ""}
        row = open_account(tx, self.account or self.username, self.domain or tx.get(Domain, caller.domain_id), role, **about)
        user = add_user(tx, self, row, self.user_id)
        emit(tx, "USER.CREATE", f"Made user {user.username} of account {row.name}", about=user, caller=caller)
        return row


def check_enabled(role: Role) -> None:
    """Refuse to give a role that is switched off. Raises ParamError."""
    if role.state != "Enabled":
        text = f"Parameter roleid: role {role.name} is disabled; users with it could call nothing"
        raise ParamError(text, param="roleid", fix=["enable the role first (enableRole)"])


class NamesAccount(Verb):
    """How commands name the account that they change: by id, or by name and domain."""

    id: Ref[Account] | None = param("the account", use=Use.CHANGE)
    account: str | None = param("its name, given with domainid, instead of id")
    domain: Ref[Domain] | None = param("its domain; without, the caller's own")


def named(tx: Tx, caller: Caller, command: NamesAccount) -> Account:
    """The account that a command names and its caller may change. Raises ParamError or Denied."""
    row = command.id
    if row is None:
        if command.account is None:
            raise ParamError("One of the parameters id and account is needed", param="id")
        row = account_named(tx, caller, command.account, command.domain.id if command.domain else caller.domain_id, Use.CHANGE)
    govern(tx, caller, row)
    return row


def not_own(caller: Caller, account: Account, what: str) -> None:
    """Refuse for the caller's own account, and for those that came with the installation."""
    if account.id in BUILT_IN:
        raise Denied(f"Account {account.name} came with the installation: it cannot be {what}")
    if account.id == caller.account_id:
        raise Denied(f"Account {account.name} is the caller's own: it cannot be {what} by itself")


def access_given(word: str) -> bool | None:
    """What a parameter `apikeyaccess` says."""
    return {"ENABLED": True, "DISABLED": False}.get(word.upper())


class UpdateAccount(NamesAccount, Command, answers=AccountView, event="ACCOUNT.UPDATE"):
    """Changes an account."""

    role: Ref[Role] | None = param("its new role")
    new_name: str | None = param("its new name, unique in its domain")
    network_domain: str | None = param("the DNS suffix of its networks; empty: its domain's", check=bad_suffix, clears=True)
    account_details: dict[str, str] | None = param("details to keep with it, instead of the old ones")
    api_key_access: str | None = param(
        "whether its users may call with API keys", choices=tuple(ACCESS_WORDS.values()), roles=("Admin",), since="4.20.1.0"
    )

    def run(self, tx: Tx, caller: Caller) -> Account:
        row = named(tx, caller, self)
        if row.id == model.SYSTEM_ACCOUNT:
            raise Denied("Account system came with the installation: it cannot be changed")
        changes = {"name": self.new_name, "network_domain": self.network_domain, "details": self.account_details}
        values: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        if self.network_domain == "":
            values["network_domain"] = None
        if self.role is not None:
            check_enabled(self.role)
            guard(tx, caller, self.role)
            if row.id in (model.ADMIN_ACCOUNT, caller.account_id):
                raise Denied(f"The role of account {row.name} cannot be changed: it is the caller's own or the installation's")
            values |= {"role_id": self.role.id, "type_": TYPES[self.role.role_type]}
        if self.api_key_access is not None:
            values["api_key_access"] = access_given(self.api_key_access)
        if values:
            tx.update(row, **values)
        return row


SHOWN = setting(
    "allow.user.view.all.domain.accounts",
    False,
    "whether users are told the names of all accounts of their domain, for instance to share something with them",
    scopes=("domain",),
)
_TOLD = {"id", "name", "accounttype", "state", "created", "domainid", "domain", "domainpath", "networkdomain", "isdefault"}


class ListAccounts(ByTag, OwnedList, answers=AccountView, keywords=[Account.c.name]):
    """Lists accounts. What a user is told of others than its own, where that is allowed, is little more than their names."""

    of_projects = False  # they have accounts, which are left out whoever asks

    id: str | None = where(Account.c.uuid, "only this one", kind="uuid")
    name: str | None = where(Account.c.name, "only those of this name")
    account_type: int | None = where(Account.c.type_, "only those of this type")
    state: str | None = where(lambda bind: Account.c.state == sa.func.lower(bind), "only those enabled, disabled or locked")
    is_cleanup_required: bool | None = param("true: those whose deletion was left half done; there are none")
    api_key_access: str | None = param(
        "only those that say this of API keys", choices=tuple(ACCESS_WORDS.values()), roles=("Admin",), since="4.20.1.0"
    )

    def owner_columns(self) -> tuple[Any, Any]:
        return Account.c.id, Account.c.domain_id

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        shown = {"shown": caller.domain_id if SHOWN.get(reader, domain=caller.domain_id) else 0}
        more: list[tuple[str, Condition, dict[str, Any]]] = [("no project's", Account.c.type_ != model.PROJECT, shown)]
        if self.is_cleanup_required:
            more.append(("half done", sa.false(), {}))
        if self.api_key_access is not None:
            more.append(keys_accepted(Account.c.api_key_access, self.api_key_access))
        return [*super().narrow(reader, caller), *more]

    def scope(self, caller: Caller) -> Condition | None:
        """Beside the access rule, which lets a user act for its own account: those that it is only told of."""
        reached = super().scope(caller)
        if reached is None or caller.kind is not Kind.USER:
            return reached
        return sa.or_(reached, Account.c.domain_id == sa.bindparam("shown"))

    def run(self, reader: Reader, caller: Caller) -> Told:
        told = super().run(reader, caller)
        for row in told.rows if caller.kind is Kind.USER else ():
            if row["id"] != caller.account_uuid:
                for name in row.keys() - _TOLD:
                    del row[name]
        return told

    def left_out(self, shapes: tuple[str, ...]) -> Any:
        return Account.c.type_ == model.PROJECT if shapes == ("no project's",) else None


def keys_accepted(column: Any, word: str) -> tuple[str, Condition, dict[str, Any]]:
    """The condition of a filter `apikeyaccess`."""
    return f"keys {word.upper()}", column.is_(access_given(word)), {}
