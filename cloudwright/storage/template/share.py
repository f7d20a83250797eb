"""Who may use a template or ISO beside its owner."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import PROJECT, Account, Domain
from cloudwright.identity.project.model import Project
from cloudwright.storage.model import Template, TemplateGrant
from cloudwright.storage.template.command import check_public, the

FIELDS = {
    "id": ("string", "the template's id"),
    "ispublic": ("boolean", "whether everybody may use it"),
    "domainid": ("string", "the domain of its account"),
    "account": ("list", "the accounts it is shared with"),
    "projectids": ("list", "the projects it is shared with"),
}


class Sharing(Command):
    """What sharing a template and an ISO have alike."""

    id: Ref[Template] = param("it", use=Use.CHANGE)
    op: str | None = param("what is done with the accounts: add, remove or reset", choices=["add", "remove", "reset"])
    accounts: list[str] = param("names of accounts of the owner's domain", default=[])
    is_public: bool | None = param("whether everybody may use it")
    is_featured: bool | None = param("whether it is recommended; administrators only")
    is_extractable: bool | None = param("whether it may be taken out")
    projects: list[Ref[Project]] = param("projects, whose members may then use it", default=[], use=Use.SEE)

    def share(self, tx: Tx, caller: Caller) -> Success:
        """Change who may use it."""
        check_public(tx, caller, self.is_public, self.is_featured)
        given = {"public": self.is_public, "featured": self.is_featured, "extractable": self.is_extractable}
        tx.update(self.id, **{name: value for name, value in given.items() if value is not None})
        op = (self.op or "").lower()
        if bool(self.accounts or self.projects) != (op in ("add", "remove")):
            text = "Parameter accounts: it (or projectids) belongs to op=add and op=remove, and to them alone"
            raise ParamError(text, param="accounts")
        held = {grant.account_id: grant for grant in tx.all(TemplateGrant, TemplateGrant.c.template_id == self.id.id)}
        named = [self._account(tx, name) for name in dict.fromkeys(self.accounts)]
        named += [tx.get(Account, project.account_id) for project in self.projects]
        for account in named:
            if op == "add" and account.id not in held and account.id != self.id.account_id:
                tx.insert(TemplateGrant(template_id=self.id.id, account_id=account.id))
        for account_id, grant in held.items():
            if op == "reset" or (op == "remove" and account_id in {account.id for account in named}):
                tx.remove(grant)
        return Success()

    def _account(self, tx: Tx, name: str) -> Account:
        account = tx.find(Account, Account.c.domain_id == self.id.domain_id, Account.c.name == name, Account.c.type_ != PROJECT)
        if account is None:
            text = f"Parameter accounts: there is no account {name[:64]!r} in the domain of {self.id.name}"
            raise ParamError(text, param="accounts")
        return account


class UpdateTemplatePermissions(Sharing):
    """Says who may use a template beside its owner."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        the(self.id, iso=False)
        return self.share(tx, caller)


class UpdateIsoPermissions(Sharing):
    """Says who may use an ISO beside its owner."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        the(self.id, iso=True)
        return self.share(tx, caller)


def _told(reader: Reader, template: Template) -> Told:
    granted = sa.select(TemplateGrant.c.account_id).where(TemplateGrant.c.gone == 0, TemplateGrant.c.template_id == template.id)
    names = [account.name for account in reader.all(Account, Account.c.id.in_(granted), Account.c.type_ != PROJECT)]
    projects = [project.uuid for project in reader.all(Project, Project.c.account_id.in_(granted))]
    domain = reader.get(Domain, template.domain_id).uuid
    row = {"id": template.uuid, "ispublic": template.public, "domainid": domain, "account": names, "projectids": projects}
    return Told("templatepermission", [row], one=True)


class ListTemplatePermissions(Query, response=FIELDS):
    """Tells who may use a template beside its owner."""

    id: Ref[Template] = param("the template", use=Use.CHANGE)

    def run(self, reader: Reader, caller: Caller) -> Told:
        return _told(reader, the(self.id, iso=False))


class ListIsoPermissions(Query, response=FIELDS, resp_key="listtemplatepermissionsresponse"):
    """Tells who may use an ISO beside its owner."""

    id: Ref[Template] = param("the ISO", use=Use.CHANGE)

    def run(self, reader: Reader, caller: Caller) -> Told:
        return _told(reader, the(self.id, iso=True))
