"""The cloud's identifier, signed for a user, by which programs of clouds know each other."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Query, Told
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.identity.model import KeyPair, User
from cloudwright.network.network.document import CLOUD


class GetCloudIdentifier(
    Query,
    response={
        "userid": ("string", "the user"),
        "cloudidentifier": ("string", "the cloud's identifier"),
        "signature": ("string", "the identifier, signed with the user's secret key (HMAC-SHA1, base64)"),
    },
):
    """Tells the cloud's identifier, signed with the secret key of a user."""

    user: Ref[User] = param("the user; it must have an API key", use=Use.CHANGE)

    def run(self, reader: Reader, caller: Caller) -> Told:
        identifier = CLOUD.get(reader)
        if not identifier:
            text = f"This cloud has no identifier: the setting {CLOUD.name} is empty"
            raise ParamError(text, param="userid", fix=[f"give that setting a value (updateConfiguration name={CLOUD.name})"])
        pairs = reader.all(KeyPair, KeyPair.c.user_id == self.user.id, KeyPair.c.in_force.is_(True))
        if not pairs:
            raise ParamError(
                f"User {self.user.username} has no API key to sign with",
                param="userid",
                fix=["make it one first (registerUserKeys)"],
            )
        digest = hmac.new(pairs[-1].secret_key.reveal().encode(), identifier.encode(), hashlib.sha1).digest()
        told = {"userid": self.user.uuid, "cloudidentifier": identifier, "signature": base64.b64encode(digest).decode()}
        return Told("cloudidentifier", [told], one=True)
