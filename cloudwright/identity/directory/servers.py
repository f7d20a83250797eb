"""Which directory servers there are: the commands that add, list and remove them, and the two old ones that do it all at once."""

from __future__ import annotations

from typing import Any

from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Command, Told
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.setting import Setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.identity.directory import options
from cloudwright.identity.directory.asking import Directory, Unclear
from cloudwright.identity.directory.model import LdapServer
from cloudwright.identity.directory.options import bad_host
from cloudwright.identity.model import Domain


class LdapConfigurationView(
    View, of=LdapServer, key="LdapConfiguration", joins=[(Domain, Domain.c.id == LdapServer.c.domain_id)]
):
    """A directory server."""

    id = field(LdapServer.c.uuid, "the server's id")
    hostname = field(LdapServer.c.hostname, "its name or address")
    port = field(LdapServer.c.port, "its port", "integer")
    domainid = field(Domain.c.uuid, "the domain that it is for; absent: for all that have none of their own")


class LdapAdded(LdapConfigurationView, key="LdapAddConfiguration"):
    """A directory server that was added."""


class LdapDeleted(LdapConfigurationView, key="LdapDeleteConfiguration"):
    """A directory server that was removed."""


_KEY = "ldapconfigurationresponse"


def _try(reader: Reader, row: LdapServer) -> None:
    """Speak with a server as its settings say. Raises ParamError with what is wrong: name, port, TLS or bind."""
    try:
        Directory(options.options(reader, row.domain_id, [row])).ask(lambda session: None)
    except Unclear as error:
        text = f"Parameter hostname: {error.text}"
        raise ParamError(text, param="hostname", why=error.why, fix=error.fix) from None


def _add(tx: Tx, row: LdapServer) -> LdapServer:
    same = (LdapServer.c.hostname == row.hostname, LdapServer.c.port == row.port, LdapServer.c.domain_id == row.domain_id)
    if tx.find(LdapServer, *same) is not None:
        raise ParamError(f"Parameter hostname: server {row.hostname}:{row.port} is configured already", param="hostname")
    return tx.insert(row)


class AddLdapConfiguration(Command, answers=LdapAdded, event="CONFIGURATION.VALUE.EDIT", since="4.2.0", resp_key=_KEY):
    """Adds a directory server, after speaking with it. Servers are asked in the order in which they were added."""

    hostname: str = param("its name or address; ldaps:// before it makes it speak TLS at any port", check=bad_host)
    port: int = param("its port", minimum=1, maximum=65535)
    domain: Ref[Domain] | None = param("the domain that it is for; without: all that have none of their own", use=Use.CHANGE)

    def ask(self, reader: Reader, caller: Caller) -> None:
        """Whether it answers."""
        if self.domain is None and caller.kind is not Kind.ROOT:
            raise Denied("Directory servers for all domains are root's to add", fix=["give domainid"])
        _try(reader, self._row())

    def run(self, tx: Tx, caller: Caller) -> LdapServer:
        return _add(tx, self._row())

    def _row(self) -> LdapServer:
        return LdapServer(hostname=self.hostname, port=self.port, domain_id=self.domain.id if self.domain else 0)


class DeleteLdapConfiguration(Command, answers=LdapDeleted, event="CONFIGURATION.VALUE.EDIT", since="4.2.0", resp_key=_KEY):
    """Removes a directory server, named by its id, or by host name, port and domain."""

    id: Ref[LdapServer] | None = param("the server", use=Use.CHANGE)
    hostname: str | None = param("its name or address, instead of id")
    port: int | None = param("its port, where it has several", minimum=1, maximum=65535)
    domain: Ref[Domain] | None = param("the domain that it is for", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> LdapServer:
        row = self.id or self._named(tx, caller)
        tx.remove(row)
        return row

    def _named(self, tx: Tx, caller: Caller) -> LdapServer:
        if self.hostname is None:
            raise ParamError("One of the parameters id and hostname is needed", param="id")
        if self.domain is None and caller.kind is not Kind.ROOT:
            raise Denied("Directory servers for all domains are root's to remove", fix=["give domainid"])
        conditions = [LdapServer.c.hostname == self.hostname]
        conditions.append(LdapServer.c.domain_id == (self.domain.id if self.domain else 0))
        conditions += [LdapServer.c.port == self.port] if self.port else []
        found = tx.all(LdapServer, *conditions)
        if len(found) != 1:
            text = f"Parameter hostname: {len(found)} servers there are called {self.hostname}, not one"
            raise ParamError(text, param="hostname", fix=["give the port, too", "give the id"])
        return found[0]


class ListLdapConfigurations(List, answers=LdapConfigurationView, keywords=[LdapServer.c.hostname], since="4.2.0", resp_key=_KEY):
    """Lists directory servers: those for all, with domainid those of a domain, with listall both."""

    id: Ref[LdapServer] | None = where(LdapServer.c.id, "only this one")
    hostname: str | None = where(LdapServer.c.hostname, "only those of this name")
    port: int | None = where(LdapServer.c.port, "only those at this port")
    domain: Ref[Domain] | None = where(LdapServer.c.domain_id, "only those for this domain")
    list_all: bool = param("those of domains, too", default=False, since="4.13.2")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if self.domain is not None or self.list_all or self.__dict__["id"] or caller.kind is not Kind.ROOT:
            return []
        return [("for all", LdapServer.c.domain_id == 0, {})]


_RESPONSE = {
    "hostname": ("string", "the server's name or address"),
    "port": ("string", "its port"),
    "ssl": ("string", "whether it is spoken to by TLS from the beginning"),
    "searchbase": ("string", "the setting ldap.basedn"),
    "binddn": ("string", "the setting ldap.bind.principal"),
    "queryfilter": ("string", "what users are found by, %u being the name"),
    "bindpass": ("string", "never told"),
}
_NO_FILTER = "is not kept as a text here; set ldap.user.object and ldap.username.attribute instead"


class LdapConfig(Command, event="CONFIGURATION.VALUE.EDIT", since="3.0.0", response=_RESPONSE):
    """Adds a directory server for all domains together with its settings, or lists what there is: the old way of doing both."""

    list_all: bool = param("true: list, change nothing", default=False)
    hostname: str | None = param("the server's name or address", check=bad_host)
    port: int | None = param("its port; without: 389, with ssl 636", minimum=1, maximum=65535)
    ssl: bool = param("whether it speaks TLS from the beginning", default=False)
    search_base: str | None = param("the setting ldap.basedn", wire_name="searchbase")
    query_filter: str | None = param("refused", wire_name="queryfilter", check=lambda _: _NO_FILTER)
    bind_dn: str | None = param("the setting ldap.bind.principal", wire_name="binddn")
    bind_pass: Secret | None = param("the setting ldap.bind.password", wire_name="bindpass")
    trust_store: str | None = param("the setting ldap.truststore", wire_name="truststore", length=65535)
    trust_store_pass: Secret | None = param("the setting ldap.truststore.password", wire_name="truststorepass")

    def run(self, tx: Tx, caller: Caller) -> Told:
        if caller.kind is not Kind.ROOT:
            raise Denied("Directory servers for all domains are root's")
        if not self.list_all:
            if self.hostname is None:
                raise ParamError("Parameter hostname: it is needed unless listall is true", param="hostname")
            self._settle(tx)
            name = self.hostname.partition("://")[2] or self.hostname
            row = _add(
                tx, LdapServer(hostname=f"ldaps://{name}" if self.ssl else name, port=self.port or (636 if self.ssl else 389))
            )
            return Told("ldapconfig", [_old(tx, row)], one=True)
        return Told("ldapconfig", [_old(tx, row) for row in tx.all(LdapServer, LdapServer.c.domain_id == 0)])

    def _settle(self, tx: Tx) -> None:
        said: list[tuple[Setting[str], str | Secret | None]] = [
            (options.BASE_DN, self.search_base), (options.PRINCIPAL, self.bind_dn), (options.PASSWORD, self.bind_pass),
            (options.TRUST, self.trust_store), (options.TRUST_PASSWORD, self.trust_store_pass),
        ]  # fmt: skip
        for setting, value in said:
            if value is not None:
                setting.set(tx, value.reveal() if isinstance(value, Secret) else value)


def _old(reader: Reader, row: LdapServer) -> dict[str, Any]:
    known = options.options(reader, 0, [row])
    server = known.servers[0]
    told = {"hostname": server.host, "port": str(server.port), "ssl": "true" if server.tls == "ldaps" else "false"}
    found = {"queryfilter": f"(&(objectClass={known.user_object})({known.username}=%u))"}
    return told | found | {k: v for k, v in (("searchbase", known.base), ("binddn", known.principal)) if v}


class LdapRemove(Command, event="CONFIGURATION.VALUE.EDIT", since="3.0.1", response={}):
    """Removes all directory servers that are for all domains: the old way."""

    def run(self, tx: Tx, caller: Caller) -> Told:
        if caller.kind is not Kind.ROOT:
            raise Denied("Directory servers for all domains are root's")
        for row in tx.all(LdapServer, LdapServer.c.domain_id == 0):
            tx.remove(row)
        return Told("ldapremove", [{}], one=True)
