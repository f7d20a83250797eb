"""The proof of the master key: a word in the database that only the key opens with which all secrets there are sealed."""

from __future__ import annotations

import sqlalchemy as sa
from cryptography.fernet import InvalidToken

from cloudwright.core.db import Database
from cloudwright.core.error import CloudError
from cloudwright.core.resource import Resource
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx


class Seal(Resource, table="seal", unique=[("name",)]):
    """The one row of this table is made by the first server."""

    name: str
    word: Secret


def check(db: Database) -> None:
    """See that this process has the master key of the database. Raises CloudError: with another key no secret there can be read,
    and what it stored no other server could read."""
    try:
        try:
            db.write(_known)
        except sa.exc.IntegrityError:  # another server that starts for the first time was quicker
            db.write(_known)
    except InvalidToken:
        text = "This server's master key is not the one that the database's secrets are sealed with"
        raise CloudError(
            text, fix=["copy master.key from the data directory of a server that works with this database"]
        ) from None


def _known(tx: Tx) -> None:
    if tx.find(Seal) is None:
        tx.insert(Seal(name="master", word=Secret("cloudwright")))
