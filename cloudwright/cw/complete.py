"""What could come next on a command line: words, parameters and values. From what is kept; values are fetched when asked for."""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudwright.cw.catalogue import Command
from cloudwright.cw.failure import Failure
from cloudwright.cw.names import name_of
from cloudwright.cw.options import FLAGS, WITH_VALUE
from cloudwright.cw.profile import DEFAULTS, OUTPUTS, owned

if TYPE_CHECKING:
    from cloudwright.cw.daily.word import Word
    from cloudwright.cw.session import Session

FRESH = 60.0  # seconds that fetched values are good for
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@+")


class Candidate(NamedTuple):
    """A whole word that could stand there; `shown` is how people read it, `meaning` what it is."""

    text: str
    shown: str = ""
    meaning: str = ""


def words_of(line: str) -> tuple[list[str], str]:
    """The whole words of a line, and the one that is being written."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is still open
        words = line.replace('"', " ").replace("'", " ").split()
    if not line or line[-1].isspace():
        return words, ""
    return words[:-1], words[-1] if words else ""


class Completion:
    """Candidates for one session. `own` are the words beside the API's, by what they do; `daily` finds a group's words."""

    def __init__(self, session: Session, own: dict[str, str]) -> None:
        self.session, self.own = session, own
        self.values = Values(session)

    def candidates(self, line: str) -> list[Candidate]:
        """What could complete the last word of a line."""
        words, partial = words_of(line)
        if words and words[-1] in WITH_VALUE and not partial.startswith("-"):
            found = self._of_option(words[-1])
        elif not words:
            found = self._first(partial)
        elif words[0] in self.own:
            found = self._own(words, partial)
        else:
            found = self._api(words, partial)
        return _fitting(found, partial)

    def _first(self, partial: str) -> list[Candidate]:
        verbs = self.session.catalogue.verbs
        found = [Candidate(word, word, doc) for word, doc in self.own.items()]
        found += [
            Candidate(verb, verb, f"{len(nouns)} commands") for verb, nouns in sorted(verbs.items()) if verb not in self.own
        ]
        if partial in verbs or not any(candidate.text.startswith(partial) for candidate in found):
            commands = self.session.catalogue.commands.values()
            found += [Candidate(c.name, c.name, str(c.told.get("description", ""))) for c in commands if c.name != partial]
        return found

    def _of_option(self, option: str) -> list[Candidate]:
        name = WITH_VALUE[option]
        known = {"output": OUTPUTS, "profile": self.session.profile.others}.get(name, ())
        return [Candidate(value, value) for value in known]

    # -- the API's tongue

    def _api(self, words: list[str], partial: str) -> list[Candidate]:
        catalogue = self.session.catalogue
        try:
            command, given = catalogue.named(words)
        except Failure:
            nouns = catalogue.verbs.get(words[0].lower(), {}) if len(words) == 1 else {}
            return [Candidate(noun, noun, str(c.told.get("description", ""))) for noun, c in sorted(nouns.items())]
        if partial.startswith("-"):
            return [Candidate(option, option) for option in {**FLAGS, **WITH_VALUE}]
        name, sign, value = partial.partition("=")
        if sign:
            return [c._replace(text=f"{name}={c.text}") for c in self.of_parameter(command, name, value, given)]
        said = {word.partition("=")[0].partition("[")[0].lower() for word in given}
        params = sorted(command.params.values(), key=lambda param: (not param.get("required"), param["name"]))
        left = [param for param in params if str(param["name"]).lower() not in said]
        return [_parameter(param) for param in left] + (
            [Candidate("filter=", "filter=", "only these fields")] if "filter" not in said else []
        )

    def of_parameter(self, command: Command, name: str, partial: str, given: list[str]) -> list[Candidate]:
        """Values of a parameter; of a list, of its last entry."""
        if name == "filter":
            fields = [str(field["name"]) for field in command.told.get("response", [])]
            return _in_list([Candidate(field, field) for field in fields], partial)
        param = command.params.get(name.lower())
        if param is None:
            return []
        if param.get("enum"):
            return [Candidate(str(value), str(value)) for value in param["enum"]]
        if param.get("type") == "boolean":
            return [Candidate("true", "true"), Candidate("false", "false")]
        said = dict(word.split("=", 1) for word in given if "=" in word)
        listing = self.session.catalogue.listing(command, param, said)
        if listing is None:
            return []
        found = self.values.of(listing)
        return _in_list(found, partial) if param.get("type") == "list" else found

    # -- our own words

    def _own(self, words: list[str], partial: str) -> list[Candidate]:
        if words[0] in ("help", "api") and len(words) <= 2:
            catalogue = self.session.catalogue
            if len(words) == 1:
                return [Candidate(word, word) for word in [*self.own, *catalogue.verbs]]
            return [Candidate(noun, noun) for noun in catalogue.verbs.get(words[1], {})]
        if words[0] == "set":
            return self._of_setting(words)
        from cloudwright.cw.main import words_of_group

        group = words_of_group(words[0])
        if len(words) == 1:
            return [Candidate(name, name, word.doc) for name, word in group.items()]
        return self._of_word(group[words[1]], words[2:], partial) if words[1] in group else []

    def _of_setting(self, words: list[str]) -> list[Candidate]:
        if len(words) == 1:
            return [Candidate(key, key) for key in ("profile", *DEFAULTS)]
        known = {"output": OUTPUTS, "profile": tuple(self.session.profile.others), "asyncblock": ("true", "false")}
        return [Candidate(value, value) for value in known.get(words[1], ())]

    def _of_word(self, word: Word, words: list[str], partial: str) -> list[Candidate]:
        last = word.options.get(words[-1]) if words else None
        if last is not None and last.value:
            return self._listed(last.lists, partial)
        if partial.startswith("-"):
            return [Candidate(option, option, declared.doc) for option, declared in word.options.items()]
        return self._listed(word.lists, partial) or [Candidate(name, name, o.doc) for name, o in word.options.items()]

    def _listed(self, command: str, partial: str) -> list[Candidate]:
        return _in_list(self.values.of(self.session.catalogue[command]), partial) if command in self.session.catalogue else []


def _parameter(param: dict[str, Any]) -> Candidate:
    required = "required; " if param.get("required") else ""
    return Candidate(f"{param['name']}=", f"{param['name']}=", f"{required}{param.get('description', '')}")


def _in_list(found: list[Candidate], partial: str) -> list[Candidate]:
    before = partial.rpartition(",")[0]
    return [candidate._replace(text=f"{before},{candidate.text}") for candidate in found] if before else found


def _fitting(found: list[Candidate], partial: str) -> list[Candidate]:
    """Those that begin as what is written, or whose name does."""
    low = partial.lower()
    entry = low.rpartition("=")[2].rpartition(",")[2]
    return [c for c in found if c.text.lower().startswith(low) or (entry and c.shown.lower().startswith(entry))]


class Values:
    """Names and ids of what there is, fetched when first asked for and kept a minute, in the file `values.json` too."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.file = session.folder / "values.json" if session.folder else None
        self._kept: dict[str, tuple[float, list[list[str]]]] = {}

    def of(self, listing: Command) -> list[Candidate]:
        """What a listing lists: names where they are plain and of one thing, else ids. Nothing where the server refuses."""
        pairs = self._pairs(listing)
        once = {name for name, _ in pairs if sum(other == name for other, _ in pairs) == 1}
        return [Candidate(name if name in once and set(name) <= PLAIN else id, name, id) for name, id in pairs]

    def _pairs(self, listing: Command) -> list[list[str]]:
        now = time.time()
        kept = self._load()
        if listing.name in kept and 0 <= now - kept[listing.name][0] < FRESH:
            return kept[listing.name][1]
        try:
            rows = self.session.names.rows(listing, {})
        except Failure:
            return []
        pairs = sorted({str(row["id"]): name_of(row) for row in rows if "id" in row}.items(), key=lambda pair: pair[1].lower())
        kept[listing.name] = (now, [[name, id] for id, name in pairs])
        if self.file is not None:
            owned(self.file).write_text(json.dumps(kept))
        return kept[listing.name][1]

    def _load(self) -> dict[str, tuple[float, list[list[str]]]]:
        try:
            self._kept = json.loads(self.file.read_text()) if self.file is not None else self._kept
        except (OSError, ValueError):
            self._kept = {}
        return self._kept
