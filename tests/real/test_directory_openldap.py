"""A real OpenLDAP as directory: TLS, groups, a thousand users, hostile names, servers that hang or are gone."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import CloudError
from cloudwright.core.event import Event
from cloudwright.identity.model import User
from tests.conftest import done
from tests.real.directories import (
    BIND,
    BIND_PASSWORD,
    EXTRA,
    HOSTILE,
    SUFFIX,
    Authority,
    Slapd,
    Tenant,
    authority,
    free_port,
    house,
    slapd,
)  # fmt: skip

pytestmark = pytest.mark.real
__all__ = ["authority", "house", "slapd"]
OPTIONS = {
    "basedn": SUFFIX, "bind__principal": BIND, "bind__password": BIND_PASSWORD, "group__object": "groupOfNames",
    "group__user__uniquemember": "member",
}  # fmt: skip
HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def spare(authority: Authority) -> Iterator[Slapd]:
    """A second server with the same people."""
    with tempfile.TemporaryDirectory() as directory:
        server = Slapd(Path(directory), authority)
        server.start()
        yield server
        server.stop()


def tenant(house: Cloud, slapd: Slapd, name: str, **settings: Any) -> Tenant:
    made = Tenant(house, name, **{**OPTIONS, "truststore": slapd.authority.pem, **settings})
    made.serve(HERE, slapd.port)
    return made


def imported(made: Tenant, *names: str) -> None:
    for name in names:
        made.call("ldapCreateAccount", username=name, domainid=made.id, accounttype=0)


@pytest.mark.parametrize("mode", ["ldaps", "starttls", "none"])
def test_tls_in_each_way(house: Cloud, slapd: Slapd, mode: str) -> None:
    made = Tenant(house, f"tls-{mode}", **OPTIONS, truststore=slapd.authority.pem, tls=mode)
    made.serve(HERE, slapd.tls_port if mode == "ldaps" else slapd.port)
    assert made.names(keyword="ann@") == ["ann"]


def test_ldaps_by_name(house: Cloud, slapd: Slapd) -> None:
    made = Tenant(house, "by-name", **OPTIONS, truststore=slapd.authority.pem)
    made.serve(f"ldaps://{HERE}", slapd.tls_port)
    imported(made, "ann")
    assert made.sign_in("ann", "ann's password")


@pytest.mark.parametrize("mode", ["ldaps", "starttls"])
def test_a_certificate_of_another_authority_is_refused(house: Cloud, slapd: Slapd, mode: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        made = Tenant(house, f"rogue-{mode}", **OPTIONS, truststore=Authority(Path(directory), "rogue").pem, tls=mode)
        with pytest.raises(CloudError, match="certificate that is not trusted"):
            made.serve(HERE, slapd.tls_port if mode == "ldaps" else slapd.port)


def test_a_certificate_for_another_name_is_refused(house: Cloud, slapd: Slapd) -> None:
    made = Tenant(house, "named", **OPTIONS, truststore=slapd.authority.pem)
    with pytest.raises(CloudError, match="certificate that is not trusted: Hostname mismatch"):
        made.serve("localhost", slapd.port)


def test_what_is_wrong_with_a_server_is_told(house: Cloud, slapd: Slapd) -> None:
    made = Tenant(house, "wrong", **OPTIONS, truststore=slapd.authority.pem)
    for host, port, match in (
        (HERE, free_port(), "cannot be reached: Connection refused"),
        ("no-such-host.invalid", 389, "cannot be reached"),
        (HERE, slapd.tls_port, "closed the connection|does not answer|does not speak LDAP"),
    ):
        with pytest.raises(CloudError, match=match):
            made.serve(host, port)
    made.set(bind__password="something else")
    with pytest.raises(CloudError, match=r"does not let us in as cn=reader.*49"):
        made.serve(HERE, slapd.port)


def test_a_thousand_users_are_listed_in_pages(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "many", request__page__size=100)
    names = made.names()
    assert len(names) == EXTRA + 6
    assert names == sorted(names, key=str.lower)
    page = made.call("listLdapUsers", domainid=made.id, page=3, pagesize=50)
    assert page["count"] == EXTRA + 6
    assert [user["username"] for user in page["LdapUser"]] == names[100:150]


def test_a_group_is_imported_with_an_account_for_each(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "imported")
    told = made.call("importLdapUsers", domainid=made.id, group="all", accounttype=0, pagesize=-1)
    assert told["count"] == EXTRA + 5
    assert made.sign_in("p0777", "p0777's password")
    assert made.names(listtype="new", userfilter="LocalDomain") == [HOSTILE]
    again = made.call("importLdapUsers", domainid=made.id, group=f"cn=all,ou=groups,{SUFFIX}", pagesize=-1)
    assert again.get("count", 0) == 0


def test_a_group_is_imported_into_one_account_and_a_domain_of_its_name(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "one")
    about = {"account": "crew", "group": "lone", "accounttype": 0}
    made.call("importLdapUsers", domainid=made.id, **about)
    account = made.call("listAccounts", domainid=made.id, name="crew")["account"][0]
    assert [user["username"] for user in account["user"]] == ["bob"]
    assert account["user"][0]["usersource"] == "ldap"


def test_right_wrong_and_no_password(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "words")
    imported(made, "ann")
    assert made.sign_in("ann", "ann's password")
    assert not made.sign_in("ann", "bob's password")
    assert made.user("ann").failed_logins == 1
    assert not made.sign_in("ann", "")
    assert not made.sign_in("bob", "bob's password"), "who is no user is none, unless the domain is linked"


def test_hostile_names_are_names(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "hostile")
    made.call("linkDomainToLdap", domainid=made.id, type="OU", ldapdomain=f"ou=people,{SUFFIX}", accounttype=0)
    for name in (
        "*",
        "a*",
        "ann)(uid=*",
        "ann\0",
        "ann))(|(uid=*",
        "*)(objectClass=*",
        "\\2a",
        "ann,ou=people",
        "",
        " ",
    ):
        assert not made.sign_in(name, "ann's password"), name
    assert made.sign_in(HOSTILE, "eve's password")
    assert made.user(HOSTILE).source == "ldap"


def test_one_directory_for_all_domains(house: Cloud, slapd: Slapd) -> None:
    made = Tenant(house, "for-all")
    for name in ("group.object", "group.user.uniquemember"):
        made.call("updateConfiguration", name=f"ldap.{name}", value=OPTIONS[name.replace(".", "__")])
    secrets = {"bindpass": BIND_PASSWORD, "truststore": slapd.authority.pem}
    about = {"hostname": HERE, "port": slapd.tls_port, "ssl": "true", "searchbase": SUFFIX, "binddn": BIND}
    told = made.call("ldapConfig", **about, **secrets)["ldapconfig"]
    assert told["ssl"] == "true"
    assert "bindpass" not in told
    assert [user["username"] for user in made.call("searchLdap", query="a*n")["LdapUser"]] == ["ann"]
    assert made.call("searchLdap", query="ann)(uid=*").get("LdapUser", []) == []
    domains = {"domain": made.call("listLdapUsers", keyword="stu@")["LdapUser"][0]["domain"]}
    assert domains == {"domain": "staff"}
    made.call("importLdapUsers", group="lone", accounttype=0)
    assert made.call("listUsers", username="bob", listall="true", domainid=_domain_called(made, "lone"))["count"] == 1
    imported(made, "ann")
    assert made.sign_in("ann", "ann's password")
    assert len(made.call("ldapConfig", listall="true")["ldapconfig"]) == 1
    made.call("ldapRemove")
    assert made.call("listLdapConfigurations").get("count", 0) == 0
    assert not made.sign_in("ann", "ann's password")


def _domain_called(made: Tenant, name: str) -> str:
    found: str = made.call("listDomains", name=name)["domain"][0]["id"]
    return found


def test_a_linked_domain_takes_a_groups_people_at_their_first_sign_in(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "linked")
    told = made.call("linkDomainToLdap", domainid=made.id, type="GROUP", ldapdomain="ops", accounttype=2, admin="deep")
    assert told["LinkDomainToLdap"]["accounttype"] == 2
    assert not made.sign_in("ann", "wrong")
    assert made.sign_in("ann", "ann's password")
    assert made.call("listAccounts", domainid=made.id, name="ann")["account"][0]["accounttype"] == 2
    assert made.sign_in("deep", "deep's password"), "a member of a group in the group, though these contain each other"
    assert not made.sign_in("bob", "bob's password")
    assert not made.sign_in("stu", "stu's password")
    made.set(nested__groups__enable="false")
    assert not made.sign_in("deep", "deep's password")
    made.call("unlinkDomainFromLdap", domainid=made.id)
    assert made.sign_in("deep", "deep's password"), "users stay"
    assert not made.sign_in("stu", "stu's password")


def test_accounts_are_linked_too(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "accounts")
    for account, group in (("operators", "ops"), ("loners", "lone")):
        made.call("linkAccountToLdap", domainid=made.id, account=account, ldapdomain=group, accounttype=0)
    assert made.sign_in("ann", "ann's password")
    assert made.sign_in("bob", "bob's password")
    assert not made.sign_in("out", "out's password")
    owners = {user["username"]: user["account"] for user in made.call("listUsers", domainid=made.id)["user"]}
    assert owners == {"ann": "operators", "bob": "loners"}


def test_only_members_of_the_principle_group_are_users(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "principle", search__group__principle=f"cn=ops,ou=groups,{SUFFIX}")
    assert made.names() == ["ann", "deep"]
    with pytest.raises(CloudError, match="bob is not in the directory"):
        imported(made, "bob")
    imported(made, "ann")
    made.set(search__group__principle=f"cn=lone,ou=groups,{SUFFIX}")
    assert not made.sign_in("ann", "ann's password")


def test_a_server_that_hangs_is_passed_over(house: Cloud, slapd: Slapd, spare: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    made = tenant(house, slapd, "hanging", read__timeout=300)
    imported(made, "ann")
    slapd.pause()
    try:
        began = time.monotonic()
        assert not made.sign_in("ann", "ann's password")
        assert time.monotonic() - began < 3
        user = made.user("ann")
        assert (user.failed_logins, user.state, user.away) == (0, "enabled", False)
        assert "nothing came for 0.3 s" in caplog.text
        last = house.db.read().all(Event, Event.c.kind_of == "USER.LOGIN", Event.c.instance_uuid == user.uuid)[-1]
        assert last.level == "ERROR"
        made.serve(HERE, spare.port)
        began = time.monotonic()
        assert made.sign_in("ann", "ann's password")
        assert time.monotonic() - began < 2
    finally:
        slapd.resume()
    assert "ann's password" not in caplog.text
    assert BIND_PASSWORD not in caplog.text


def test_a_server_that_is_gone_is_passed_over(house: Cloud, slapd: Slapd, authority: Authority) -> None:
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as ending:
        first = Slapd(Path(directory), authority)
        ending.callback(first.stop)
        first.start()
        made = tenant(house, first, "gone")
        made.serve(HERE, slapd.port)
        imported(made, "ann")
        first.stop()
        assert made.sign_in("ann", "ann's password")
        assert len(made.names()) == EXTRA + 6


def test_who_leaves_the_directory_loses_sessions_and_keys(house: Cloud, spare: Slapd) -> None:
    made = tenant(house, spare, "leaving")
    imported(made, "ann", "bob")
    uuid = made.user("bob").uuid
    done(house, made.root, "registerUserKeys", id=uuid)
    keys = made.call("getUserKeys", id=uuid)["userkeys"]
    gate = made.gate
    assert gate.by_api_key(keys["apikey"]) is not None
    entry = f"uid=bob,ou=people,{SUFFIX}"
    spare.change(f"dn: {entry}\nchangetype: modrdn\nnewrdn: uid=robert\ndeleteoldrdn: 1\n")
    made.looked_after(lambda: made.user("bob").away)
    assert gate.by_api_key(keys["apikey"]) is None
    assert gate.by_uuid(uuid) is None
    assert not made.sign_in("bob", "bob's password")
    assert not made.user("ann").away
    spare.change(f"dn: uid=robert,ou=people,{SUFFIX}\nchangetype: modrdn\nnewrdn: uid=bob\ndeleteoldrdn: 1\n")
    made.looked_after(lambda: not made.user("bob").away)
    assert gate.by_api_key(keys["apikey"]) is not None
    assert made.sign_in("bob", "bob's password")


def test_who_is_locked_there_may_not_call_here(house: Cloud, spare: Slapd) -> None:
    made = tenant(house, spare, "locked")
    imported(made, "out")
    entry = f"dn: uid=out,ou=people,{SUFFIX}\nchangetype: modify\n"
    spare.change(f"{entry}add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n")
    assert not made.sign_in("out", "out's password")
    assert (made.user("out").away, made.user("out").failed_logins) == (True, 0)
    assert made.gate.by_uuid(made.user("out").uuid) is None
    spare.change(f"{entry}delete: pwdAccountLockedTime\n")
    assert made.sign_in("out", "out's password")


def test_a_directory_that_cannot_be_asked_takes_nobodys_access(house: Cloud, spare: Slapd) -> None:
    made = tenant(house, spare, "silent", read__timeout=200)
    imported(made, "ann")
    made.set(basedn=f"ou=groups,{SUFFIX}")  # nobody at all is there: a mistake
    watched = tenant(house, spare, "watched", search__group__principle=f"cn=ops,ou=groups,{SUFFIX}")
    imported(watched, "deep")
    watched.set(search__group__principle=f"cn=lone,ou=groups,{SUFFIX}")
    watched.looked_after(lambda: watched.user("deep").away)  # the loop went through all
    assert not made.user("ann").away


def test_local_users_stay_beside(house: Cloud, slapd: Slapd) -> None:
    made = tenant(house, slapd, "beside")
    about = {"email": "b@example.org", "firstname": "B", "lastname": "B", "password": "a local password"}
    made.call("createAccount", username="bob", accounttype=0, domainid=made.id, **about)
    imported(made, "ann")
    assert made.sign_in("bob", "a local password")
    assert not made.sign_in("bob", "bob's password")
    candidates = made.call("listLdapUsers", domainid=made.id, userfilter="PotentialImport", keyword="bob@")["LdapUser"]
    assert [(user["username"], user["conflictingusersource"]) for user in candidates] == [("bob", "native")]
    with pytest.raises(CloudError, match="kept by its directory"):
        made.call("updateUser", id=made.user("ann").uuid, password="another one 1")
    made.call("updateUser", id=made.user("bob").uuid, password="another one 1")
    assert made.sign_in("bob", "another one 1")
    assert {user.username for user in house.db.read().all(User, User.c.source == "ldap")} >= {"ann"}
