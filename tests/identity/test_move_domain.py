"""Moving domains: paths, what is counted, and limits."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.core.error import LimitReached, ParamError
from cloudwright.identity.caller import root_caller
from cloudwright.identity.ledger import Tally
from cloudwright.identity.model import Account, Domain, Role
from cloudwright.storage.model import Volume
from tests.conftest import call

GIB = 1 << 30


def test_a_domain_moves_with_all_it_has(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())

    def make(name: str, parent: str | None = None) -> str:
        more = {} if parent is None else {"parentdomainid": parent}
        return str(call(cloud, root, "createDomain", name=name, **more)["domain"]["id"])

    eng, ops = make("eng"), make("ops")
    dev, team = make("dev", eng), ""
    team = make("team", dev)
    read = cloud.db.read()

    def owner(tx: object) -> Account:
        domain, role = read.find(Domain, Domain.c.uuid == team), read.find(Role, Role.c.name == "User")
        assert domain is not None
        assert role is not None
        return tx.insert(Account(name="ann", domain_id=domain.id, role_id=role.id))  # type: ignore[attr-defined, no-any-return]

    ann = cloud.db.write(owner)
    for number in range(2):
        row = Volume(name=f"v{number}", account_id=ann.id, domain_id=ann.domain_id, zone_id=1, vol_type="DATADISK", size=GIB)
        cloud.db.write(lambda tx, row=row: tx.insert(row))

    def volumes(domain: str) -> int:
        of = read.find(Domain, Domain.c.uuid == domain)
        assert of is not None
        return int(read.value(sa.select(Tally.c.volume).where(Tally.c.name == f"domain:{of.id}:")) or 0)

    assert [volumes(domain) for domain in (eng, dev, team, ops)] == [2, 2, 2, 0]
    call(cloud, root, "updateResourceLimit", resourcetype=2, domainid=ops, max=1)
    with pytest.raises(LimitReached, match=r"ops"):
        call(cloud, root, "moveDomain", domainid=dev, parentdomainid=ops)
    assert call(cloud, root, "listDomains", id=team)["domain"][0]["path"] == "ROOT/eng/dev/team", "nothing moved"
    call(cloud, root, "updateResourceLimit", resourcetype=2, domainid=ops, max=5)
    moved = call(cloud, root, "moveDomain", domainid=dev, parentdomainid=ops)["domain"]
    assert (moved["path"], moved["level"], moved["parentdomainname"]) == ("ROOT/ops/dev", 2, "ops")
    below = call(cloud, root, "listDomains", id=team)["domain"][0]
    assert (below["path"], below["level"]) == ("ROOT/ops/dev/team", 3)
    assert [volumes(domain) for domain in (eng, dev, team, ops)] == [0, 2, 2, 2]
    row = Volume(name="v3", account_id=ann.id, domain_id=ann.domain_id, zone_id=1, vol_type="DATADISK", size=GIB)
    cloud.db.write(lambda tx: tx.insert(row))
    assert [volumes(domain) for domain in (eng, dev, team, ops)] == [0, 3, 3, 3], "what comes now counts there"
    with pytest.raises(ParamError, match="or below it"):
        call(cloud, root, "moveDomain", domainid=ops, parentdomainid=team)
    with pytest.raises(ParamError, match="already below"):
        call(cloud, root, "moveDomain", domainid=dev, parentdomainid=ops)
    make("dev", eng)
    with pytest.raises(ParamError, match="already a domain /eng/dev/"):
        call(cloud, root, "moveDomain", domainid=dev, parentdomainid=eng)
    with pytest.raises(ParamError, match="ROOT cannot be moved"):
        call(cloud, root, "moveDomain", domainid=root.domain_uuid, parentdomainid=eng)
