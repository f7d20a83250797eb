"""Telling an instance's password to whoever holds its SSH key."""

from __future__ import annotations

import base64

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Query, Told
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader

_ANSWER = {"encryptedpassword": ("string", "the password, encrypted for the instance's SSH key (RSA, PKCS #1 v1.5), base64")}


class GetVMPassword(Query, response=_ANSWER):
    """Answers an instance's password, encrypted for the first RSA key among its SSH keys: only its holder can read it."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)

    def run(self, reader: Reader, caller: Caller) -> Told:
        vm = self.id
        if vm.password is None:
            text = f"Parameter id: {vm.name} has no password"
            raise ParamError(text, param="id", fix=["use a template with passwordenabled=true", "reset its password"])
        key = rsa_key(vm.public_keys)
        if key is None:
            fix = ["give it an RSA key pair with resetSSHKeyForVirtualMachine"]
            raise ParamError(f"Parameter id: {vm.name} has no RSA key among its SSH keys", param="id", fix=fix)
        sealed = key.encrypt(vm.password.reveal().encode(), padding.PKCS1v15())
        return Told("password", [{"encryptedpassword": base64.b64encode(sealed).decode()}], one=True)


def rsa_key(public_keys: str) -> rsa.RSAPublicKey | None:
    """The first RSA key of lines as in authorized_keys."""
    for line in public_keys.splitlines():
        try:
            key = load_ssh_public_key(line.encode())
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, rsa.RSAPublicKey):
            return key
    return None
