"""The built-in template of simulated clouds, so that one deploys at once."""

from __future__ import annotations

from cloudwright.core.tx import Tx
from cloudwright.identity.model import ROOT_DOMAIN, SYSTEM_ACCOUNT
from cloudwright.storage.model import OsType, Template

NAME = "Tiny Linux (Simulator)"
URL = "http://images.example.com/tiny-linux.qcow2"  # a simulated store fetches nothing


def give_builtin(tx: Tx) -> None:
    """Make the row, unless it was ever there: one that an operator deleted stays away."""
    ever = Template.t.select().where(Template.c.template_type == "BUILTIN", Template.c.hypervisor == "Simulator").limit(1)
    if tx.one(ever) is not None:
        return
    system = tx.find(OsType, OsType.c.name == "Other Linux (64-bit)")
    tx.insert(
        Template(
            account_id=SYSTEM_ACCOUNT, domain_id=ROOT_DOMAIN, name=NAME, display_text=NAME, url=URL, format="QCOW2",
            hypervisor="Simulator", os_type_id=system.id if system else None, public=True, featured=True,
            template_type="BUILTIN", dynamically_scalable=True,
        )
    )  # fmt: skip
