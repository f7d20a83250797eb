"""Names of users: one user of a name in a domain or, where a setting says so, one in each of its accounts."""

from __future__ import annotations

from cloudwright.core.error import ParamError
from cloudwright.core.setting import setting
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Account, Domain, User

SEVERAL = setting(
    "user.allow.multiple.accounts",
    False,
    "whether accounts of a domain may have users of the same name; a password signs in the first of them whose it is",
    scopes=("domain",),
)


def claim(tx: Tx, username: str, account: Account, but: int = 0) -> int:
    """What `User.named_in` is to be of a user of that name (another than the user of id `but`). Raises ParamError where the name
    is taken."""
    several = SEVERAL.get(tx, domain=account.domain_id)
    for other in tx.all(User, User.c.domain_id == account.domain_id, User.c.username == username):
        if other.id != but and (other.account_id == account.id or not several):
            path, whose = tx.get(Domain, account.domain_id).path, tx.get(Account, other.account_id).name
            text = f"Parameter username: there is already a user {username} in domain {path}, of account {whose}"
            raise ParamError(text, param="username", fix=["give another", "use the one that is there"])
    return account.id if several else 0
