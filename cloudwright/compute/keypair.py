"""SSH key pairs: made here (the private key is told once) or registered."""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from cloudwright.compute.model import SshKeyPair
from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Success, Told
from cloudwright.core.error import ParamError
from cloudwright.core.listing import where
from cloudwright.core.param import param
from cloudwright.core.tx import Tx
from cloudwright.core.view import computed, field
from cloudwright.identity.belongings import belongs
from cloudwright.identity.owner import OwnedBy, OwnedList, OwnedView, owner

belongs(SshKeyPair)


class KeyPairView(OwnedView, of=SshKeyPair, key="sshkeypair"):
    """A key pair without its private key."""

    id = field(SshKeyPair.c.uuid, "the key pair's id")
    name = field(SshKeyPair.c.name, "its name, unique in the account")
    fingerprint = field(SshKeyPair.c.fingerprint, "the MD5 fingerprint of the public key")


class NewKeyPairView(KeyPairView, key="keypair"):
    """A key pair as the answer to its making tells it."""

    privatekey = computed(lambda row, caller: None, "the private key, in the answer of createSSHKeyPair alone")


class ListSSHKeyPairs(OwnedList, answers=KeyPairView, keywords=[SshKeyPair.c.name]):
    """Lists SSH key pairs."""

    id: str | None = where(SshKeyPair.c.uuid, "only this one", kind="uuid")
    name: str | None = where(SshKeyPair.c.name, "only the one of this name")
    fingerprint: str | None = where(SshKeyPair.c.fingerprint, "only those with this fingerprint")


class CreateSSHKeyPair(OwnedBy, Command, answers=NewKeyPairView, event="REGISTER.SSH.KEYPAIR"):
    """Makes an SSH key pair. The private key is in this answer and nowhere else."""

    name: str = param("the name of the key pair")

    def run(self, tx: Tx, caller: Caller) -> Told:
        private = ed25519.Ed25519PrivateKey.generate()
        encoding = serialization.Encoding
        public = private.public_key().public_bytes(encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
        row = _store(tx, caller, self, self.name, public)
        none = serialization.NoEncryption()
        secret = private.private_bytes(encoding.PEM, serialization.PrivateFormat.OpenSSH, none).decode()
        told = {**KeyPairView.tell_one(tx, row.id, caller), "privatekey": secret}
        return Told("keypair", [told], one=True)


class RegisterSSHKeyPair(OwnedBy, Command, answers=NewKeyPairView, event="REGISTER.SSH.KEYPAIR"):
    """Registers the public key of a pair made elsewhere."""

    name: str = param("the name of the key pair")
    public_key: str = param("the public key in OpenSSH's form", length=5120)

    def run(self, tx: Tx, caller: Caller) -> Told:
        row = _store(tx, caller, self, self.name, _checked(self.public_key))
        return Told("keypair", [KeyPairView.tell_one(tx, row.id, caller)], one=True)


class DeleteSSHKeyPair(OwnedBy, Command, event="DELETE.SSH.KEYPAIR"):
    """Deletes an SSH key pair. Machines that have the key keep it."""

    name: str = param("the name of the key pair")

    def run(self, tx: Tx, caller: Caller) -> Success:
        account = owner(tx, caller, self)
        row = tx.find(SshKeyPair, SshKeyPair.c.account_id == account.id, SshKeyPair.c.name == self.name)
        if row is None:
            raise ParamError(f"Parameter name: account {account.name} has no SSH key pair {self.name!r}", param="name")
        tx.remove(row)
        return Success()


def _store(tx: Tx, caller: Caller, command: OwnedBy, name: str, public: str) -> SshKeyPair:
    account = owner(tx, caller, command)
    blob = base64.b64decode(public.split()[1])
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    fingerprint = ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))
    row = SshKeyPair(account_id=account.id, domain_id=account.domain_id, name=name, public_key=public, fingerprint=fingerprint)
    return tx.insert(row)


def _checked(text: str) -> str:
    """The key in canonical form. Raises ParamError when it is none."""
    try:
        serialization.load_ssh_public_key(text.strip().encode())
        kind, blob, *comment = text.split()
        return " ".join([kind, base64.b64encode(base64.b64decode(blob, validate=True)).decode(), *comment])
    except (ValueError, UnsupportedAlgorithm):
        text = "Parameter publickey: it is not an SSH public key; one begins with its kind, such as ssh-ed25519 or ssh-rsa"
        raise ParamError(text, param="publickey") from None
