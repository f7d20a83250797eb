"""Letters by SMTP, as the settings of each kind of letter say: of password resets, of invitations to projects, of alerts."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from msgspec import Struct

from cloudwright.core.error import Unavailable
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader

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
    connecting: float = 20.0  # seconds that the server may take to greet
    answering: float = 20.0  # and for each answer then

    def __repr__(self) -> str:
        return f"Post({self.host}:{self.port})"

    def send(self, to: str, subject: str, text: str, id: str = "") -> None:
        """Hand a letter over. By its `id`, if it is given, who gets it twice can tell. Raises OSError, smtplib.SMTPException, or
        ValueError where an address is none."""
        letter = EmailMessage()
        letter["Subject"], letter["From"], letter["To"] = subject, self.sender, Address(addr_spec=to)
        letter["Date"], letter["Auto-Submitted"] = formatdate(), "auto-generated"
        if id:
            letter["Message-ID"] = f"<{id}@{self.sender.rpartition('@')[2]}>"
        letter.set_content(text)
        with self._dialled() as server:
            if server.sock is not None:
                server.sock.settimeout(self.answering)
            if self.tls:
                server.starttls(context=self._context())
            if self.username:
                self._sign_in(server)
            server.send_message(letter, to_addrs=[to])

    def _sign_in(self, server: smtplib.SMTP) -> None:
        try:
            server.login(self.username, self.password)
        except UnicodeError:  # it would tell the letter
            raise ValueError("the name or the password to sign in with has characters beyond ASCII") from None

    def _dialled(self) -> smtplib.SMTP:
        if self.port == smtplib.SMTP_SSL_PORT and not self.tls:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.connecting, context=self._context())
        return smtplib.SMTP(self.host, self.port, timeout=self.connecting)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.versions:
            spoken = sorted(_VERSIONS[version] for version in self.versions)
            context.minimum_version, context.maximum_version = spoken[0], spoken[-1]
        return context


class Postbox:
    """The settings by which letters of one kind are sent; `prefix` begins their names."""

    def __init__(self, prefix: str, sender: str, port: int, what: str, category: str = "Advanced") -> None:
        self.host = setting(prefix + "host", "", f"the mail server that sends {what}", category=category)
        self.port = setting(
            prefix + "port", port, "its port; on 465 TLS is spoken from the start", minimum=1, maximum=65535, category=category
        )
        self.auth = setting(prefix + "useAuth", False, f"whether to sign in at the mail server that sends {what}")
        self.username = setting(
            prefix + "username", "", f"the name to sign in with at the mail server that sends {what}", category=category
        )
        self.password = setting(prefix + "password", "", "the password to sign in with there", secret=True, category="Secure")
        self.start_tls = setting(
            prefix + "useStartTLS", False, "whether to speak TLS with it; its certificate must then be valid"
        )
        self.protocols = setting(
            prefix + "enabledSecurityProtocols", "", "TLS versions to speak, separated by blanks: TLSv1.2 TLSv1.3"
        )
        self.sender = setting(sender, "", f"the address that {what} come from", category=category)

    def post(self, reader: Reader) -> Post:
        """The mail server to use. Raises Unavailable when the settings name none, or cannot be followed."""
        versions = tuple(self.protocols.get(reader).split())
        missing = [one.name for one in (self.host, self.sender) if not one.get(reader)]
        wrong = [f"{self.protocols.name}: {version} is not spoken here" for version in versions if version not in _VERSIONS]
        if missing or wrong:
            raise Unavailable("Letters cannot be sent", why=[f"setting {name} is empty" for name in missing] + wrong)
        secret = self.password.reveal(reader)
        as_whom: dict[str, Any] = {"username": self.username.get(reader), "password": secret.reveal() if secret else ""}
        signing = as_whom if self.auth.get(reader) else {}
        tls = self.start_tls.get(reader)
        return Post(self.host.get(reader), self.port.get(reader), self.sender.get(reader), tls=tls, versions=versions, **signing)


RESETS = Postbox("user.password.reset.smtp.", "user.password.reset.email.sender", 25, "password resets")


def post(reader: Reader) -> Post:
    """The mail server that sends password resets. Raises Unavailable when the settings name none, or cannot be followed."""
    return RESETS.post(reader)
