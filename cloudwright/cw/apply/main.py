"""`cw apply` and `cw diff`: make the cloud as files say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from cloudwright.cw.apply import plan as planning
from cloudwright.cw.apply import show
from cloudwright.cw.apply.carry import Carrier, refusals
from cloudwright.cw.apply.document import load, parse
from cloudwright.cw.apply.kind import ApplyError, Caller, Catalogue
from cloudwright.cw.apply.plan import Options, Plan
from cloudwright.cw.apply.server import Server, catalogue_of
from cloudwright.cw.apply.wanted import Wanted
from cloudwright.cw.apply.world import World
from cloudwright.cw.failure import REFUSED, Failure, Wrong

DIFFERS = 1  # what `cw diff` answers when something would change, as diff does


class Differs(Failure):
    """There are differences: no fault, but scripts ask for it by the exit code."""

    code = DIFFERS


class NotWhole(Failure):
    """Not all could be done."""

    code = REFUSED


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Wrong(f"{self.prog}: {message}", fix=[f"{self.prog} --help"])


def page_of(name: str) -> str:
    """The help of `apply` and `diff`."""
    return _parser(name).format_help().rstrip("\n")


def run(doing: Any) -> None:
    """Run `cw apply` or `cw diff`. Raises Failure."""
    given = _parser(doing.name).parse_args(doing.words)
    caller = Server(doing.session, doing.session.profile.timeout)
    catalogue = catalogue_of(caller)
    if given.explain is not None or given.schema:
        doing.terminal.write(explained(catalogue, given.explain or "", given.schema))
        return
    if not given.files:
        raise Wrong(f"cw {doing.name} needs files", fix=[f"cw {doing.name} -f cloud.yaml", "cw apply --explain tells the kinds"])
    world, plan = planned(caller, catalogue, given)
    write = doing.terminal.write
    write(show.plan_text(plan))
    if doing.name == "diff" or doing.options.dry_run:
        if plan.actions and doing.name == "diff":
            raise Differs("there are differences")
        return
    if not plan.actions and not plan.stale:
        return
    if not _agreed(doing, plan, given.yes):
        doing.terminal.note("Nothing was done")
        return
    outcome = Carrier(world, given.set, write, doing.session.profile.timeout).run(plan)
    if not outcome.whole:
        raise NotWhole(show.outcome_text(outcome))
    if plan.actions:
        write(show.outcome_text(outcome))


def planned(caller: Caller, catalogue: Catalogue, given: argparse.Namespace) -> tuple[World, Plan]:
    """Read files and server: what is to be done. Raises ApplyError with all that is wrong, the server's refusals among it."""
    paths = [Path(name) for name in given.files]
    given.set = given.set or next((path.stem for path in paths if path.stem != "-"), "stdin")
    documents = [d for path in paths for d in (parse(sys.stdin.read(), "stdin") if str(path) == "-" else _read(path))]
    if not documents and not given.prune:
        raise ApplyError(f"There is no document in {', '.join(given.files)}")
    owners = {"project", "account"}
    wide = given.all or any(document.kind.lower() in owners or owners & set(document.spec) for document in documents)
    world = World(caller, catalogue, wide)
    wanted = Wanted(world, documents)
    plan = planning.make(world, wanted, Options(given.set, given.prune, given.replace, given.adopt))
    refused = refusals(world, plan)
    if refused:
        raise ApplyError("\n".join(["The server refuses what is wanted; nothing was done:", *refused]))
    return world, plan


def explained(catalogue: Catalogue, kind: str, schema: bool) -> str:
    """The kinds, the fields of one, or a JSON schema of all."""
    if schema:
        import json

        return json.dumps(show.schema(catalogue), indent=1)
    return show.explain(catalogue, catalogue.kind(kind)) if kind else show.kinds(catalogue)


def _read(path: Path) -> list[Any]:
    try:
        return load([path])
    except OSError as error:
        raise ApplyError(f"{path} cannot be read: {error.strerror or error}") from None


def _agreed(doing: Any, plan: Plan, yes: bool) -> bool:
    """Whether deletions are meant: nothing is lost without a yes."""
    doomed = plan.count(planning.DELETE)
    if not doomed or yes:
        return True
    if not doing.terminal.asks:
        raise Wrong(f"{doomed} things would be deleted, and nobody is there to ask", fix=["give --yes if that is meant"])
    return bool(doing.terminal.ask(f"Delete {doomed}? [y/N] ").strip().lower() in ("y", "yes"))


def _parser(name: str) -> argparse.ArgumentParser:
    about = {"apply": "Make the cloud as files say: plan, refusals, then the work.", "diff": "Tell what apply would do."}
    parser = _Parser(f"cw {name}", description=about[name], add_help=False)
    add = parser.add_argument
    add(
        "-f", "--file", dest="files", action="append", default=[], metavar="PATH", help="a file, a folder, or - ; may be repeated"
    )
    add(
        "--set",
        default="",
        metavar="NAME",
        help="whose things these are: the name of the marks (the first file's, without suffix)",
    )
    add("--prune", action="store_true", help="delete what bears the set's mark and is in no file any more")
    add("--replace", action="store_true", help="delete and make anew what has to change in a field that cannot be changed")
    add("--adopt", action="store_true", help="mark also what was there before: it is the set's from now on")
    add("--all", action="store_true", help="read the things of all projects and accounts, too")
    add("-y", "--yes", action="store_true", help="delete without asking")
    add("--explain", nargs="?", const="", metavar="KIND", help="tell the kinds, or the fields of one")
    add("--schema", action="store_true", help="tell a JSON schema of the documents, for editors")
    return parser
