"""Giving a disk to another owner."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.identity.model import PROJECT, Account
from cloudwright.identity.owner import check_for
from cloudwright.identity.project.command import check_active
from cloudwright.identity.project.model import Project
from cloudwright.storage.model import DiskOffering, Volume
from cloudwright.storage.volume.view import VolumeView


class AssignVolume(Command, answers=VolumeView, event="VOLUME.UPDATE", since="4.18.0.0"):
    """Gives a disk that is attached to no instance to another account or project."""

    volume: Ref[Volume] = param("the disk", use=Use.CHANGE)
    account: Ref[Account] | None = param("the account")
    project: Ref[Project] | None = param("the project, instead")

    def run(self, tx: Tx, caller: Caller) -> Volume:
        volume, account = self.volume, self._to(tx)
        if volume.vm_id is not None:
            raise WrongState(
                f"{volume.name} is attached to an instance", param="volumeid", fix=["detach it first (detachVolume)"]
            )
        if volume.state not in ("Allocated", "Ready"):
            raise WrongState(f"{volume.name} cannot change hands: it is {volume.state}", param="volumeid")
        if account.id == volume.account_id:
            raise ParamError(f"Parameter accountid: {volume.name} is its own already", param="accountid")
        if volume.disk_offering_id is not None:
            check_for(tx, account, tx.get(DiskOffering, volume.disk_offering_id), "projectid" if self.project else "accountid")
        tx.update(volume, account_id=account.id, domain_id=account.domain_id)
        return volume

    def _to(self, tx: Tx) -> Account:
        if (self.account is None) == (self.project is None):
            raise ParamError("assignVolume needs one of the parameters accountid and projectid, not both", param="accountid")
        if self.project is not None:
            check_active(self.project, "nothing can be added to it")
            return tx.get(Account, self.project.account_id)
        if self.account is None or self.account.type_ == PROJECT:
            raise ParamError("Parameter accountid: it is a project's account", param="accountid", fix=["give projectid"])
        return self.account
