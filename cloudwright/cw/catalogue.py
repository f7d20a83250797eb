"""The commands a server offers, as its `listApis` told them, kept in a file: what may be said, and what completes it.

Our servers tell more than others of each parameter (`entity`, `enum`, `default`, `min`, `max`, `secret`). Where that is missing,
it is concluded from `related` commands and from names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cloudwright.cw.failure import Wrong
from cloudwright.cw.profile import owned
from cloudwright.cw.wire import Wire

NAMED = re.compile(r"[a-z]+[A-Z][A-Za-z0-9]+")  # as commands of the API are called
_VERB = re.compile(r"[a-z]+")
_SECRET = re.compile(r"password|secret|privatekey|passphrase|presharedkey|bindpass|truststorepass", re.IGNORECASE)
OF_KIND, KINDS = ("resourceid", "resourceids", "entityid"), ("resourcetype", "entitytype")
CALLED = {"uservm": "virtualmachine", "vm": "virtualmachine", "ipaddress": "publicipaddress", "storage": "storagepool",
          "primarystorage": "storagepool", "secondarystorage": "imagestore", "domainrouter": "router"}  # fmt: skip
"""What kinds are called in lists, where that is another word."""
NEAR = 5


class Command:
    """One command. `verb` and `noun` are its name's two halves: deploy, virtualmachine."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.name = str(told["name"])
        found = _VERB.match(self.name)
        self.verb = found[0] if found else self.name.lower()
        self.noun = self.name[len(self.verb) :].lower()

    @cached_property
    def params(self) -> dict[str, dict[str, Any]]:
        """Its parameters by their names in small letters."""
        return {str(param["name"]).lower(): param for param in self.told.get("params", [])}

    @property
    def is_async(self) -> bool:
        """Whether it answers with a job."""
        return bool(self.told.get("isasync"))

    @property
    def reads(self) -> bool:
        """Whether it only reads."""
        return self.verb in ("list", "get", "query", "find", "explain", "search", "quota", "is")

    def related(self) -> list[str]:
        """Other commands that answer the same kind of thing."""
        return _names(self.told.get("related"))


def _names(text: Any) -> list[str]:
    return [name for name in str(text or "").split(",") if name]


def is_secret(param: Mapping[str, Any]) -> bool:
    """Whether nobody should see what is given for a parameter."""
    named = param.get("type") != "boolean" and bool(_SECRET.search(str(param["name"])))  # passwordenabled tells nothing
    return bool(param.get("secret", named))


def close(word: str, words: list[str]) -> list[str]:
    """Of `words`, those that may have been meant."""
    import difflib

    starting = [other for other in words if word and other.startswith(word)]
    return list(dict.fromkeys([*starting, *difflib.get_close_matches(word, words, NEAR)]))[:NEAR]


class Catalogue:
    """All commands, by name."""

    def __init__(self, told: list[dict[str, Any]]) -> None:
        self.commands = {command.name: command for command in map(Command, told)}
        self._lower = {name.lower(): command for name, command in self.commands.items()}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._lower

    def __getitem__(self, name: str) -> Command:
        """A command by its API name, in any case. Raises Wrong."""
        found = self._lower.get(name.lower())
        if found is None:
            near = [self._lower[other].name for other in close(name.lower(), list(self._lower))]
            raise Wrong(f"There is no command {name!r} that you may call", fix=_ask(near))
        return found

    @cached_property
    def verbs(self) -> dict[str, dict[str, Command]]:
        """Commands by verb and noun."""
        found: dict[str, dict[str, Command]] = {}
        for command in self.commands.values():
            found.setdefault(command.verb, {})[command.noun] = command
        return found

    def named(self, words: list[str]) -> tuple[Command, list[str]]:
        """The command that words begin with, in either tongue, and the words after it. Raises Wrong."""
        first, second = words[0].lower(), words[1].lower() if len(words) > 1 else ""
        if first in self._lower:
            return self._lower[first], words[1:]
        nouns = self.verbs.get(first)
        if nouns is None:
            near = close(first, [*self.verbs, *self._lower])
            fix = _ask([self._lower[n].name if n in self._lower else n for n in near])
            if NAMED.fullmatch(words[0]) and "explainAccess" in self:
                fix.append(f"cw explain {words[0]} tells whether you may call it")
            raise Wrong(f"There is no command {words[0]!r}", fix=fix)
        if second in nouns:
            return nouns[second], words[2:]
        if not second or "=" in second or second.startswith("-"):
            raise Wrong(f"{first} what? There are: {', '.join(sorted(nouns))}")
        near = [f"{first} {noun}" for noun in close(second, list(nouns))]
        raise Wrong(f"There is no command {first} {second}", fix=_ask(near))

    def listing(self, command: Command, param: Mapping[str, Any], said: Mapping[str, str] | None = None) -> Command | None:
        """The command that lists what a parameter names by id; None where it names nothing that is listed. `said` are the other
        parameters: they may tell what kind of thing it is."""
        name = str(param["name"]).lower()
        if name in OF_KIND:
            kind = next((value for key, value in (said or {}).items() if key.lower() in KINDS and value), "")
            noun = kind.lower().replace("_", "")
            return self._of_noun(CALLED.get(noun, noun))
        listed = param.get("type") == "list" or (command.verb == "update" and name in ("domainid", "zoneid"))
        if not (param.get("entity") or param.get("type") == "uuid" or (listed and name.endswith(("id", "ids")))):
            return None
        related = [self.commands[other] for other in _names(param.get("related")) if other in self.commands]
        found = [other for other in related if self._lists(other)]
        if found:
            return min(found, key=lambda other: (other.noun.removesuffix("s") not in name, len(other.name), other.name))
        if name in ("id", "ids"):
            return self._own(command)
        return self._of_noun(name.removesuffix("s").removesuffix("id")) if name.endswith(("id", "ids")) else None

    def _lists(self, command: Command) -> bool:
        return command.verb == "list" and any(field.get("name") == "id" for field in command.told.get("response", []))

    def _own(self, command: Command) -> Command | None:
        """What lists the things that a command's own `id` names: itself, or the list of its noun, or of a relation."""
        if command.verb == "list":
            return command
        related = [self.commands[other] for other in command.related() if other in self.commands]
        found = sorted((other for other in related if self._lists(other)), key=lambda other: len(other.name))
        return self._of_noun(command.noun) or (found[0] if found else None)

    def _of_noun(self, noun: str) -> Command | None:
        nouns = self.verbs.get("list", {})
        plurals = (f"{noun}s", f"{noun}es", noun.removesuffix("y") + "ies")
        return next((nouns[plural] for plural in plurals if noun and plural in nouns and self._lists(nouns[plural])), None)


def _ask(near: list[str]) -> list[str]:
    return [f"did you mean {', '.join(near)}?"] if near else ["cw help tells what there is; cw sync asks the server anew"]


def sync(wire: Wire, path: Path) -> Catalogue:
    """Ask the server what it offers, and keep it in `path`. Raises Refused, Unreachable."""
    told = wire.call("listApis").get("api", [])
    new = owned(path.with_suffix(".new"))
    new.write_text(json.dumps(told), encoding="utf-8")
    new.replace(path)
    return Catalogue(told)


def kept(path: Path) -> Catalogue | None:
    """What was kept in `path`, None where nothing was."""
    try:
        return Catalogue(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
