"""How a word such as `cw vm create` is declared, read and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudwright.cw.failure import Wrong

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation


class Option(NamedTuple):
    """An option of a word. `param` is the API parameter it gives, or a name of the word's own; `lists` is the command that
    completes its value; without `value` it is a flag."""

    param: str
    doc: str
    lists: str = ""
    value: bool = True


class Given(NamedTuple):
    """What was said: things named, options by `param` (flags "true"), and words after `--`."""

    things: list[str]
    options: dict[str, str]
    after: list[str]


class Word(NamedTuple):
    """One word. `things` says what it is given, such as `NAME…` ("" for nothing); `lists` completes that. `least` and `most`
    are how many."""

    doc: str
    run: Callable[[Invocation, Given], None]
    things: str = ""
    lists: str = ""
    least: int = 0
    most: int = 0
    options: dict[str, Option] = {}


def dispatch(doing: Invocation, words: dict[str, Word]) -> None:
    """Run the word that comes first, `list` where there is none. Raises Wrong."""
    asked = doing.words[0] if doing.words else ""
    if not asked and "list" in words:
        asked = "list"
    if asked not in words:
        raise Wrong(f"cw {doing.name} what? There are: {', '.join(words)}", fix=[f"cw {doing.name} --help"])
    word = words[asked]
    word.run(doing, read(f"cw {doing.name} {asked}", word, doing.words[1:]))


def read(name: str, word: Word, words: list[str]) -> Given:
    """What was said to a word: `--option value`, `--option=value`, `param=value` for any parameter of the API. Raises Wrong."""
    given, left = Given([], {}, []), list(words)
    while left:
        said = left.pop(0)
        if said == "--":
            given.after.extend(left)
            break
        option, sign, value = said.partition("=")
        if not said.startswith("-"):
            if sign and option.isidentifier():
                given.options[option.lower()] = value
            else:
                given.things.append(said)
            continue
        declared = word.options.get(option)
        if declared is None:
            raise Wrong(f"{name} has no option {option}; it has: {', '.join(word.options) or 'none of its own'}")
        if declared.value and not sign and not left:
            raise Wrong(f"{option} needs a value: {declared.doc}")
        given.options[declared.param] = (value if sign else left.pop(0)) if declared.value else "true"
    if not word.least <= len(given.things) <= word.most:
        raise Wrong(f"{name} takes {word.things or 'no name'}; {len(given.things)} were given")
    return given


def page(name: str, words: dict[str, Word], asked: str = "") -> str:
    """The help of a group of words, or of one of them."""
    shown = {asked: words[asked]} if asked in words else words
    lines = []
    for said, word in shown.items():
        lines.append(f"cw {name} {said} {word.things}".rstrip())
        lines.append(f"    {word.doc}")
        lines += [f"    {option:12} {declared.doc}" for option, declared in word.options.items() if asked in words]
    return "\n".join(lines)


def rows_told(doing: Invocation, command: str, rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Write rows of a list: in tables these columns, in other forms all fields."""
    doing.options.columns = columns
    doing.answer({"count": len(rows), command: rows} if rows else {})


def change(doing: Invocation, command: str, params: dict[str, Any], columns: list[str] | None = None) -> dict[str, Any]:
    """Run a changing command as the options say, and write what it answers; of what a job answers, in tables these columns. The
    answer."""
    from cloudwright.cw.call import promised

    options, session = doing.options, doing.session
    params = promised(session.catalogue[command], params, options)
    waits = options.waits(session.profile) and not options.dry_run
    answer: dict[str, Any] = session.run(command, params) if waits else session.call(command, params)
    options.columns = columns or [] if waits else []
    doing.answer(answer)
    if "jobid" in answer and not waits and not options.dry_run:
        doing.terminal.note(f"The job goes on. Follow it: cw job follow {answer['jobid']}")
    return answer
