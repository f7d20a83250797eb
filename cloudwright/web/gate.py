"""What the HTTP face asks of the house: who is calling, what commands there are, what the settings say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from cloudwright.core.wire import Body, Parameters
from cloudwright.identity.entrance import Entrance


class Request(Struct, frozen=True):
    """One HTTP request. Header names are lower case; `peer` is the address of the other end of the connection."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = {}
    peer: str = "127.0.0.1"
    secure: bool = False  # came over TLS


class Answer(Struct):
    """One HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""


class Identity(Protocol):
    """A caller: a user who is enabled, with account and domain enabled too."""

    @property
    def user(self) -> str:
        """The user's uuid: what a session remembers."""

    @property
    def two_factor(self) -> bool:
        """Whether a session of this user must pass the second factor."""

    @property
    def password_due(self) -> bool:
        """Whether a session of this user must change the password first."""

    @property
    def root(self) -> bool:
        """Whether this is a root administrator, who may read internal details in errors."""


class Login(Struct, frozen=True):
    """A user who gave the right password; `fields` is the login answer but timeout, session key and is2faverified."""

    identity: Identity
    fields: Mapping[str, Any]


class Session(Struct, frozen=True):
    """A browser session as stored: keys only as SHA-256, times in seconds since the epoch."""

    user: str
    key_digest: str
    created: float
    seen: float
    verified: bool = False  # the second factor was passed in this session
    origin: str = ""  # digest of whom an identity provider knows this as
    told: str = ""  # what it calls this sign-in


class Gate(Protocol):
    """Users and their sessions, shared by all servers."""

    def user_by_api_key(self, key: str) -> tuple[str, Identity] | None:
        """(secret key, identity) of an API key in force; None for any reason that it is not."""

    def identity(self, user: str) -> Identity | None:
        """The user of a session, None when removed, disabled or locked (or its account or domain)."""

    def system(self) -> Identity:
        """The system account, for the unauthenticated port."""

    def login(self, username: str, password: str, domain_path: str, domain_id: str | None) -> Login | None:
        """The user with that password in the domain of `domain_id` (uuid or number), else of `domain_path`
        (`/`, `/eng/dev/`). Raises WireError when sign-in is refused for a reason that may be told."""

    def session_get(self, digest: str) -> Session | None:
        """The session stored under a digest of its id."""

    def session_add(self, digest: str, session: Session) -> None:
        """Store a new session."""

    def session_update(self, digest: str, session: Session) -> bool:
        """Replace a session if it still exists: a signed-out session must never come back. False when it is gone."""

    def session_drop(self, digest: str) -> None:
        """Forget a session; it may be gone already."""

    def admitted(self, identity: Identity, peer: str) -> bool:
        """Whether this user may call from that address (`api.allowed.source.cidr.list`)."""

    def permitted(self, identity: Identity, command: str) -> bool:
        """Whether the rules of the caller's role allow the command."""

    def lacking(self, identity: Identity, command: str) -> tuple[list[str], list[str]]:
        """Of a command that is not permitted: which right is missing, and what would give it, in sentences."""

    def within_rate(self, identity: Identity) -> bool:
        """Count a call; False when the caller has made too many."""


class Declaration(Protocol):
    """What the face must know of a command before it runs."""

    @property
    def name(self) -> str: ...
    @property
    def resp_key(self) -> str:
        """The outer key of answers."""

    @property
    def ok_resp_key(self) -> str:
        """The outer key of successful answers: nearly always `resp_key`."""

    @property
    def http_method(self) -> str:
        """The verb declared: GET, POST, or empty."""

    @property
    def pre_auth(self) -> bool:
        """Dispatched before any check of signature or session; its name matches in any case."""

    @property
    def knows_caller(self) -> bool:
        """Though before login: whoever is signed in calls as that."""

    @property
    def anonymous(self) -> bool:
        """Open to callers without any credentials too (listGuiThemes)."""

    @property
    def port_refused(self) -> Collection[str]:
        """Lower-cased parameters that the unauthenticated port refuses."""


class Context(Struct, frozen=True):
    """The circumstances of a call."""

    peer: str
    host: str  # the host name that the caller used
    json: bool
    session: bool  # called from a browser session
    system: bool  # came through the unauthenticated port
    digest: str = ""  # of the browser session
    browser: str = ""  # what a sign-in that began in this browser left there
    due: bool = False  # the second factor was not passed in this session


class Outcome(Struct):
    """A successful answer: the body to put under the command's outer key."""

    body: Body
    status: int = 200
    entrance: Entrance | None = None
    login: Login | None = None  # of the user who entered


class Commands(Protocol):
    """The commands of the API."""

    def find(self, name: str) -> Declaration | None:
        """The command of exactly that name."""

    def find_pre_auth(self, name: str) -> Declaration | None:
        """The pre-login command of that name in any case."""

    def run(self, command: Declaration, identity: Identity | None, params: Parameters, context: Context) -> Outcome:
        """Run it. Raises errors that are `Told`; anything else is answered as 530. `identity` is None only for
        commands that need none."""


class Settings(Protocol):
    """The settings in force now."""

    def __call__(self, name: str) -> Any:
        """The typed value of a global setting."""


@runtime_checkable
class Told(Protocol):
    """An error meant for the caller."""

    code: int
    cs_code: int | None
    text: str
    param: str | None

    def explain(self) -> dict[str, object]: ...


@runtime_checkable
class ToldOfThings(Protocol):
    """An error that names the things concerned, as (uuid, what it is)."""

    uuids: Sequence[tuple[str, str]]
