"""The commands of directories, with a directory that answers from a list. Real ones are asked in tests/real."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from cloudwright.core.error import CloudError, Denied, ParamError
from cloudwright.core.event import Event
from cloudwright.core.loop import wake
from cloudwright.core.secret import PRINTED, Secret
from cloudwright.core.setting import Setting, SettingRow
from cloudwright.identity import session
from cloudwright.identity.directory import asking, options
from cloudwright.identity.directory.asking import Directory, Person, Unclear
from cloudwright.identity.directory.model import LdapLink, LdapServer
from cloudwright.identity.directory.watch import CheckDirectoryUsers
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import Account, Domain, LoginSession, User
from tests.conftest import done
from tests.identity.conftest import Tenants

BASE = "dc=example,dc=org"


def person(username: str, unit: str = "people", barred: str = "") -> Person:
    about = {"first_name": username.title(), "last_name": "Lee", "unit": unit, "barred": barred, "groups": ()}
    return Person(principal=f"uid={username},ou={unit},{BASE}", username=username, email=f"{username}@example.org", **about)


class Listed:
    """A session with a directory of these people. Each one's password is the name backwards."""

    def __init__(self) -> None:
        self.everybody = [person(name) for name in ("ann", "zoe", "yan")] + [
            person("gone", barred="it is disabled"),
            person("sue", "staff"),
        ]
        self.parts = {"crew": ["zoe", "yan"], "others": ["sue", "gone"]}
        self.silent = False

    def people(self, part: Any = None, who: Any = None) -> list[Person]:
        return [p for p in self.everybody if part is None or p.username in self.parts[part.name]]

    def person(self, username: str, part: Any = None) -> Person | None:
        return next((p for p in self.people(part) if p.username.lower() == username.lower()), None)

    def check(self, part: Any) -> None:
        if part.name not in self.parts:
            raise Unclear(f"The directory has 0 of group {part.name}, not one")

    def prove(self, found: Person, password: Secret) -> str | None:
        return None if password.reveal() == found.username[::-1] else ""


@pytest.fixture
def listed(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> Listed:
    session = Listed()

    def ask(directory: Directory, work: Any) -> Any:
        if session.silent:
            raise Unclear("No directory server answers: h:389 cannot be reached", why=["h:389 cannot be reached"])
        return work(session)

    monkeypatch.setattr(asking.Directory, "ask", ask)
    tenants.call(tenants.root, "addLdapConfiguration", hostname="h", port=389)
    return session


def names(told: Any) -> list[str]:
    return [user["username"] for user in told.get("LdapUser", [])]


def domain_row(tenants: Tenants, name: str = "eng") -> Domain:
    found = tenants.cloud.db.read().find(Domain, Domain.c.uuid == tenants.domains[name])
    assert found is not None
    return found


def sign_in(tenants: Tenants, username: str, password: str) -> bool:
    return Gatekeeper(tenants.cloud.db).sign_in(username, password, "/eng/", None) is not None


def test_a_server_that_does_not_answer_is_not_added(tenants: Tenants, listed: Listed) -> None:
    listed.silent = True
    with pytest.raises(CloudError, match="h:389 cannot be reached") as told:
        tenants.call(tenants.root, "addLdapConfiguration", hostname="h2", port=389)
    assert told.value.param == "hostname"
    assert tenants.call(tenants.root, "listLdapConfigurations")["count"] == 1


def test_servers_by_domain_and_by_who_asks(tenants: Tenants, listed: Listed) -> None:
    eng, ops = tenants.domains["eng"], tenants.domains["ops"]
    mine = tenants.call("eva", "addLdapConfiguration", hostname="ldaps://e", port=636, domainid=eng)["LdapAddConfiguration"]
    assert mine == {"id": mine["id"], "hostname": "ldaps://e", "port": 636, "domainid": eng}
    for params in ({}, {"domainid": ops}):
        with pytest.raises(CloudError):
            tenants.call("eva", "addLdapConfiguration", hostname="x", port=389, **params)
    assert tenants.call("eva", "listLdapConfigurations")["LdapConfiguration"] == [mine]
    assert tenants.call("ole", "listLdapConfigurations").get("count", 0) == 0
    assert tenants.call(tenants.root, "listLdapConfigurations", listall="true")["count"] == 2
    assert tenants.call(tenants.root, "listLdapConfigurations", domainid=eng)["count"] == 1
    assert tenants.call(tenants.root, "listLdapConfigurations", id=mine["id"])["LdapConfiguration"] == [mine]
    with pytest.raises(CloudError, match="configured already"):
        tenants.call("eva", "addLdapConfiguration", hostname="ldaps://e", port=636, domainid=eng)
    with pytest.raises(CloudError):
        tenants.call("ole", "deleteLdapConfiguration", id=mine["id"])
    told = tenants.call("eva", "deleteLdapConfiguration", hostname="ldaps://e", domainid=eng)["LdapDeleteConfiguration"]
    assert told == mine


def test_what_is_no_host_is_refused() -> None:
    for name in ("a b", "http://h", "h/x", "h:1:2:x", "-D cn=x;", "ldap://u@h", ""):
        assert options.bad_host(name), name
    for name in ("h", "dc1.example.org", "ldaps://h", "192.0.2.1", "[2001:db8::1]", "2001:db8::1"):
        assert not options.bad_host(name), name


def test_who_is_listed(tenants: Tenants, listed: Listed) -> None:
    eng = tenants.domains["eng"]
    everybody = ["ann", "gone", "sue", "yan", "zoe"]
    assert names(tenants.call("eva", "listLdapUsers")) == everybody
    assert names(tenants.call("eva", "listLdapUsers", listtype="new")) == ["sue", "yan", "zoe"]
    assert names(tenants.call("ole", "listLdapUsers", userfilter="LocalDomain")) == ["ann", "sue", "yan", "zoe"]
    assert names(tenants.call("ole", "listLdapUsers", userfilter="AnyDomain")) == ["sue", "yan", "zoe"]
    tenants.call(tenants.root, "ldapCreateAccount", username="zoe", accounttype=0, domainid=eng)
    told = tenants.call("eva", "listLdapUsers", userfilter="PotentialImport")["LdapUser"]
    assert [(user["username"], user.get("conflictingusersource")) for user in told] == [
        ("ann", "native"),
        ("sue", None),
        ("yan", None),
    ]
    assert names(tenants.call("eva", "listLdapUsers", keyword="SUE@")) == ["sue"]
    page = tenants.call("eva", "listLdapUsers", page=2, pagesize=2)
    assert (names(page), page["count"]) == (["sue", "yan"], 5)
    with pytest.raises(CloudError, match="is not one of"):
        tenants.call("eva", "listLdapUsers", userfilter="Other")
    with pytest.raises(CloudError):
        tenants.call("ole", "listLdapUsers", domainid=eng)


def test_one_is_made_a_user(tenants: Tenants, listed: Listed) -> None:
    eng = tenants.domains["eng"]
    about = {"timezone": "Europe/Berlin", "networkdomain": "z.example.org", "accountdetails[0].team": "red"}
    ids = {"accountid": "11111111-1111-4111-8111-111111111111", "userid": "22222222-2222-4222-8222-222222222222"}
    told = tenants.call("eva", "ldapCreateAccount", username="ZOE", accounttype=0, domainid=eng, **about, **ids)["account"]
    assert (told["name"], told["id"], told["networkdomain"], told["accountdetails"]) == (
        "zoe",
        ids["accountid"],
        "z.example.org",
        {"team": "red"},
    )
    user = told["user"][0]
    assert (user["id"], user["usersource"], user["firstname"], user["timezone"]) == (
        ids["userid"],
        "ldap",
        "Zoe",
        "Europe/Berlin",
    )
    tenants.call("eva", "ldapCreateAccount", username="yan", account="zoe", domainid=eng)
    made = tenants.call("eva", "listUsers", domainid=eng, account="zoe")["user"]
    assert [user["username"] for user in made] == ["zoe", "yan"]
    for params, match in (
        ({"username": "nobody"}, "nobody is not in the directory"),
        ({"username": "gone"}, "gone is not in the directory: it is disabled"),
        ({"username": "sue", "account": "new"}, "roleid and accounttype"),
        ({"username": "sue", "accounttype": 1}, "may do more than the caller"),
        ({"username": "ann", "accounttype": 0}, "there is already a user"),
    ):
        with pytest.raises(CloudError, match=match):
            tenants.call(
                "eva",
                "ldapCreateAccount",
                domainid=eng,
                **({"account": "other"} if params["username"] == "ann" else {}),
                **params,
            )


def test_what_would_be_made_is_told_first(tenants: Tenants, listed: Listed) -> None:
    told = tenants.call(tenants.root, "ldapCreateAccount", username="zoe", accounttype=0, dryrun="true")
    assert {change["what"].strip() for change in told["dryrun"]["changes"]} >= {"account", "user"}
    assert tenants.cloud.db.read().find(User, User.c.username == "zoe") is None


def test_all_are_imported_by_where_they_are(tenants: Tenants, listed: Listed) -> None:
    told = tenants.call(tenants.root, "importLdapUsers", accounttype=0)
    assert names(told) == ["ann", "sue", "yan", "zoe"]
    domains = {d["name"]: d["id"] for d in tenants.call(tenants.root, "listDomains", listall="true")["domain"]}
    assert tenants.call(tenants.root, "listUsers", domainid=domains["staff"])["user"][0]["account"] == "sue"
    assert tenants.call(tenants.root, "listUsers", domainid=domains["people"])["count"] == 3
    assert tenants.call(tenants.root, "importLdapUsers").get("count", 0) == 0


def test_who_is_in_the_way_is_told(tenants: Tenants, listed: Listed) -> None:
    eng = tenants.domains["eng"]
    told = tenants.call("eva", "importLdapUsers", domainid=eng, account="crew", accounttype=0, timezone="Europe/Berlin")
    assert [user["username"] for user in told["LdapUser"] if "conflictingusersource" not in user] == ["sue", "yan", "zoe"]
    assert [user["username"] for user in told["LdapUser"] if user.get("conflictingusersource") == "native"] == ["ann"]
    account = tenants.call("eva", "listAccounts", name="crew", domainid=eng)["account"][0]
    assert [user["timezone"] for user in account["user"]] == ["Europe/Berlin"] * 3
    with pytest.raises(CloudError, match="domainid is needed"):
        tenants.call("eva", "importLdapUsers", accounttype=0)
    with pytest.raises(CloudError, match="Account system has no users but its own"):
        tenants.call(tenants.root, "importLdapUsers", domainid=tenants.root.domain_uuid, account="system")


def test_a_domain_is_linked_once(tenants: Tenants, listed: Listed) -> None:
    eng = tenants.domains["eng"]
    link = {"domainid": eng, "type": "GROUP", "ldapdomain": "crew"}
    for params, match in (
        ({"accounttype": 1}, "not made by a link|may do more"),
        ({"accounttype": 0, "ldapdomain": "nothing"}, "has 0 of group nothing"),
        ({"accounttype": 0, "admin": "sue"}, "sue cannot become a user: nobody is called so in crew"),
        ({"accounttype": 0, "type": "TREE"}, "is not one of GROUP, OU"),
    ):
        with pytest.raises(CloudError, match=match):
            tenants.call(tenants.root, "linkDomainToLdap", **{**link, **params})
    told = tenants.call(tenants.root, "linkDomainToLdap", **link, accounttype=0, admin="zoe")["LinkDomainToLdap"]
    assert told == {
        "domainid": eng,
        "name": "crew",
        "ldapdomain": "crew",
        "type": "GROUP",
        "accounttype": 0,
        "accountid": told["accountid"],
    }
    admin = tenants.call(tenants.root, "listAccounts", id=told["accountid"])["account"][0]
    assert (admin["name"], admin["accounttype"]) == ("zoe", 2)
    with pytest.raises(CloudError, match="is linked already, to GROUP crew"):
        tenants.call(tenants.root, "linkDomainToLdap", **link, accounttype=0)
    assert sign_in(tenants, "YAN", "nay")
    assert not sign_in(tenants, "sue", "eus")
    assert tenants.call(tenants.root, "unlinkDomainFromLdap", domainid=eng)["success"] is True
    with pytest.raises(CloudError, match="is not linked"):
        tenants.call(tenants.root, "unlinkDomainFromLdap", domainid=eng)


def test_an_account_is_linked(tenants: Tenants, listed: Listed) -> None:
    eng = tenants.domains["eng"]
    told = tenants.call("eva", "linkAccountToLdap", domainid=eng, ldapdomain="crew", account="crew")["linkAccountToLdap"]
    assert (told["account"], told["type"], told["accounttype"]) == ("crew", "GROUP", 0)
    assert sign_in(tenants, "yan", "nay")
    found = tenants.cloud.db.read().find(User, User.c.username == "yan")
    account = tenants.cloud.db.read().find(Account, Account.c.uuid == told["accountid"])
    assert found is not None
    assert account is not None
    assert found.account_id == account.id
    done(tenants.cloud, tenants.root, "deleteAccount", id=account.uuid)
    assert not sign_in(tenants, "zoe", "eoz"), "the account is gone, and its link with it"
    with pytest.raises(CloudError):
        tenants.call("ole", "linkAccountToLdap", domainid=eng, ldapdomain="crew", account="x")
    person = {"username": "rea", "firstname": "r", "lastname": "r", "email": "r@example.org", "password": "Aa1!aaaaaaaa"}
    tenants.call(tenants.root, "createAccount", **person, accounttype=3, domainid=eng)
    for more in ({"account": "rea"}, {"account": "x", "accounttype": 3}):
        with pytest.raises(CloudError, match="may do more than the caller's own role"):
            tenants.call("eva", "linkAccountToLdap", domainid=eng, ldapdomain="crew", **more)


def test_one_in_the_groups_of_two_accounts_is_not_guessed_at(
    tenants: Tenants, listed: Listed, caplog: pytest.LogCaptureFixture
) -> None:
    listed.parts["more"] = ["zoe"]
    for account, group in (("one", "crew"), ("two", "more")):
        tenants.call("eva", "linkAccountToLdap", domainid=tenants.domains["eng"], ldapdomain=group, account=account)
    assert not sign_in(tenants, "zoe", "eoz")
    assert "in the groups of 2 accounts" in caplog.text
    assert sign_in(tenants, "yan", "nay")


def test_a_linked_domain_does_not_take_over_local_users(tenants: Tenants, listed: Listed) -> None:
    listed.parts["crew"].append("ann")
    tenants.call(
        tenants.root, "linkDomainToLdap", domainid=tenants.domains["eng"], type="GROUP", ldapdomain="crew", accounttype=0
    )
    assert not sign_in(tenants, "ann", "nna")
    assert not sign_in(tenants, "ANN", "nna"), "written otherwise it is the same one"


def test_a_silent_directory_changes_nothing(tenants: Tenants, listed: Listed) -> None:
    tenants.call("eva", "ldapCreateAccount", username="zoe", accounttype=0, domainid=tenants.domains["eng"])
    listed.silent = True
    assert not sign_in(tenants, "zoe", "eoz")
    user = tenants.cloud.db.read().find(User, User.c.username == "zoe")
    assert user is not None
    assert (user.failed_logins, user.away, user.state) == (0, False, "enabled")
    for command in ("listLdapUsers", "importLdapUsers"):
        with pytest.raises(CloudError, match="No directory server answers") as told:
            tenants.call(tenants.root, command, domainid=tenants.domains["eng"])
        assert told.value.code == 534


def test_who_is_not_there_any_more_may_not_call(
    tenants: Tenants, listed: Listed, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    for name in ("zoe", "yan"):
        tenants.call("eva", "ldapCreateAccount", username=name, accounttype=0, domainid=tenants.domains["eng"])
    zoe, yan = (tenants.cloud.db.read().find(User, User.c.username == name) for name in ("zoe", "yan"))
    assert zoe is not None
    assert yan is not None
    for user in (zoe, yan):
        row = LoginSession(digest=f"of {user.username}", user_uuid=user.uuid, key_digest="k", began=1e9, seen=1e12)
        tenants.cloud.db.write(lambda tx, row=row: session.add(tx, row))
    everybody = list(listed.everybody)
    listed.everybody.remove(person("zoe"))
    looked_after(tenants, lambda: now(tenants, zoe).away)
    gate = Gatekeeper(tenants.cloud.db)
    assert gate.by_uuid(zoe.uuid) is None
    assert gate.by_uuid(yan.uuid) is not None
    reader = tenants.cloud.db.read()
    assert session.find(reader, "of zoe") is None
    assert session.find(reader, "of yan") is not None
    told = reader.find(Event, Event.c.kind_of == "USER.DISABLE", Event.c.instance_uuid == zoe.uuid)
    assert told is not None
    assert "the directory does not have it" in told.description
    assert tenants.call("eva", "listUsers", username="zoe", listall="true")["user"][0]["state"] == "disabled"
    assert tenants.call("eva", "listUsers", state="Disabled", listall="true")["count"] == 1
    listed.everybody = []  # nobody at all: a mistake, not news
    before = tenants.cloud.db.read().count(Event)
    looked_after(tenants, lambda: "has nobody at all" in caplog.text)
    listed.everybody = everybody
    looked_after(tenants, lambda: not now(tenants, zoe).away)
    assert not now(tenants, yan).away
    assert tenants.cloud.db.read().count(Event) == before + 1
    assert now(tenants, zoe).state == "enabled"


def now(tenants: Tenants, user: User) -> User:
    return tenants.cloud.db.read().get(User, user.id)


def looked_after(tenants: Tenants, until: Callable[[], bool]) -> None:
    tenants.cloud.db.write(lambda tx: wake(tx, CheckDirectoryUsers))
    last = time.monotonic() + 60
    while not until():
        assert time.monotonic() < last, "the loop did not do it"
        time.sleep(0.01)


def test_a_domain_takes_its_directory_with_it(tenants: Tenants, listed: Listed) -> None:
    ops = tenants.domains["ops"]
    tenants.call("ole", "addLdapConfiguration", hostname="o", port=389, domainid=ops)
    tenants.call(tenants.root, "linkDomainToLdap", domainid=ops, type="GROUP", ldapdomain="crew", accounttype=0)
    done(tenants.cloud, tenants.root, "deleteDomain", id=ops, cleanup="true")
    reader = tenants.cloud.db.read()
    assert reader.all(LdapServer, LdapServer.c.domain_id != 0) == reader.all(LdapLink) == []


def test_the_old_commands(tenants: Tenants, listed: Listed) -> None:
    secret = "a bind password"
    told = tenants.call(tenants.root, "ldapConfig", hostname="old", ssl="true", searchbase=BASE, binddn="cn=r", bindpass=secret)[
        "ldapconfig"
    ]
    assert told == {
        "hostname": "old", "port": "636", "ssl": "true", "searchbase": BASE, "binddn": "cn=r",
        "queryfilter": "(&(objectClass=inetOrgPerson)(uid=%u))",
    }  # fmt: skip
    reader = tenants.cloud.db.read()
    assert options.options(reader, 0).password == Secret(secret)
    assert PRINTED in repr(options.options(reader, 0))
    stored = reader.find(SettingRow, SettingRow.c.name == "ldap.bind.password")
    assert stored is not None
    assert secret not in stored.value
    assert len(tenants.call(tenants.root, "ldapConfig", listall="true")["ldapconfig"]) == 2
    with pytest.raises(CloudError, match=r"queryfilter.*is not kept as a text"):
        tenants.call(tenants.root, "ldapConfig", hostname="x", queryfilter="(uid=%u)")
    with pytest.raises(CloudError, match="hostname: it is needed"):
        tenants.call(tenants.root, "ldapConfig", searchbase=BASE)
    tenants.call(tenants.root, "ldapRemove")
    assert tenants.call(tenants.root, "listLdapConfigurations").get("count", 0) == 0
    assert not [event for event in reader.all(Event) if secret in event.description]


PEM = "-----BEGIN CERTIFICATE-----"
VALUES = {
    "ldap.basedn": ("base", "dc=x", "dc=x"),
    "ldap.bind.principal": ("principal", "cn=r", "cn=r"),
    "ldap.bind.password": ("password", "word", Secret("word")),
    "ldap.email.attribute": ("email", "e", "e"),
    "ldap.firstname.attribute": ("first_name", "f", "f"),
    "ldap.lastname.attribute": ("last_name", "l", "l"),
    "ldap.group.object": ("group_object", "g", "g"),
    "ldap.group.user.uniquemember": ("member", "m", "m"),
    "ldap.nested.groups.enable": ("nested", "false", False),
    "ldap.provider": ("ad", "microsoftad", True),
    "ldap.read.timeout": ("waits", "7000", options.Waits(2, 7)),
    "ldap.request.page.size": ("page", "7", 7),
    "ldap.search.group.principle": ("principle", "cn=g", "cn=g"),
    "ldap.truststore": ("trust", PEM, PEM),
    "ldap.truststore.password": ("trust_password", "word", Secret("word")),
    "ldap.user.memberof.attribute": ("member_of", "mo", "mo"),
    "ldap.user.object": ("user_object", "u", "u"),
    "ldap.username.attribute": ("username", "n", "n"),
}


def test_each_setting_of_the_catalogue_is_in_force_at_once_and_for_its_domain(tenants: Tenants) -> None:
    reader, eng, ops = tenants.cloud.db.read(), domain_row(tenants), domain_row(tenants, "ops")
    for name, (field, text, value) in VALUES.items():
        before = getattr(options.options(reader, ops.id), field)
        assert before != value, name
        tenants.call(tenants.root, "updateConfiguration", name=name, value=text, domainid=eng.uuid)
        assert getattr(options.options(reader, eng.id), field) == value, name
        assert getattr(options.options(reader, ops.id), field) == before, name
        tenants.call(tenants.root, "updateConfiguration", name=name, value=text)
        assert getattr(options.options(reader, ops.id), field) == value, name
    ours = {name for name in Setting.by_name if name.startswith("ldap.")} - VALUES.keys()
    assert ours == {"ldap.allowed.internal.sites", "ldap.connect.timeout", "ldap.tls", "ldap.users.check.interval"}


def test_files_of_the_server_are_roots_to_name(tenants: Tenants) -> None:
    name, eng = "ldap.truststore", tenants.domains["eng"]
    for who in ("eva", tenants.root):
        with pytest.raises(ParamError, match="PEM text for a single domain"):
            tenants.call(who, "updateConfiguration", name=name, value="/etc/shadow", domainid=eng)
        tenants.call(who, "updateConfiguration", name=name, value=PEM, domainid=eng)
    tenants.call(tenants.root, "updateConfiguration", name=name, value="/etc/ssl/authority.pem")


def test_a_domains_own_servers_are_not_inside_unless_root_says_so(tenants: Tenants) -> None:
    reader, eng, ops = tenants.cloud.db.read(), domain_row(tenants), domain_row(tenants, "ops")
    tenants.cloud.db.write(lambda tx: [tx.insert(LdapServer(hostname="127.0.0.1", port=9, domain_id=d)) for d in (0, eng.id)])

    def said(of: Domain) -> str:
        with pytest.raises(Unclear) as refused:
            asking.directory(reader, of.id).ask(lambda session: None)
        return refused.value.text

    assert "127.0.0.1, an internal address that may not be reached" in said(eng)
    assert "internal" not in said(ops)
    tenants.call(tenants.root, "updateConfiguration", name="ldap.allowed.internal.sites", value="10.0.0.0/8, 127.0.0.0/8")
    assert "internal" not in said(eng)
    with pytest.raises(Denied):
        tenants.call("eva", "updateConfiguration", name="ldap.allowed.internal.sites", value="0.0.0.0/0")
    with pytest.raises(ParamError, match="cannot be set for a single domain"):
        tenants.call("eva", "updateConfiguration", name="ldap.allowed.internal.sites", value="0.0.0.0/0", domainid=eng.uuid)


def test_the_provider_brings_its_defaults(tenants: Tenants) -> None:
    reader = tenants.cloud.db.read()
    for name, value in (("ldap.provider", "microsoftad"), ("ldap.user.object", "person")):
        tenants.call(tenants.root, "updateConfiguration", name=name, value=value)
    known = options.options(reader, 0)
    assert (known.user_object, known.username, known.group_object, known.member) == (
        "person",
        "samaccountname",
        "group",
        "member",
    )


@pytest.mark.parametrize(
    ("host", "port", "mode", "tls"),
    [
        ("h", 389, "auto", "starttls"), ("h", 389, "none", "none"), ("h", 636, "auto", "ldaps"),
        ("h", 3269, "auto", "ldaps"), ("ldaps://h", 389, "none", "ldaps"),
        ("ldap://h", 389, "starttls", "starttls"), ("[::1]", 636, "none", "none"),
    ],
)  # fmt: skip
def test_how_a_server_is_spoken_to(host: str, port: int, mode: str, tls: str) -> None:
    assert options.address(host, port, mode) == options.Address("::1" if "::" in host else "h", port, tls)


def test_the_package_says_where_its_reasons_are() -> None:
    from cloudwright.identity import directory

    note = pathlib.Path(__file__).parents[3] / (directory.__doc__ or "").rsplit(" ", 1)[1].rstrip(".\n")
    assert note.is_file()
