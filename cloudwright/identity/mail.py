"""A letter by SMTP, as the settings user.password.reset.smtp.* say."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage

from msgspec import Struct

from cloudwright.core.error import Unavailable
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader

_WHERE = "user.password.reset.smtp."
HOST = setting(_WHERE + "host", "", "the mail server that sends password resets")
PORT = setting(_WHERE + "port", 25, "its port", minimum=1, maximum=65535)
AUTH = setting(_WHERE + "useAuth", False, "whether to sign in there")
USERNAME = setting(_WHERE + "username", "", "as whom")
PASSWORD = setting(_WHERE + "password", "", "by which password", secret=True, category="Secure")
START_TLS = setting(_WHERE + "useStartTLS", False, "whether to speak TLS with it; its certificate must then be valid")
PROTOCOLS = setting(_WHERE + "enabledSecurityProtocols", "", "TLS versions to speak, separated by blanks: TLSv1.2 TLSv1.3")
SENDER = setting("user.password.reset.email.sender", "", "the address that password resets come from")

_SECONDS = 20.0  # that a mail server may take to answer
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class Post(Struct, frozen=True):
    """The mail server, as the settings are now."""

    host: str
    port: int
    sender: str
    username: str = ""
    password: str = ""  # never printed: see __repr__
    tls: bool = False
    versions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Post({self.host}:{self.port})"

    def send(self, to: str, subject: str, text: str) -> None:
        """Hand a letter over. Raises OSError, smtplib.SMTPException, or ValueError where an address is none."""
        letter = EmailMessage()
        letter["Subject"], letter["From"], letter["To"] = subject, self.sender, Address(addr_spec=to)
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(text)
        with smtplib.SMTP(self.host, self.port, timeout=_SECONDS) as server:
            if self.tls:
                server.starttls(context=self._context())
            if self.username:
                server.login(self.username, self.password)
            server.send_message(letter, to_addrs=[to])

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.versions:
            spoken = sorted(_VERSIONS[version] for version in self.versions)
            context.minimum_version, context.maximum_version = spoken[0], spoken[-1]
        return context


def post(reader: Reader) -> Post:
    """The mail server to use. Raises Unavailable when the settings name none, or cannot be followed."""
    versions = tuple(PROTOCOLS.get(reader).split())
    missing = [name for name, value in ((HOST.name, HOST.get(reader)), (SENDER.name, SENDER.get(reader))) if not value]
    wrong = [f"{PROTOCOLS.name}: {version} is not spoken here" for version in versions if version not in _VERSIONS]
    if missing or wrong:
        raise Unavailable("Letters cannot be sent", why=[f"setting {name} is empty" for name in missing] + wrong)
    secret = PASSWORD.reveal(reader)
    signing = {"username": USERNAME.get(reader), "password": secret.reveal() if secret else ""} if AUTH.get(reader) else {}
    tls = START_TLS.get(reader)
    return Post(HOST.get(reader), PORT.get(reader), SENDER.get(reader), tls=tls, versions=versions, **signing)
