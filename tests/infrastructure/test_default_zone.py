"""The zone that an account is shown first."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import ParamError
from cloudwright.identity.caller import root_caller
from cloudwright.identity.model import Domain
from cloudwright.infrastructure.model import Zone
from tests.conftest import call, done
from tests.operations.conftest import person


def test_an_account_is_told_its_default_zone_as_long_as_that_is_there(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    zone = call(cloud, root, "createZone", name="z", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.54")["zone"]
    done(cloud, root, "markDefaultZoneForAccount", account="admin", domainid=root.domain_uuid, zoneid=zone["id"])
    assert call(cloud, root, "listAccounts", name="admin")["account"][0]["defaultzoneid"] == zone["id"]
    call(cloud, root, "deleteZone", id=zone["id"])
    assert "defaultzoneid" not in call(cloud, root, "listAccounts", name="admin")["account"][0]


def test_whose_account_it_is_does_not_say_it_itself(cloud: Cloud) -> None:
    """Unless a role lets it, and then not by this: it sees its account, and changes it not."""
    root, ann = root_caller(cloud.db.read()), person(cloud, "ann", "User", cloud.db.read().get(Domain, 1))
    zone = Zone(name="z", network_type="Advanced", dns1="192.0.2.53", internal_dns1="192.0.2.54", allocation_state="Enabled")
    about = {"account": "ann", "domainid": root.domain_uuid, "zoneid": cloud.db.write(lambda tx: tx.insert(zone)).uuid}
    with pytest.raises(ParamError, match="no account 'ann' in that domain that you may change"):
        call(cloud, ann, "markDefaultZoneForAccount", **about)
    done(cloud, root, "markDefaultZoneForAccount", **about)
