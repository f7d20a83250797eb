"""A command: one API verb as a typed class. The class name is the API name (its first letter small); all else derives from it.

    class CreateSSHKeyPair(Command, answers=KeypairView, event="KEYPAIR.CREATE"):
        "Makes a key pair; the private key is told once."                    # the description that listApis shows
        name: str = param("…")
        def run(self, tx: Tx, caller: Caller) -> Keypair: ...

A command that starts a task is asynchronous: it says so by `starts=`, and calls `self.start`. `Query` reads only; `List` is in
listing.py. `Exchange` speaks with somebody outside and writes what it learned.

Two ways lead outside, and none from within a transaction. A command that only needs to know something first, and then changes
what it changes in one transaction, has an `ask` beside its `run`: dry runs, tokens and repetitions after a lost race are as for
any command. One that must write, speak and write again (it leaves a mark before a letter or a redirect, and notes the outcome) is
an `Exchange`: it has the database, and neither dry run nor token, for what was said outside cannot be taken back.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Sequence
from typing import Any, ClassVar, dataclass_transform

import msgspec

from cloudwright.core import param as parameters
from cloudwright.core import task as tasks
from cloudwright.core import wire
from cloudwright.core.access import Caller, Kind, judges
from cloudwright.core.db import Database
from cloudwright.core.event import name_of
from cloudwright.core.param import Param, param
from cloudwright.core.resource import Resource
from cloudwright.core.task import Task, TaskRow
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View


class Success(msgspec.Struct):
    """Plain success, with an optional sentence."""

    text: str | None = None


class Flat(msgspec.Struct):
    """Fields straight under the outer key."""

    body: dict[str, Any]


class Told(msgspec.Struct):
    """Objects made by hand under an inner key: for answers that are no resource's row."""

    key: str
    rows: list[dict[str, Any]]
    count: int = -1  # of all; as many as there are rows by default
    one: bool = False
    more: dict[str, Any] = {}  # told beside the objects


Result = Resource | Sequence[Resource] | Success | Flat | Told | None


class Api(msgspec.Struct, kw_only=True):
    """What a command's class declares: all that the faces, the docs and the tests derive from it."""

    verb: Any = None
    name: str = ""
    doc: str = ""
    params: dict[str, Param] = {}
    answers: type[View] | None = None
    event: str = ""
    starts: type[Task] | None = None
    creates: type[Resource] | None = None
    since: str = ""
    resp_key: str = ""
    ok_resp_key: str = ""
    http_method: str = ""
    pre_auth: bool = False
    knows_caller: bool = False  # before login, yet whoever is signed in calls as that
    anonymous: bool = False
    port_refused: frozenset[str] = frozenset()
    authorized: tuple[str, ...] = ()  # role types allowed without any rule
    response: dict[str, tuple[str, str]] = {}  # fields of answers without a view: name -> (type, description)
    form: str = ""  # how the answer is built, where it cannot be told from `answers`: flat, success, none
    job_key: str = ""  # the inner key of the job's result, where it is not the view's
    states: tuple[str, ...] = ()  # of its target, in which it is of use: consoles offer it then; any where there are none
    has: str = ""  # a field that its target must have for it to be of use
    lacks: str = ""  # a field that its target must not have

    @property
    def is_async(self) -> bool:
        """Whether it answers with a job."""
        return self.starts is not None


@dataclass_transform(kw_only_default=True, field_specifiers=(param,))
class Verb:
    """What all commands have. Do not inherit from it: use Command, Query or List. A class without a `run` of its own (or, if it
    is a list, without a view), or declared `ancestor=True`, is not a command itself."""

    by_name: ClassVar[dict[str, type[Verb]]] = {}
    api: ClassVar[Api] = Api()

    def __init_subclass__(cls, **declared: Any) -> None:
        inherited, ancestor = cls.api, declared.pop("ancestor", False)
        method = next((c.api.http_method for c in cls.__mro__[1:] if issubclass(c, Verb) and c.api.http_method), "")
        params = {}
        for name, hint in typing.get_type_hints(cls, include_extras=True).items():
            if typing.get_origin(hint) is ClassVar:
                continue
            kept = name in inherited.params and name not in vars(cls)
            given = getattr(cls, name, parameters.REQUIRED)
            params[name] = inherited.params[name] if kept else parameters.declare(name, hint, given)
        cls.api = msgspec.structs.replace(inherited, **{"http_method": method, **declared}, params=params, verb=cls)
        if (
            not ancestor
            and cls.__doc__
            and not cls.__module__.startswith("cloudwright.core.")
            and hasattr(cls, "run")
            and not cls._abstract()
        ):
            cls._register(declared)

    @classmethod
    def _abstract(cls) -> bool:
        """Ancestors are those that nobody could call: without an own `run` (lists have one) or, for a list, without a view."""
        own_run = any("run" in vars(c) for c in cls.__mro__ if c not in (Command, Query, Exchange, Verb))
        is_list = hasattr(cls, "narrow")
        return (cls.api.answers is None) if is_list and "run" not in vars(cls) else not own_run

    @classmethod
    def _register(cls, declared: dict[str, Any]) -> None:
        api = cls.api
        api.name = declared.get("name") or cls.__name__[0].lower() + cls.__name__[1:]
        api.doc = " ".join((cls.__doc__ or "").split())
        api.resp_key = declared.get("resp_key") or api.name.lower() + "response"
        api.ok_resp_key = declared.get("ok_resp_key") or api.resp_key
        if api.name in Verb.by_name and Verb.by_name[api.name].__module__ != cls.__module__:
            raise TypeError(f"BUG: two commands are called {api.name} (CommandNamesAreUnique)")
        Verb.by_name[api.name] = cls

    @classmethod
    def read(cls, sent: wire.Parameters, caller: Caller) -> dict[str, Any]:
        """The values sent, by attribute name, references not yet looked up."""
        sent.check_maps()
        return {name: parameters.read(p, sent, cls.api.name, caller) for name, p in cls.api.params.items()}

    @classmethod
    def sent(cls, reader: Reader, caller: Caller, **params: str) -> typing.Self:
        """The command as if the caller had sent it so: for a command that does what another does on the way."""
        return cls.decode(cls.read(wire.Parameters(params), caller), reader, caller)

    @classmethod
    def decode(cls, values: dict[str, Any], reader: Reader, caller: Caller) -> typing.Self:
        """The command, its references looked up and allowed."""
        command = cls()
        for name, p in cls.api.params.items():
            command.__dict__[name] = parameters.resolve(p, values[name], reader, caller)
        named = [row for value in command.__dict__.values() for row in (value if isinstance(value, list) else [value])]
        cls.judge(reader, caller, *(row for row in named if isinstance(row, Resource)))
        return command

    @classmethod
    def judge(cls, reader: Reader, caller: Caller, *rows: Resource) -> None:
        """Ask whether the command may be used on rows that another account owns. References are asked about as they are looked
        up; a command that looks up rows by other words (a kind and an id, an entry of a map) asks itself."""
        if caller.kind is not Kind.USER:
            return
        foreign = [row for row in rows if getattr(row, "account_id", caller.account_id) != caller.account_id]
        for judge in judges if foreign else ():
            judge(reader, caller, cls.api.name, issubclass(cls, Command), foreign)


class Command(Verb, http_method="POST"):
    """A command that changes something. `run` is one transaction: check, insert rows and the task."""

    started: ClassVar[TaskRow | None] = None  # set on the instance by `start`
    asked: ClassVar[Any] = None  # set on the instance: what `ask` answered

    def ask(self, reader: Reader, caller: Caller) -> Any:
        """What `run` needs to know from outside, such as a directory: asked before the transaction, however long it takes."""

    def run(self, tx: Tx, caller: Caller) -> Result:
        """What the command does. Answers the row (or rows) to tell, or Success, Flat or Told."""
        raise RuntimeError(f"BUG: {type(self).__name__} does nothing (CommandWithoutRun)")

    def start(self, tx: Tx, task: Task, on: Resource, caller: Caller, about: Resource | None = None) -> None:
        """Start the job: a task on a resource. `about` is the row the answer tells of, when it is another."""
        about = about or on
        account = getattr(about, "account_id", None) or caller.account_id
        domain = getattr(about, "domain_id", None) or caller.domain_id
        self.__dict__["started"] = tasks.start(
            tx, task, on, command=self.api.name, user_id=caller.user_id, account_id=account, domain_id=domain,
            instance=f"{about.kind}:{about.id}", instance_uuid=about.uuid,
        )  # fmt: skip

    def describe(self, about: Resource | None) -> str:
        """The sentence of the event about a row: `Create network: web-net`."""
        name = "" if about is None else name_of(about)
        return spoken(self.api.name) + (f": {name}" if name else "")


def spoken(name: str) -> str:
    """The name of a command in words: `deployVirtualMachine` -> `Deploy virtual machine`."""
    words = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z0-9]+", name)
    text = " ".join(word if word.isupper() else word.lower() for word in words)
    return text[:1].upper() + text[1:]


class Exchange(Verb, http_method="POST"):
    """A command that speaks with somebody outside, such as a mail server or an identity provider. It runs outside any
    transaction and writes by closures of its own, so it takes neither `dryrun` nor `clienttoken`."""

    def run(self, db: Database, caller: Caller) -> Result:
        """What it does, and what it answers."""
        raise RuntimeError(f"BUG: {type(self).__name__} does nothing (ExchangeWithoutRun)")


class Query(Verb, http_method="GET"):
    """A command that only reads."""

    def run(self, reader: Reader, caller: Caller) -> Result:
        """What it answers."""
        raise RuntimeError(f"BUG: {type(self).__name__} answers nothing (QueryWithoutRun)")
