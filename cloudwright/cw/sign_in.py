"""`cw login URL --user NAME` and `cw logout`: a profile for a server, a session on it. The password is asked for, not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudwright.cw.daily.word import Given, Option, Word, read
from cloudwright.cw.failure import Wrong

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

PATH = "/client/api"


def page_of(name: str) -> str:
    """The help of `login` and `logout`."""
    if name == "logout":
        return "cw logout\n    end the session that cw login began; keys that were kept stay"
    return "\n".join(["cw login [URL]", f"    {WORD.doc}", *(f"    {name:10} {o.doc}" for name, o in WORD.options.items())])


def run(doing: Invocation) -> None:
    """Sign in or out."""
    if doing.name == "logout":
        ended = doing.session.wire.logout()
        doing.terminal.note("The session has ended" if ended else "There was no session")
        return
    WORD.run(doing, read("cw login", WORD, doing.words))


def sign_in(doing: Invocation, given: Given) -> None:
    """Keep who and where in the profile, sign in, and fetch the server's commands."""
    profiles = doing.profiles
    if doing.options.profile:
        profiles.set("profile", doing.options.profile)
    kept = dict(given.options)
    keys = kept.pop("keys", "")
    if given.things:
        url = given.things[0]
        kept["url"] = url if "://" in url and url.count("/") > 2 else f"{url if '://' in url else 'http://' + url}{PATH}"
    for key, value in kept.items():
        profiles.set(key, value)
    profile = profiles.chosen(doing.options.profile or profiles.current)
    if not profile["username"]:
        raise Wrong("cw login needs to know as whom", fix=["cw login URL --user NAME"])
    session = doing.session
    session.profile.values["apikey"] = session.profile.values["secretkey"] = ""
    session.profile.values["password"] = session.profile["password"] or doing.terminal.ask("Password: ", hidden=True)
    session.wire.login()
    commands = session.sync().commands
    doing.terminal.write(f"{session.profile['username']} is signed in at {session.profile['url']}: {len(commands)} commands")
    if keys:
        _keep_keys(doing)


def _keep_keys(doing: Invocation) -> None:
    """Have keys made, and keep them in the profile: unlike a session they do not end."""
    session, profiles = doing.session, doing.profiles
    users = session.rows("listUsers", {"username": session.profile["username"], "listall": "true"})
    mine = [user for user in users if user.get("username") == session.profile["username"]]
    made = session.one("registerUserKeys", {"id": mine[0]["id"]})
    profiles.set("apikey", str(made["apikey"]))
    profiles.set("secretkey", str(made["secretkey"]))
    session.wire.logout()
    doing.forget()
    doing.session.sync()  # as whoever calls from now on
    doing.terminal.write(f"keys are kept in {profiles.path}")


WORD = Word("sign in; the password is asked for and not kept", sign_in, "[URL]", most=1, options={
    "--user": Option("username", "as whom"),
    "--domain": Option("domain", "the path of the user's domain, such as /eng"),
    "--verify": Option("verifycert", "a file with the certificates of the server's authority; false believes any server"),
    "--keys": Option("keys", "have keys made and keep them in the profile: they do not end as a session does", value=False),
})  # fmt: skip
