"""`cw help` and `cw api`: pages made of the server's own catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudwright.cw.catalogue import Command, is_secret

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation


HELP = {
    "help": """cw help [VERB [NOUN] | apiName | WORD]
    what can be done; the commands of a verb; the parameters of a command; the options of a word of cw""",
    "api": """cw api [WORD …]
    all commands that you may call, or those that have all the words in their names or descriptions""",
}


def run(doing: Invocation) -> None:
    """`help [WORDS]`, `api [WORD]`."""
    if doing.name == "api":
        listed(doing)
    else:
        page(doing, doing.words)


def page_of(name: str) -> str:
    """The help of `help` and `api`."""
    return HELP[name]


def listed(doing: Invocation) -> None:
    """All commands, or those that have a word in their names or descriptions."""
    words = [word.lower() for word in doing.words]
    commands = doing.session.catalogue.commands.values()
    found = [
        {"name": c.name, "cw": f"{c.verb} {c.noun}".strip(), "async": c.is_async, "description": c.told.get("description", "")}
        for c in sorted(commands, key=lambda c: c.name)
        if all(word in f"{c.name} {c.told.get('description', '')}".lower() for word in words)
    ]
    doing.answer({"count": len(found), "api": found} if found else {})


def page(doing: Invocation, words: list[str]) -> None:
    """The page of a command, of a verb, of one of our words, or of `cw` itself. Raises Wrong."""
    from cloudwright.cw.main import SHARED, page_of, usage

    if not words:
        doing.terminal.write(usage())
        return
    of_api = words[0] in SHARED and len(words) > 1 and words[1].lower() in doing.session.catalogue.verbs.get(words[0], {})
    if not of_api and (own := page_of(words[0], words[1] if len(words) > 1 else "")):
        doing.terminal.write(own)
        return
    catalogue = doing.session.catalogue
    nouns = catalogue.verbs.get(words[0].lower())
    if len(words) == 1 and nouns and words[0] not in catalogue:
        width = max(map(len, nouns))
        lines = [f"{noun.ljust(width)}  {command.told.get('description', '')}" for noun, command in sorted(nouns.items())]
        doing.terminal.write("\n".join(lines))
        return
    doing.terminal.write(told(catalogue.named(words)[0]))


def told(command: Command) -> str:
    """All there is to know of a command."""
    lines = [f"{command.verb} {command.noun} ({command.name})", f"    {command.told.get('description', '')}"]
    if command.is_async:
        lines.append("    It answers with a job, which is followed to its end; --no-wait does not.")
    params = sorted(command.params.values(), key=lambda param: (not param.get("required"), str(param["name"])))
    for title, wanted in (("Required:", True), ("Optional:", False)):
        some = [param for param in params if bool(param.get("required")) is wanted]
        lines += ["", title, *(f"    {param['name']:26} {_facts(param)}" for param in some)] if some else []
    fields = ", ".join(str(field["name"]) for field in command.told.get("response", []))
    return "\n".join([*lines, "", f"Answers: {fields}"])


def _facts(param: dict[str, Any]) -> str:
    kind = str(param.get("type", "string"))
    facts = [kind]
    if param.get("enum"):
        facts = ["|".join(map(str, param["enum"]))]
    if kind == "map":
        facts.append("as name[0].key=value" + (f" with {', '.join(param['keys'])}" if param.get("keys") else ""))
    if param.get("entity"):
        facts = [f"name or id of {str(param['entity']).rstrip('_').replace('_', ' ')}"]
    if "min" in param or "max" in param:
        facts.append(f"{param.get('min', '')} to {param.get('max', '')}")
    if "default" in param:
        facts.append(f"default {str(param['default']).lower() if isinstance(param['default'], bool) else param['default']}")
    if is_secret(param):
        facts.append("secret: - asks for it, @FILE reads it")
    return f"{param.get('description', '')} ({'; '.join(facts)})"
