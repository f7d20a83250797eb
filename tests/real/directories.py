"""Real directory servers: OpenLDAP at ports of 127.0.0.1, and a Samba Active Directory domain controller in a namespace."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloudwright.cloud import Cloud
from cloudwright.core.loop import wake
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.caller import root_caller
from cloudwright.identity.directory.watch import CheckDirectoryUsers
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import Domain, User
from tests import databases
from tests.conftest import KEY, call

SUFFIX = "dc=example,dc=org"
BIND = "cn=reader,ou=services,dc=example,dc=org"
BIND_PASSWORD = "reader's password"
EXTRA = 1200  # people beside those with names
AD_BASE = "DC=sbdemo1,DC=local"
_DAY = datetime.timedelta(days=1)


def free_port() -> int:
    """A port of 127.0.0.1 at which nobody listens."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


class Authority:
    """A certificate authority; `leaf` writes a server's certificate and key for some addresses."""

    def __init__(self, directory: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._directory = directory
        self.certificate = self._signed(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.file = directory / f"{name}.crt"
        self.file.write_text(self.pem)

    def leaf(self, name: str, *addresses: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        there = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signed = self._signed(subject, key.public_key(), x509.SubjectAlternativeName([x509.DNSName(name), *there]))
        certificate, secret = self._directory / f"{name}.crt", self._directory / f"{name}.key"
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        secret.touch(0o600)
        secret.write_bytes(key.private_bytes(*form))
        return certificate, secret

    def _signed(self, subject, key, extension) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        made = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number(), now - _DAY, now + _DAY)
        made = made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        if isinstance(extension, x509.SubjectAlternativeName):
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return made.sign(self._key, hashes.SHA256())


class Slapd:
    """OpenLDAP with people, groups and an overlay that tells people their groups."""

    def __init__(self, directory: Path, authority: Authority, *, certificate: tuple[Path, Path] | None = None) -> None:
        self.directory, self.port, self.tls_port = directory, free_port(), free_port()
        self.authority = authority
        shown, key = certificate or authority.leaf(f"slapd{self.port}", "127.0.0.1")
        (directory / "data").mkdir()
        self._config = directory / "slapd.conf"
        self._config.write_text(_SLAPD.format(d=directory, crt=shown, key=key, ca=authority.file, suffix=SUFFIX))
        seed = directory / "seed.ldif"
        seed.write_text(_seed())
        subprocess.run(["slapadd", "-q", "-f", self._config, "-l", seed], check=True, capture_output=True)

    def start(self) -> None:
        urls = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        subprocess.run(["slapd", "-f", self._config, "-h", urls], check=True, capture_output=True)
        _listening("127.0.0.1", self.port)

    def stop(self) -> None:
        """End it, if it runs."""
        with contextlib.suppress(FileNotFoundError):
            _end(self.directory / "slapd.pid")

    def pause(self) -> None:
        """Let it hang: its ports take connections, nobody answers."""
        os.kill(int((self.directory / "slapd.pid").read_text()), signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(int((self.directory / "slapd.pid").read_text()), signal.SIGCONT)

    def change(self, ldif: str) -> None:
        """Apply changes as the directory's administrator."""
        url = f"ldap://127.0.0.1:{self.port}"
        program = ["ldapmodify", "-x", "-H", url, "-D", f"cn=root,{SUFFIX}", "-w", "root's"]
        subprocess.run(program, input=ldif, text=True, check=True, capture_output=True)


_SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {d}/slapd.pid
TLSCACertificateFile {ca}
TLSCertificateFile {crt}
TLSCertificateKeyFile {key}
sizelimit size.soft=500 size.hard=500 size.pr=500 size.prtotal=unlimited
database mdb
suffix {suffix}
rootdn cn=root,{suffix}
rootpw root's
directory {d}/data
maxsize 104857600
index objectClass,uid,cn,member eq
overlay memberof
memberof-group-oc groupOfNames
overlay ppolicy
access to attrs=userPassword by anonymous auth by self write by * none
access to * by users read by * none
"""
HOSTILE = r"eve(x)*\,o=f"


def _seed() -> str:
    entries = [
        f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example",
        *(f"dn: ou={ou},{SUFFIX}\nobjectClass: organizationalUnit\nou: {ou}" for ou in ("people", "staff", "groups", "services")),
        f"dn: {BIND}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\n"
        f"userPassword: {BIND_PASSWORD}",
    ]
    people = [("ann", "people"), ("bob", "people"), ("deep", "people"), ("out", "people"), ("stu", "staff")]
    people += [(f"p{i:04d}", "people") for i in range(EXTRA)]
    entries += [_person(name, f"uid={name},ou={ou},{SUFFIX}", f"{name}'s password") for name, ou in people]
    hostile = f"uid=eve(x)*\\\\\\,o\\=f,ou=people,{SUFFIX}"
    entries.append(_person(HOSTILE, hostile, "eve's password"))
    groups = {"ops": ("cn=inner,ou=groups", "uid=ann,ou=people"), "inner": ("uid=deep,ou=people", "cn=ops,ou=groups")}
    groups |= {"all": tuple(f"uid={name},ou={ou}" for name, ou in people), "lone": ("uid=bob,ou=people",)}
    for name, members in groups.items():
        lines = "\n".join(f"member: {member},{SUFFIX}" for member in members)
        entries.append(f"dn: cn={name},ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: {name}\n{lines}")
    return "\n\n".join(entries) + "\n"


def _person(name: str, dn: str, password: str) -> str:
    about = f"uid: {name}\ncn: {name}\nsn: {name}son\ngivenName: {name[:8].title()}\nmail: {name[:4]}@example.org"
    return f"dn: {dn}\nobjectClass: inetOrgPerson\n{about}\nuserPassword: {password}"


class Samba:
    """An Active Directory domain controller, at a network namespace's address."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.directory, self.authority = directory, authority
        self._space = f"cwad{os.getpid()}"
        self.address = "198.18.219.2"

    def start(self) -> None:
        self._wire()
        shown, key = self.authority.leaf("dc1.sbdemo1.local", self.address)
        tls = {"tls enabled": "yes", "tls keyfile": key, "tls certfile": shown, "tls cafile": self.authority.file}
        given = {"interfaces": f"lo {self.address}/30", "bind interfaces only": "yes", **tls}
        self._run(
            "samba-tool", "domain", "provision", f"--targetdir={self.directory}", "--realm=SBDEMO1.LOCAL", "--domain=SBDEMO1",
            "--server-role=dc", "--dns-backend=SAMBA_INTERNAL", "--host-name=dc1", f"--host-ip={self.address}",
            "--adminpass=Adm1n-Passw0rd", *(f"--option={name}={value}" for name, value in given.items()),
        )  # fmt: skip
        config = self.directory / "etc/smb.conf"
        services = "server services = rpc, ldap, cldap, kdc, drepl, ntp_signd, kcc, dnsupdate"
        lines = f"[global]\npid directory = {self.directory}\nlog file = {self.directory}/log\n{services}\n"
        config.write_text(config.read_text().replace("[global]\n", lines, 1))
        self._run("/usr/bin/python3", "-c", _AD_SEED, str(config), str(self.directory / "private/sam.ldb"))
        self._run("samba", "-D", "-s", str(config), "-M", "standard")
        _listening(self.address, 636)

    def stop(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            _end(self.directory / "samba.pid")
        subprocess.run(["ip", "netns", "del", self._space], check=False, capture_output=True)

    def _wire(self) -> None:
        for line in (
            f"netns add {self._space}",
            f"link add {self._space} type veth peer name eth0 netns {self._space}",
            f"addr add 198.18.219.1/30 dev {self._space}",
            f"link set {self._space} up",
            f"-n {self._space} addr add {self.address}/30 dev eth0",
            f"-n {self._space} link set eth0 up",
            f"-n {self._space} link set lo up",
        ):
            subprocess.run(["ip", *line.split()], check=True, capture_output=True)

    def _run(self, *program: object) -> None:
        inside = ["ip", "netns", "exec", self._space, *map(str, program)]
        done = subprocess.run(inside, check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]

    def disable(self, name: str, disabled: bool = True) -> None:
        """Disable an account, or enable it."""
        verb = "disable" if disabled else "enable"
        self._run(
            "samba-tool", "user", verb, name, "-H", self.directory / "private/sam.ldb", "-s", self.directory / "etc/smb.conf"
        )


_AD_SEED = """
import sys
import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
config = LoadParm(); config.load(sys.argv[1])
db = SamDB(url=sys.argv[2], session_info=system_session(), lp=config)
base = db.domain_dn()
db.set_minPwdAge("0"); db.set_minPwdLength("7"); db.set_pwdProperties("0")
db.set_maxPwdAge(str(-42 * 864_000_000_000))
def user(name, first, last, **more):
    db.newuser(name, f"Pw-{name}-123", givenname=first, surname=last, mailaddress=f"{name}@sbdemo1.local", **more)
db.create_ou(f"OU=Staff,{base}")
db.newuser("cloudstack-ldap", "Bind-Passw0rd")
for name, first, last in (("jdoe", "John", "Doe"), ("asmith", "Anna", "Smith"), ("bnested", "Bea", "Nested"),
                          ("dgone", "Dan", "Gone"), ("noton", "Nick", "Outside"), ("later", "Lee", "Later"),
                          ("comma", "Co", "Ma")):
    user(name, first, last)
user("ouuser", "Olga", "Obrien", userou="OU=Staff")
user("mustchange", "Max", "Change", force_password_change_at_next_login_req=True)
user("ended", "Eva", "Ended")
user("stale", "Sam", "Stale")
change = ldb.Message(ldb.Dn(db, f"CN=stale,CN=Users,{base}"))
change["pwdLastSet"] = ldb.MessageElement("1", ldb.FLAG_MOD_REPLACE, "pwdLastSet")  # in 1601: it has expired long ago
db.modify(change, controls=["local_oid:1.3.6.1.4.1.7165.4.3.20:0"])  # what restores of backups may do
for group in ("CloudStack", "Developers"):
    db.newgroup(group)
db.add_remove_group_members("Developers", ["bnested"])
db.add_remove_group_members("CloudStack", "jdoe asmith dgone ouuser later mustchange ended stale Developers".split())
db.disable_account("(sAMAccountName=dgone)")
db.setexpiry("(sAMAccountName=ended)", -86400)
db.rename(f"CN=comma,CN=Users,{base}", f"CN=Ma\\\\, Co (x)*,CN=Users,{base}")
"""


def _listening(address: str, port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens at {address}:{port}")


def _end(file: Path) -> None:
    pid = int(file.read_text())
    os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 60
    while time.monotonic() < until and Path(f"/proc/{pid}").exists():
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _needs(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed: images/packages.sh install test")


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with tempfile.TemporaryDirectory() as directory:
        yield Authority(Path(directory), "authority")


@pytest.fixture(scope="module")
def slapd(authority: Authority) -> Iterator[Slapd]:
    _needs("slapd", "ldapmodify")
    with tempfile.TemporaryDirectory() as directory:
        server = Slapd(Path(directory), authority)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def samba(authority: Authority) -> Iterator[Samba]:
    _needs("samba", "samba-tool")
    with tempfile.TemporaryDirectory(prefix="ad") as directory:
        server = Samba(Path(directory), authority)
        try:
            server.start()
            yield server
        finally:
            server.stop()


class Tenant:
    """A domain of a cloud with a directory of its own settings, and its users as they come to the gate."""

    def __init__(self, cloud: Cloud, name: str, **settings: object) -> None:
        self.cloud, self.path = cloud, f"/{name}/"
        self.root, self.gate = root_caller(cloud.db.read()), Gatekeeper(cloud.db)
        self.id: str = self.call("createDomain", name=name)["domain"]["id"]
        self.set(**settings)

    def call(self, command: str, **params: object) -> Any:
        return call(self.cloud, self.root, command, **params)

    def set(self, **settings: object) -> None:
        """`basedn="…"` sets ldap.basedn for the domain; `__` stands for a dot."""
        for name, value in settings.items():
            self.call("updateConfiguration", name=f"ldap.{name.replace('__', '.')}", value=value, domainid=self.id)

    def serve(self, hostname: str, port: int) -> Any:
        return self.call("addLdapConfiguration", hostname=hostname, port=port, domainid=self.id)["LdapAddConfiguration"]

    def sign_in(self, username: str, password: str) -> bool:
        return self.gate.sign_in(username, password, self.path, None) is not None

    def user(self, username: str) -> User:
        domain = self.cloud.db.read().find(Domain, Domain.c.uuid == self.id)
        assert domain is not None
        found = self.cloud.db.read().find(User, User.c.domain_id == domain.id, User.c.username == username)
        assert found is not None, username
        return found

    def names(self, **params: object) -> list[str]:
        told = self.call("listLdapUsers", domainid=self.id, pagesize=-1, **params)
        return [user["username"] for user in told.get("LdapUser", [])]

    def looked_after(self, until: Callable[[], bool]) -> None:
        """Have the loop turn that looks after users, and wait for what it is to do."""
        self.cloud.db.write(lambda tx: wake(tx, CheckDirectoryUsers))
        last = time.monotonic() + 60
        while not until():
            assert time.monotonic() < last, "the loop did not do it"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def house() -> Iterator[Cloud]:
    """A cloud for all tests of a module: each makes its own domain."""
    with tempfile.TemporaryDirectory(dir=databases.roomy()) as directory:
        made = Cloud(f"sqlite:///{directory}/cloud.db", key=KEY, world=MemoryWorld())
        made.install()
        made.start()
        sites = {"name": "ldap.allowed.internal.sites", "value": "127.0.0.0/8, ::1/128, 198.18.219.0/30"}
        call(made, root_caller(made.db.read()), "updateConfiguration", **sites)
        yield made
        made.stop()
