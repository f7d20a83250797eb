"""`cw explain`: why something is as it is: a job, a thing by id or name, a command that one may call or not, an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudwright.cw.catalogue import NAMED
from cloudwright.cw.daily.job import standing
from cloudwright.cw.failure import Refused, Unnamed, Wrong
from cloudwright.cw.jobs import told, waiting
from cloudwright.cw.names import is_id, name_of

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

ERRORS = {
    401: "the server does not know you (signature, session or password are wrong), or your role does not allow the command",
    405: "this way of calling is not allowed",
    429: "too many calls in a short time; wait as long as the answer says",
    430: "a parameter is malformed",
    431: "a parameter is missing or wrong; its name is in the sentence",
    432: "no such command, or none that you may call",
    530: "the server failed inside; the job's story tells at which step",
    531: "your account or role does not allow it for this thing; cw explain COMMAND tells which rule says so",
    532: "a limit of the account, domain or project is reached",
    533: "no place has the capacity: hosts, addresses, networks or storage",
    534: "something that is needed is not reachable now",
    535: "an address, number or disk could not be taken",
    536: "the thing is in use by another",
    537: "it conflicts with another rule of the network",
}
FIRST = (
    "VirtualMachine",
    "Network",
    "Volume",
    "Host",
    "Template",
    "ServiceOffering",
    "Router",
    "StoragePool",
    "PublicIpAddress",
    "Zone",
    "Cluster",
    "Pod",
)
RECENT = 5


def page_of(name: str) -> str:
    """The help of `explain`."""
    return "cw explain ID|NAME|COMMAND|NUMBER\n    a job, a thing, a command you may or may not call, or an error's number"


def run(doing: Invocation) -> None:
    """Explain one thing. Raises Wrong where it is none."""
    if len(doing.words) != 1:
        raise Wrong(f"cw explain takes one word; {len(doing.words)} were given", fix=["cw help explain"])
    said = doing.words[0]
    if said.isdigit() and int(said) in ERRORS:
        doing.terminal.write(f"{said}: {ERRORS[int(said)]}")
    elif said in doing.session.catalogue or (NAMED.fullmatch(said) and _is_command(doing, said)):
        _access(doing, said)
    elif is_id(said) and (job := _job(doing, said)):
        _tell_job(doing, job)
    else:
        _thing(doing, said)


def _is_command(doing: Invocation, name: str) -> bool:
    """Whether there is such a command, though it is not in the catalogue: one may not call it."""
    if "explainAccess" not in doing.session.catalogue:
        return False
    try:
        return bool(doing.session.call("explainAccess", {"apiname": name}))
    except Refused:
        return False


def _access(doing: Invocation, command: str) -> None:
    catalogue = doing.session.catalogue
    name = catalogue[command].name if command in catalogue else command
    if "explainAccess" not in catalogue:
        doing.terminal.write(f"you may call {name}: the server offers it to you")
        return
    answer = doing.session.one("explainAccess", {"apiname": name})
    word = "may" if answer.get("allowed") else "may not"
    _told(doing, answer, [f"{answer.get('username', 'you')} {word} call {answer['apiname']}", *_reasons(answer)])


def _reasons(answer: dict[str, Any]) -> list[str]:
    return [f"  {reason}" for reason in answer.get("reason") or []]


def _told(doing: Invocation, answer: dict[str, Any], lines: list[str]) -> None:
    """Sentences for people, the answer itself where a form was asked for."""
    if doing.session.profile["output"] == "default" and not doing.options.query:
        doing.terminal.write("\n".join(lines))
    else:
        doing.answer(answer)


def _job(doing: Invocation, id: str) -> dict[str, Any] | None:
    try:
        return dict(doing.session.call("queryAsyncJobResult", {"jobid": id}))
    except Refused:
        return None


def _tell_job(doing: Invocation, job: dict[str, Any]) -> None:
    known = standing(job)
    about = f" for {known['jobinstancetype']} {known['jobinstanceid']}" if known.get("jobinstanceid") else ""
    lines = [f"{known['command']}{about} {known['status']}"]
    if known.get("waitsfor"):
        lines.append(f"  it {waiting(known)}")
    lines += _why(known)
    if "listJobStory" in doing.session.catalogue:
        story = doing.session.call("listJobStory", {"jobid": known["jobid"]}).get("jobstory", [])
        lines += [f"  {told(row)}" for row in story[-RECENT:]]
    _told(doing, job, lines)


def _why(job: dict[str, Any]) -> list[str]:
    explain = job.get("explain") or {}
    said = [str(explain["what"])] if explain.get("what") else []
    return [f"  {text}" for text in [*said, *explain.get("why", []), *(f"To do: {fix}" for fix in explain.get("fix", []))]]


def _thing(doing: Invocation, said: str) -> None:
    kind, row = _find(doing, said)
    state = row.get("state") or row.get("status") or row.get("allocationstate")
    lines = [f"{kind} {name_of(row)} ({row['id']})" + (f" is {state}" if state else "")]
    whose = row.get("project") or row.get("account")
    if whose:
        lines.append(f"  it belongs to {whose} of {row.get('domainpath') or row.get('domain', '')}")
    lines += [f"  {problem}" for problem in row.get("problems") or []]
    jobs = _about(doing, "listAsyncJobs", kind, row["id"])
    for job in jobs[-RECENT:]:
        known = standing(job)
        lines += [f"  {known.get('created', '')} {known['command']} {known['status']}: job {known['jobid']}", *_why(known)]
    events = _about(doing, "listEvents", kind, row["id"])
    lines += [
        f"  {event.get('created', '')} {event.get('level', '')} {event.get('description', '')}" for event in events[-RECENT:]
    ]
    _told(doing, {"kind": kind, "object": row, "jobs": jobs, "events": events}, lines)


def _find(doing: Invocation, said: str) -> tuple[str, dict[str, Any]]:
    """What is called so or has this id: the kinds that people mean most, first. Raises Unnamed."""
    catalogue, names = doing.session.catalogue, doing.session.names
    lists = {c.name.removeprefix("list"): c for c in catalogue.commands.values() if c.verb == "list" and "id" in c.params}
    plural = [f"{kind}es" if kind.endswith("s") else f"{kind}s" for kind in FIRST]
    for noun in [*plural, *sorted(set(lists) - set(plural))]:
        listing = lists.get(noun)
        if (
            listing is None
            or noun.endswith("Metrics")
            or any(p.get("required") for p in listing.params.values() if p["name"] not in ("templatefilter", "isofilter"))
        ):
            continue
        try:
            id = said if is_id(said) else names.id_of(listing, said)
            rows = [row for row in names.rows(listing, {"id": id}) if row.get("id") == id]
        except (Refused, Unnamed):
            continue
        if rows:
            return noun.removesuffix("es" if noun.endswith("sses") else "s"), rows[0]
    raise Unnamed(f"There is no job and no thing {said!r} that you may see", [], ["cw help tells how to list what there is"])


def _about(doing: Invocation, command: str, kind: str, id: str) -> list[dict[str, Any]]:
    """Jobs or events about one thing, oldest first; none where the server cannot tell."""
    if command not in doing.session.catalogue or "resourcetype" not in doing.session.catalogue[command].params:
        return []
    try:
        rows = doing.session.rows(command, {"resourceid": id, "resourcetype": kind, "listall": "true"})
    except Refused:
        return []
    return sorted(rows, key=lambda row: str(row.get("created", "")))
