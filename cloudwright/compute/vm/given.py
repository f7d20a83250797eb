"""What an instance's owner gives its guest: a name, user data, a password, keys."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterable

from cloudwright.compute.model import SshKeyPair
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader
from cloudwright.identity.model import Account

USER_DATA_LENGTH = setting(
    "vm.userdata.max.length", 32768, "how long user data may be, in bytes before encoding", minimum=0, maximum=1048576
)
PASSWORD_LENGTH = setting("vm.password.length", 10, "how long generated passwords are", minimum=6, maximum=64)
DENIED = setting(
    "user.vm.denied.details", "rootdisksize, cpuOvercommitRatio, memoryOvercommitRatio, Message.ReservedCapacityFreed.Flag",
    "details of instances, by comma, that users do not set, and are not told by listResourceDetails",
)  # fmt: skip
READ_ONLY = setting(
    "user.vm.readonly.details", "dataDiskController, rootDiskController", "details of instances, by comma, that users do not set"
)
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?").fullmatch
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def bad_host_name(name: str) -> str | None:
    """What is wrong with a name for a guest (RFC 1123)."""
    return None if _LABEL(name) else "is not a host name: letters, digits and inner hyphens, at most 63"


def bad_user_data(text: str) -> str | None:
    """What is wrong with base64 text."""
    try:
        base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return "is not base64"
    return None


def closed_details(reader: Reader, caller: Caller, seen: bool = False) -> set[str]:
    """The details of instances, in lower case, that a caller may not set, or (`seen`) not see."""
    settings = () if caller.root else (DENIED,) if seen else (DENIED, READ_ONLY)
    return {name.strip().lower() for declared in settings for name in declared.get(reader).split(",") if name.strip()}


def check_details(reader: Reader, caller: Caller, names: Iterable[str]) -> None:
    """Raise ParamError for details that are not the caller's to set."""
    wrong = sorted(name for name in names if name.lower() in closed_details(reader, caller))
    if wrong:
        raise ParamError(f"Parameter details: {', '.join(wrong)} can only be set by an administrator", param="details")


def new_password(reader: Reader) -> Secret:
    """A password that people can read aloud: no look-alike letters."""
    return Secret("".join(secrets.choice(_LETTERS) for _ in range(PASSWORD_LENGTH.get(reader))))


def public_keys(tx: Reader, account: Account, names: list[str]) -> str:
    """The public keys of these key pairs of the account, one on a line."""
    if not names:
        return ""
    rows = {row.name: row for row in tx.all(SshKeyPair, SshKeyPair.c.account_id == account.id, SshKeyPair.c.name.in_(names))}
    for name in names:
        if name not in rows:
            raise ParamError(f"Parameter keypair: account {account.name} has no SSH key pair {name!r}", param="keypair")
    return "\n".join(rows[name].public_key for name in names)


def check_user_data(reader: Reader, text: str | None) -> None:
    """Raise ParamError where user data is longer than the setting allows."""
    if text and len(base64.b64decode(text)) > (most := USER_DATA_LENGTH.get(reader)):
        raise ParamError(f"Parameter userdata: it is longer than {most} bytes", param="userdata")
