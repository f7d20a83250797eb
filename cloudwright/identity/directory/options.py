"""The settings of directories, and all of them that are in force for a domain as one value."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from cloudwright.core.secret import Secret
from cloudwright.core.setting import Setting, bad_networks, setting
from cloudwright.core.tx import Reader
from cloudwright.identity.directory.connection import Address, Waits
from cloudwright.identity.directory.model import LdapServer

AD = "microsoftad"


def _of_domain(name: str, default: str, doc: str, secret: bool = False, **declared: Any) -> Setting[str]:
    category = "Secure" if secret or name == "ldap.bind.principal" else "Advanced"
    return setting(name, default, doc, scopes=("domain",), category=category, secret=secret, **declared)


def _bad_store(text: str, scope: str) -> str | None:
    """Files of the servers are root's to name: a domain's administrators would learn which there are."""
    if scope == "global" or not text or "-----BEGIN" in text:
        return None
    return "is PEM text for a single domain; only the value for the whole cloud may be the path of a file"


BASE_DN = _of_domain("ldap.basedn", "", "the entry below which users and groups are looked for, such as dc=example,dc=org")
PRINCIPAL = _of_domain("ldap.bind.principal", "", "as whom directories are searched: a distinguished name; empty: as nobody")
PASSWORD = _of_domain("ldap.bind.password", "", "the password of ldap.bind.principal", secret=True)
PROVIDER = setting(
    "ldap.provider", "openldap", "microsoftad also replaces the defaults of ldap.user.object (by user), ldap.username.attribute"
    " (samaccountname), ldap.group.object (group) and ldap.group.user.uniquemember (member)",
    scopes=("domain",), options=("openldap", AD),
)  # fmt: skip
USER_OBJECT = _of_domain("ldap.user.object", "inetOrgPerson", "the object class of users")
USERNAME = _of_domain("ldap.username.attribute", "uid", "the attribute that is a user's name")
EMAIL = _of_domain("ldap.email.attribute", "mail", "the attribute that is a user's e-mail address")
FIRST_NAME = _of_domain("ldap.firstname.attribute", "givenname", "the attribute that is a user's first name")
LAST_NAME = _of_domain("ldap.lastname.attribute", "sn", "the attribute that is a user's last name")
GROUP_OBJECT = _of_domain("ldap.group.object", "groupOfUniqueNames", "the object class of groups")
MEMBER = _of_domain("ldap.group.user.uniquemember", "uniquemember", "the attribute of a group that names its members")
MEMBER_OF = _of_domain("ldap.user.memberof.attribute", "memberof", "the attribute of a user that names its groups")
PRINCIPLE = _of_domain("ldap.search.group.principle", "", "the distinguished name of the group whose members only are users")
NESTED = setting("ldap.nested.groups.enable", True, "whether members of a group's groups are its members", scopes=("domain",))
PAGE = setting("ldap.request.page.size", 1000, "how many entries are asked for at a time", scopes=("domain",), minimum=1)
READ_TIMEOUT = setting(
    "ldap.read.timeout", 1000, "milliseconds to wait for each answer of a server before the next is asked",
    scopes=("domain",), minimum=1, maximum=60_000,
)  # fmt: skip
CONNECT_TIMEOUT = setting(
    "ldap.connect.timeout", 2000, "milliseconds to wait for a connection to a server before the next is tried",
    scopes=("domain",), minimum=1, maximum=60_000,
)  # fmt: skip
TRUST = _of_domain(
    "ldap.truststore", "", "the authorities that sign servers' certificates: PEM text, or the path of a file with PEM or PKCS#12;"
    " empty: those of the operating system. Java key stores of the old kind JKS are not read. For one domain: PEM text",
    check=_bad_store,
)  # fmt: skip
TRUST_PASSWORD = _of_domain("ldap.truststore.password", "", "the password of a PKCS#12 file", secret=True)
TLS = setting(
    "ldap.tls", "auto", "how servers are spoken to: ldaps, starttls, none; auto is ldaps at the ports 636 and 3269, elsewhere"
    " starttls; with none, passwords can be read on the way",
    scopes=("domain",), options=("auto", "ldaps", "starttls", "none"),
)  # fmt: skip
INTERNAL = setting(
    "ldap.allowed.internal.sites", "", "CIDRs, by comma, of internal addresses at which servers of a single domain may be; those"
    " for all domains, which root adds, may be anywhere",
    check=bad_networks,
)  # fmt: skip

_HOST = re.compile(r"(?:(ldaps?)://)?([A-Za-z0-9._-]{1,253}|\[?[0-9A-Fa-f:.]{2,45}\]?)/?")
LDAPS_PORTS = (636, 3269)
_AD_DEFAULTS = {USER_OBJECT: "user", USERNAME: "samaccountname", GROUP_OBJECT: "group", MEMBER: "member"}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a domain's directory is asked. Two domains that ask alike have equal ones."""

    servers: tuple[Address, ...]
    inside: tuple[str, ...] | None  # CIDRs of internal addresses that they may be at; None: anywhere
    waits: Waits
    trust: str
    trust_password: Secret
    principal: str
    password: Secret
    base: str
    ad: bool
    user_object: str
    username: str
    email: str
    first_name: str
    last_name: str
    group_object: str
    member: str
    member_of: str
    principle: str
    nested: bool
    page: int


def servers_of(reader: Reader, domain_id: int) -> list[LdapServer]:
    """The domain's own servers, else those for all, in the order in which they were added."""
    own = reader.all(LdapServer, LdapServer.c.domain_id == domain_id)
    return own or reader.all(LdapServer, LdapServer.c.domain_id == 0)


def options(reader: Reader, domain_id: int, servers: list[LdapServer] | None = None) -> Options:
    """What is in force for a domain (0: for the whole cloud)."""
    at = {"domain": domain_id or None}
    servers = servers_of(reader, domain_id) if servers is None else servers
    ad = PROVIDER.get(reader, **at) == AD

    def said(by: Setting[str]) -> str:
        value = by.get(reader, **at).strip()
        return _AD_DEFAULTS.get(by, value) if ad and value == by.default else value

    sites = tuple(cidr.strip() for cidr in INTERNAL.get(reader).split(",") if cidr.strip())
    trust, mode = TRUST.get(reader, **at).strip(), TLS.get(reader, **at)
    return Options(
        servers=tuple(address(row.hostname, row.port, mode) for row in servers),
        inside=sites if any(row.domain_id for row in servers) else None,
        waits=Waits(CONNECT_TIMEOUT.get(reader, **at) / 1000, READ_TIMEOUT.get(reader, **at) / 1000),
        trust=trust,
        trust_password=TRUST_PASSWORD.reveal(reader, **at) or Secret(""),
        principal=PRINCIPAL.get(reader, **at).strip(),
        password=PASSWORD.reveal(reader, **at) or Secret(""),
        base=said(BASE_DN),
        ad=ad,
        user_object=said(USER_OBJECT),
        username=said(USERNAME),
        email=said(EMAIL),
        first_name=said(FIRST_NAME),
        last_name=said(LAST_NAME),
        group_object=said(GROUP_OBJECT),
        member=said(MEMBER),
        member_of=said(MEMBER_OF),
        principle=said(PRINCIPLE),
        nested=NESTED.get(reader, **at),
        page=PAGE.get(reader, **at),
    )


def address(hostname: str, port: int, mode: str) -> Address:
    """Where and how a server is spoken to. `ldaps://` before its name says it for this one."""
    given = _HOST.fullmatch(hostname)
    host = (given[2] if given else hostname).strip("[]")
    if given and given[1] == "ldaps":
        return Address(host, port, "ldaps")
    if mode == "auto":
        mode = "ldaps" if port in LDAPS_PORTS else "starttls"
    return Address(host, port, mode)


def bad_host(hostname: str) -> str | None:
    """What is wrong with a server's name."""
    return None if _HOST.fullmatch(hostname) else "is no host name or address, with ldap:// or ldaps:// before it or without"
