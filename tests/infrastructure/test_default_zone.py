"""The zone that an account is shown first."""

from __future__ import annotations

from cloudwright.cloud import Cloud
from cloudwright.identity.caller import root_caller
from tests.conftest import call, done


def test_an_account_is_told_its_default_zone_as_long_as_that_is_there(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    zone = call(cloud, root, "createZone", name="z", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.54")["zone"]
    done(cloud, root, "markDefaultZoneForAccount", account="admin", domainid=root.domain_uuid, zoneid=zone["id"])
    assert call(cloud, root, "listAccounts", name="admin")["account"][0]["defaultzoneid"] == zone["id"]
    call(cloud, root, "deleteZone", id=zone["id"])
    assert "defaultzoneid" not in call(cloud, root, "listAccounts", name="admin")["account"][0]
