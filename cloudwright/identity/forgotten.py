"""A forgotten password: a letter with a link that sets a new one, once, within minutes.

Whether there is such a user is told to nobody: the answer is the same, and as quick, because letters are written by a thread of
their own.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import smtplib
import threading
import time
from urllib.parse import urlencode

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Exchange, Success
from cloudwright.core.db import Database
from cloudwright.core.error import ParamError, Unavailable, Unsupported
from cloudwright.core.event import emit
from cloudwright.core.param import param
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity import mail, password, session
from cloudwright.identity.caller import IN_FORCE, JOINED
from cloudwright.identity.model import Domain, PasswordReset, User
from cloudwright.identity.source import source_of

log = logging.getLogger(__name__)

ENABLED = setting("user.password.reset.enabled", False, "whether users who forgot their password get a letter")
MINUTES = setting("user.password.reset.ttl", 30, "minutes that the link in such a letter holds", minimum=1)
PAGE = setting("user.password.reset.mail.domain.url", "", "the console's address, for the link in such a letter")
TEMPLATE = setting(
    "user.password.reset.mail.template",
    "Hello {{username}}!\n\nSomebody, hopefully you, asked for a new password. Set it here:\n\n{{{resetLink}}}\n\n"
    "If it was not you, do nothing.\n",
    "what such a letter says; {{username}}, {{firstName}}, {{lastName}}, {{{resetLink}}} and {{token}} are filled in",
)
_BETWEEN = 60.0  # seconds between two letters to one user
_CLERKS = threading.BoundedSemaphore(4)  # letters written at once; more requests are dropped: it is a crowd, not people

_WHO = (
    sa.select(User.t)
    .select_from(JOINED)
    .where(User.c.username == sa.bindparam("name"), Domain.c.path == sa.bindparam("path"), IN_FORCE)
    .order_by(User.c.id)
)
_ENDED = PasswordReset.t.delete().where(PasswordReset.c.ends < sa.bindparam("now"))
_FORGET = PasswordReset.t.delete().where(PasswordReset.c.user_id == sa.bindparam("user"))


def forget_resets(tx: Tx, user: User) -> None:
    """Letters that were sent to a user open nothing any more."""
    tx.execute(_FORGET, {"user": user.id})


class ForgotPassword(Exchange, since="4.20.0.0", pre_auth=True, form="success"):
    """Sends a link for a new password to the user's e-mail address. The answer does not tell whether there is such a user."""

    username: str = param("the user's name")
    domain: str | None = param("the path of its domain; without, ROOT")

    def run(self, db: Database, caller: Caller) -> Success:
        reader = db.read()
        _enabled(reader)
        post, page = mail.post(reader), PAGE.get(reader)
        if not page:
            raise Unavailable("Letters cannot be sent", why=[f"setting {PAGE.name} is empty"])
        if _CLERKS.acquire(blocking=False):
            threading.Thread(target=self._write, args=(db, post, page), name="password-reset", daemon=True).start()
        else:
            log.warning("a letter for a forgotten password was not written: too many are being written")
        return Success()

    def _write(self, db: Database, post: mail.Post, page: str) -> None:
        try:
            for user in _users(db.read(), self.username, self.domain):
                self._write_to(user, db, post, page)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            log.warning("a letter for a forgotten password was not sent by %s port %d: %s", post.host, post.port, error)
        except Exception:
            log.exception("a letter for a forgotten password was not sent")
        finally:
            _CLERKS.release()

    def _write_to(self, user: User, db: Database, post: mail.Post, page: str) -> None:
        token = db.write(lambda tx: _token(tx, user)) if user.email else None
        if token is not None:
            post.send(user.email, "Your new password", _letter(db.read(), user, self.domain, page, token))
            db.write(lambda tx: emit(tx, "USER.UPDATE", f"Sent user {user.username} a link for a new password", about=user))


class ResetPassword(Exchange, since="4.20.0.0", pre_auth=True, form="success"):
    """Sets a new password by the token of a letter, and ends the user's sessions."""

    username: str = param("the user's name")
    domain: str | None = param("the path of its domain; without, ROOT")
    token: Secret = param("the token of the letter")
    password: Secret = param("the new password")

    def run(self, db: Database, caller: Caller) -> Success:
        reader = db.read()
        _enabled(reader)
        digest = _digest(self.token.reveal())
        user = next((one for one in _users(reader, self.username, self.domain) if _good(reader, one, digest)), None)
        if user is None:
            raise _refused()
        new = self.password.reveal()
        password.check_policy(reader, user.username, new, user.domain_id)
        hash = Secret(password.hashed(new))
        db.write(lambda tx: _set(tx, user.id, digest, hash))
        return Success()


def _enabled(reader: Reader) -> None:
    if not ENABLED.get(reader):
        raise Unsupported(f"Passwords are not set anew by mail here: {ENABLED.name} is false")


def _refused() -> ParamError:
    return ParamError("Parameter token: it is wrong, too old, or was used", param="token", fix=["ask for another letter"])


def _users(reader: Reader, name: str, domain: str | None) -> list[User]:
    """The users of that name who may sign in by a password kept here: one, or where a setting allows it one of each account."""
    trimmed = (domain or "").strip("/")
    rows = reader.rows(_WHO, {"name": name, "path": f"/{trimmed}/" if trimmed else "/"})
    return [user for user in map(User.load, rows) if not source_of(user).kept]


def _token(tx: Tx, user: User) -> str | None:
    """A new token of a user, None when one was sent just now."""
    tx.execute(_ENDED, {"now": tx.now})
    if tx.count(PasswordReset, PasswordReset.c.user_id == user.id, PasswordReset.c.created > tx.now - _BETWEEN):
        return None
    token = secrets.token_urlsafe(32)
    tx.insert(PasswordReset(user_id=user.id, digest=_digest(token), ends=tx.now + MINUTES.get(tx) * 60))
    return token


def _letter(reader: Reader, user: User, domain: str | None, page: str, token: str) -> str:
    asked = {"username": user.username, "token": token, **({"domain": domain} if domain else {})}
    words = {
        "resetLink": f"{page.rstrip('/')}/user/resetPassword?{urlencode(asked)}",
        "username": user.username, "firstName": user.first_name, "lastName": user.last_name, "token": token,
    }  # fmt: skip
    text = TEMPLATE.get(reader)
    for name, value in words.items():
        text = text.replace("{{{" + name + "}}}", value).replace("{{" + name + "}}", value)
    return text


def _good(reader: Reader, user: User, digest: str) -> PasswordReset | None:
    row = reader.find(PasswordReset, PasswordReset.c.digest == digest, PasswordReset.c.user_id == user.id)
    return row if row is not None and row.ends > time.time() else None


def _set(tx: Tx, user_id: int, digest: str, hash: Secret) -> None:
    user = tx.get(User, user_id)
    if _good(tx, user, digest) is None:
        raise _refused()
    forget_resets(tx, user)
    session.cut(tx, [user])
    tx.update(user, password=hash, password_due=False, failed_logins=0)
    emit(tx, "USER.UPDATE", f"User {user.username} set a new password by a letter", about=user)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
