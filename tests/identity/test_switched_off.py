"""What is switched off, or was never set up, says what switches it on."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import CloudError
from cloudwright.identity.caller import root_caller
from tests.conftest import call


@pytest.mark.parametrize(
    ("command", "needs"),
    [("listLdapUsers", "addLdapConfiguration"), ("listSamlAuthorization", "saml2.enabled"), ("listIdps", "saml2.enabled")],
)
def test_it_names_the_setting_or_the_command(cloud: Cloud, command: str, needs: str) -> None:
    with pytest.raises(CloudError) as refused:
        call(cloud, root_caller(cloud.db.read()), command)
    told = refused.value.explain()
    assert told["needs"] == needs
    assert told["fix"], "answers tell no explanation that neither explains nor helps"
