"""`cw set`, `cw profile` and `cw sync`: what is kept of a server and how to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudwright.cw.failure import Wrong
from cloudwright.cw.profile import ALIASES, SECRET

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation


HELP = {
    "set": """cw set KEY VALUE
    keep a setting of the profile in force
cw set profile NAME
    use another profile; it is made where there is none

    url               where the server answers, such as https://cloud.example.com/client/api
    apikey, secretkey the keys of a user; secrets are asked for
    username, password, domain
                      who signs in where there are no keys; the domain is a path such as /eng
    timeout           how many seconds an answer or a job may take
    verifycert        true, false, or a file with the certificates of the authorities that are believed
    output            default, table, wide, text, csv, json, yaml or column
    asyncblock        whether jobs are followed to their end: true or false
    signatureversion  3, or 1 for servers that know no expiry""",
    "profile": """cw profile
    the profile in force without its secrets, which others there are, and the file they are kept in

    Options count most, then the environment, then the profile. The environment's variables: CW_CONFIG, CW_PROFILE, CW_OUTPUT,
    CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY, CLOUDSTACK_SECRET, CLOUDSTACK_USERNAME, CLOUDSTACK_PASSWORD, CLOUDSTACK_DOMAIN,
    CLOUDSTACK_TIMEOUT, CLOUDSTACK_VERIFY.""",
    "sync": """cw sync
    ask the server for its commands anew: after an upgrade, or when your role has changed""",
}


def page_of(name: str) -> str:
    """The help of `set`, `profile` and `sync`."""
    return HELP[name]


def run(doing: Invocation) -> None:
    """Run the word."""
    {"set": keep, "profile": tell, "sync": sync}[doing.name](doing)


def keep(doing: Invocation) -> None:
    """Keep a setting. A secret is asked for; as a word it would be seen in the list of processes."""
    if not doing.words or len(doing.words) > 2:
        raise Wrong("cw set takes a key and a value", fix=["cw set output table", "cw set profile NAME"])
    key, *values = doing.words
    if ALIASES.get(key, key) in SECRET:
        if values and values != ["-"] and not doing.terminal.inside:
            raise Wrong(f"cw set {key} asks for the value: as a word it is seen in the list of processes", fix=[f"cw set {key}"])
        values = [doing.terminal.ask(f"{key}: ", hidden=True)] if values in ([], ["-"]) else values
    if not values:
        raise Wrong(f"cw set {key} needs a value")
    doing.profiles.set(key, values[0])


def tell(doing: Invocation) -> None:
    """The profile in force, without its secrets, and which others there are."""
    profiles = doing.profiles
    chosen = profiles.chosen(doing.options.profile, doing.options.over())
    values = {key: ("(set)" if value else "") if key in SECRET else value for key, value in chosen.values.items()}
    told = {"profile": chosen.name, **values, "profiles": profiles.names, "file": str(profiles.path)}
    doing.terminal.answer(told, chosen["output"], doing.options)


def sync(doing: Invocation) -> None:
    """Ask the server for its commands anew."""
    catalogue = doing.session.sync()
    doing.terminal.write(f"{len(catalogue.commands)} commands of {doing.session.profile['url']}")
