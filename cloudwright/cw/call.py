"""A command line of the API's tongue: `deploy virtualmachine name=web zoneid=lab` or `deployVirtualMachine …`, read and run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cloudwright.cw.catalogue import Command, close, is_secret
from cloudwright.cw.failure import Wrong
from cloudwright.cw.names import FILTERS, rows_of
from cloudwright.cw.options import Options
from cloudwright.cw.session import Session
from cloudwright.cw.terminal import Terminal

_MAP = re.compile(r"([^\[\]]+)\[[0-9]+\]\.(.+)")
COMMON = ("page", "pagesize", "keyword", "listall", "isrecursive", "account", "domainid", "projectid")


def run(session: Session, words: list[str], options: Options, terminal: Terminal) -> None:
    """Run one command of the API and write its answer. Raises Failure."""
    command, given = session.catalogue.named(words)
    params = parameters(command, given, options, terminal)
    for name, (_, usual) in FILTERS.items():
        if command.params.get(name, {}).get("required"):
            params.setdefault(name, usual)
    missing = [name for name, param in command.params.items() if param.get("required") and not _has(params, name)]
    if missing:
        raise Wrong(
            f"{command.name} needs {', '.join(missing)}", fix=[f"cw help {command.verb} {command.noun} tells what each is"]
        )
    params = promised(command, params, options)
    follows = command.is_async and options.waits(session.profile) and not options.dry_run
    if options.all and command.verb == "list":
        rows = session.rows(command.name, params)
        answer: dict[str, Any] = {"count": len(rows), command.noun: rows}
    else:
        answer = session.run(command.name, params) if follows else session.call(command.name, params)
    terminal.answer(answer, session.profile["output"], options)
    _say_what_is_missing(answer, options, terminal)
    _say_what_is_unknown(command, options, terminal)
    if "jobid" in answer and command.is_async and not follows and not options.dry_run:
        terminal.note(f"The job goes on. Follow it: cw job follow {answer['jobid']}")


def _has(params: dict[str, Any], name: str) -> bool:
    return any(given == name or given.startswith(f"{name}[") for given in params)


def _say_what_is_missing(answer: dict[str, Any], options: Options, terminal: Terminal) -> None:
    count, shown = answer.get("count"), len(rows_of(answer))
    if isinstance(count, int) and 0 < shown < count and not options.all:
        terminal.note(f"{shown} of {count} are shown; --all shows all")


def _say_what_is_unknown(command: Command, options: Options, terminal: Terminal) -> None:
    told = [str(field["name"]) for field in command.told.get("response", [])]
    for field in options.filter if told else []:
        if field.partition(".")[0] not in told:
            near = close(field, told)
            terminal.note(f"{command.name} tells no {field}" + (f"; did you mean {', '.join(near)}?" if near else ""))


def parameters(command: Command, words: list[str], options: Options, terminal: Terminal) -> dict[str, Any]:
    """The parameters that words give: `name=value`, `name[0].key=value`, `filter=…` (which goes to the options).

    `name=@FILE` reads a file, `name=-` asks for it. Names are taken in any case. Raises Wrong.
    """
    params: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            guess = f"{word}=…" if word.lower() in command.params else f"id={word}" if "id" in command.params else ""
            meant = [f"did you mean {guess}?"] if guess and word[:1].isalnum() else []
            fix = [*meant, f"cw help {command.verb} {command.noun}"]
            raise Wrong(f"{word!r} is no parameter: they are written name=value", fix=fix)
        if name == "filter" and "filter" not in command.params:
            options.filter = [field for field in value.split(",") if field]
            continue
        known = _known(command, name)
        params[known] = _value(command, known, value, terminal)
    return params


def promised(command: Command, params: dict[str, Any], options: Options) -> dict[str, Any]:
    """The parameters with those of `--dry-run` and `--client-token`. Raises Wrong where the server has none such: it would take
    no notice of them, and act."""
    wanted = {"dryrun": "true" if options.dry_run else "", "clienttoken": options.client_token}
    given = {name: value for name, value in wanted.items() if value}
    for name in given:
        if name not in command.params:
            option = "--dry-run" if name == "dryrun" else "--client-token"
            raise Wrong(f"The server knows no {option} of {command.name}; nothing was sent")
    return params | given


def _known(command: Command, name: str) -> str:
    """A parameter's name as it is sent. Raises Wrong where the command has none such."""
    inner = _MAP.fullmatch(name)
    plain = (inner[1] if inner else name).lower()
    if plain in command.params or plain in COMMON:
        return f"{plain}{name[len(plain) :]}"
    near = close(plain, list(command.params))
    fix = [f"did you mean {', '.join(near)}?"] if near else [f"cw help {command.verb} {command.noun}"]
    raise Wrong(f"{command.name} has no parameter {name!r}", fix=fix)


def _value(command: Command, name: str, value: str, terminal: Terminal) -> str:
    param = command.params.get(name.partition("[")[0], {"name": name})
    if value == "-":
        return terminal.ask(f"{name}: ", hidden=is_secret(param))
    if value.startswith("@") and len(value) > 1:
        try:
            return Path(value[1:]).expanduser().read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Wrong(f"{name}={value}: {error}") from None
    if is_secret(param) and value and not terminal.inside:
        terminal.note(f"{name} was seen in the list of processes; {name}=- asks for it, {name}=@FILE reads it from a file")
    return value
