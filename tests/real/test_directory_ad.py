"""A real Active Directory domain controller (Samba): groups in groups, and users that may not sign in."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import CloudError
from tests.conftest import done
from tests.real.directories import AD_BASE, Samba, Tenant, authority, house, samba

pytestmark = pytest.mark.real
__all__ = ["authority", "house", "samba"]
GROUP = f"CN=CloudStack,CN=Users,{AD_BASE}"
OPTIONS = {
    "basedn": AD_BASE, "bind__principal": f"CN=cloudstack-ldap,CN=Users,{AD_BASE}", "bind__password": "Bind-Passw0rd",
    "provider": "microsoftad", "search__group__principle": GROUP,
}  # fmt: skip
PORT = 636


def tenant(house: Cloud, samba: Samba, name: str, **settings: Any) -> Tenant:
    made = Tenant(house, name, **{**OPTIONS, "truststore": samba.authority.pem, **settings})
    made.serve(samba.address, PORT)
    return made


def imported(made: Tenant, *names: str) -> None:
    for name in names:
        made.call("ldapCreateAccount", username=name, domainid=made.id, accounttype=0)


def test_the_group_and_its_groups_are_the_users(house: Cloud, samba: Samba) -> None:
    made = tenant(house, samba, "listed")
    direct = ["asmith", "dgone", "ended", "jdoe", "later", "mustchange", "ouuser", "stale"]
    assert made.names() == sorted([*direct, "bnested"])
    found = made.call("listLdapUsers", domainid=made.id, keyword="jdoe")["LdapUser"][0]
    named = {"firstname": "John", "lastname": "Doe", "email": "jdoe@sbdemo1.local", "domain": "Users"}
    assert found == {"username": "jdoe", "principal": f"CN=jdoe,CN=Users,{AD_BASE}", **named}
    made.set(nested__groups__enable="false")
    assert made.names() == direct
    made.set(search__group__principle="")
    everybody = made.names()
    assert "noton" in everybody
    assert not [name for name in everybody if name.endswith("$")], "computers are no users"


@pytest.mark.parametrize("principal", ["cloudstack-ldap@sbdemo1.local", "SBDEMO1\\cloudstack-ldap"])
def test_whom_it_is_searched_as_is_told_in_each_way(house: Cloud, samba: Samba, principal: str) -> None:
    made = tenant(house, samba, f"as-{len(principal)}", bind__principal=principal)
    assert "jdoe" in made.names()


def test_starttls_too_and_never_without_tls(house: Cloud, samba: Samba) -> None:
    made = Tenant(house, "starttls", **OPTIONS, truststore=samba.authority.pem, tls="starttls")
    made.serve(samba.address, 389)
    assert "jdoe" in made.names()
    bare = Tenant(house, "bare", **OPTIONS, tls="none")
    with pytest.raises(CloudError, match="LDAP error 8"):
        bare.serve(samba.address, 389)


def test_an_unknown_authority_is_refused(house: Cloud, samba: Samba) -> None:
    made = Tenant(house, "untrusted", **OPTIONS)  # the operating system's authorities do not know it
    with pytest.raises(CloudError, match="certificate that is not trusted"):
        made.serve(samba.address, PORT)


def test_who_signs_in(house: Cloud, samba: Samba) -> None:
    made = tenant(house, samba, "signing")
    imported(made, "jdoe", "bnested")
    assert made.sign_in("jdoe", "Pw-jdoe-123")
    assert made.sign_in("bnested", "Pw-bnested-123")
    assert not made.sign_in("jdoe", "pw-jdoe-123")
    assert made.user("jdoe").failed_logins == 1
    assert not made.sign_in("jdoe", "")
    for name in ("jdoe)(cn=*", "*", "jdoe\0"):
        assert not made.sign_in(name, "Pw-jdoe-123")


def test_a_name_is_one_however_it_is_typed(house: Cloud, samba: Samba) -> None:
    made = tenant(house, samba, "typed")
    made.call("linkDomainToLdap", domainid=made.id, type="GROUP", ldapdomain=GROUP, accounttype=0)
    for name in ("JDOE", "jdoe", "JDoe"):
        assert made.sign_in(name, "Pw-jdoe-123")
    assert [user["username"] for user in made.call("listUsers", domainid=made.id)["user"]] == ["jdoe"]
    assert not made.sign_in("noton", "Pw-noton-123")


def test_who_may_not_sign_in_is_refused_and_why_is_told(
    house: Cloud, samba: Samba, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    made = tenant(house, samba, "refused")
    made.call("linkDomainToLdap", domainid=made.id, type="GROUP", ldapdomain=GROUP, accounttype=0)
    for name in ("dgone", "ended"):
        assert not made.sign_in(name, f"Pw-{name}-123")
        with pytest.raises(CloudError, match=f"{name} is not in the directory: it (is disabled|has expired)"):
            imported(made, name)
    for name, why in (("mustchange", "it must change its password first"), ("stale", "its password has expired")):
        imported(made, name)
        assert not made.sign_in(name, f"Pw-{name}-123")
        assert f"user '{name}' of domain /refused/ is not signed in: the directory refuses it: {why}" in caplog.text
        assert not made.sign_in(name, "wrong")
        assert (made.user(name).failed_logins, made.user(name).away) == (1, False), "only the wrong one counts"
    assert "Pw-" not in caplog.text


def test_who_is_disabled_there_may_not_call_here(house: Cloud, samba: Samba) -> None:
    made = tenant(house, samba, "disabled")
    imported(made, "later", "jdoe")
    uuid = made.user("later").uuid
    done(house, made.root, "registerUserKeys", id=uuid)
    key = made.call("getUserKeys", id=uuid)["userkeys"]["apikey"]
    assert made.gate.by_api_key(key) is not None
    samba.disable("later")
    made.looked_after(lambda: made.user("later").away)
    assert made.gate.by_api_key(key) is None
    assert not made.sign_in("later", "Pw-later-123")
    assert made.call("listUsers", domainid=made.id, username="later")["user"][0]["state"] == "disabled"
    assert not made.user("jdoe").away
    samba.disable("later", False)
    assert made.sign_in("later", "Pw-later-123"), "at its next sign-in, without waiting for the loop"
    assert made.gate.by_api_key(key) is not None


def test_names_with_commas_and_brackets(house: Cloud, samba: Samba) -> None:
    made = tenant(house, samba, "commas", search__group__principle="")
    imported(made, "comma")
    assert made.sign_in("comma", "Pw-comma-123")


def test_an_organisational_unit_is_linked(house: Cloud, samba: Samba) -> None:
    made = tenant(house, samba, "unit")
    made.call("linkDomainToLdap", domainid=made.id, type="OU", ldapdomain="Staff", accounttype=0)
    assert made.sign_in("ouuser", "Pw-ouuser-123")
    assert not made.sign_in("jdoe", "Pw-jdoe-123")
