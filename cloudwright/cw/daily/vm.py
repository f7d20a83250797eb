"""`cw vm`: instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudwright.cw.daily.reach import SSH, reach
from cloudwright.cw.daily.word import Given, Option, Word, change, dispatch, rows_told
from cloudwright.cw.failure import Failure, Unnamed, Wrong
from cloudwright.cw.names import name_of

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

VMS = "listVirtualMachines"
COLUMNS = ["name", "state", "ipaddress", "zonename", "hostname", "templatename", "serviceofferingname", "id"]


def run(doing: Invocation) -> None:
    """Run a word of `cw vm`."""
    dispatch(doing, WORDS)


def create(doing: Invocation, given: Given) -> None:
    """Deploy an instance; in the only zone where none is named."""
    params = dict(given.options)
    if given.things:
        params.setdefault("name", given.things[0])
    for option, name in (("serviceofferingid", "--offering"), ("templateid", "--image")):
        if option not in params:
            raise Wrong(f"cw vm create needs {name}", fix=["cw vm create --help"])
    if "zoneid" not in params:
        params["zoneid"] = _only_zone(doing)
    if "userdata" in params:
        params["userdata"] = _encoded(params["userdata"])
    change(doing, "deployVirtualMachine", params, COLUMNS)


def _only_zone(doing: Invocation) -> str:
    zones = doing.session.rows("listZones")
    if len(zones) == 1:
        return str(zones[0]["id"])
    candidates = [(name_of(zone), str(zone["id"])) for zone in zones]
    chosen = doing.session.choose(f"There are {len(zones)} zones:", candidates)
    if chosen is None:
        raise Unnamed(f"There are {len(zones)} zones", candidates, ["say which one: --zone NAME"])
    return str(chosen)


def _encoded(name: str) -> str:
    import base64
    from pathlib import Path

    try:
        return base64.b64encode(Path(name).expanduser().read_bytes()).decode()
    except OSError as error:
        raise Wrong(f"--user-data {name}: {error.strerror}") from None


def listed(doing: Invocation, given: Given) -> None:
    """List instances."""
    params = dict(given.options) | {"listall": "true"}
    if given.things:
        params["keyword"] = given.things[0]
    rows_told(doing, "virtualmachine", doing.session.rows(VMS, params), COLUMNS)


def _each(command: str) -> Any:
    """A word that does one thing to every instance that is named."""

    def word(doing: Invocation, given: Given) -> None:
        ids = [doing.session.names.id_of(doing.session.catalogue[VMS], name) if name else name for name in given.things]
        for id in ids:
            change(doing, command, {**given.options, "id": id}, COLUMNS)

    return word


def _found(doing: Invocation, name: str) -> dict[str, Any]:
    catalogue, names = doing.session.catalogue, doing.session.names
    from cloudwright.cw.names import is_id

    id = name if is_id(name) else names.id_of(catalogue[VMS], name)
    rows = doing.session.rows(VMS, {"id": id, "listall": "true"})
    if not rows:
        raise Unnamed(f"There is no instance {name} that you may see", [], ["cw vm list"])
    return dict(rows[0])


def ssh(doing: Invocation, given: Given) -> None:
    """Become `ssh` to the instance. With --dry-run, tell the command instead."""
    import os
    import shlex
    import subprocess
    from pathlib import Path

    machine, options = _found(doing, given.things[0]), given.options
    way = reach(doing.session, machine, _port(options.get("port", "22")), "private" in options)
    user = options.get("user", "")
    command = [
        "ssh",
        *(["-p", str(way.port)] if way.port != SSH else []),
        *(["-i", str(Path(options["key"]).expanduser())] if "key" in options else []),
        f"{user}@{way.host}" if user else way.host,
        *given.after,
    ]
    if doing.options.dry_run:
        doing.terminal.write(shlex.join(command))
        return
    doing.terminal.note(f"{name_of(machine)} is at {way.host} port {way.port}, by {way.by}")
    try:
        if doing.terminal.inside:
            subprocess.run(command, check=False)
        else:
            os.execvp("ssh", command)  # noqa: S606  no shell is wanted: the words are ssh's own
    except OSError as error:
        raise Failure(f"ssh cannot be started: {error.strerror}", fix=["install OpenSSH's client"]) from None


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Wrong(f"--port {text} is no port: those are from 1 to 65535")
    return int(text)


def console(doing: Invocation, given: Given) -> None:
    """Tell the URL of the console: it lets in whoever has it, so no program is started with it."""
    machine = _found(doing, given.things[0])
    protocol = {"protocol": "serial"} if "serial" in given.options else {}
    answer = doing.session.one("createConsoleEndpoint", {"virtualmachineid": machine["id"], **protocol})
    if not answer.get("success", True) or "url" not in answer:
        raise Failure(f"There is no console of {name_of(machine)}: {answer.get('details', 'no reason was told')}")
    form = doing.session.profile["output"]
    if form == "default":
        doing.terminal.write(str(answer["url"]))
    else:
        doing.answer(answer)


WORDS = {
    "create": Word("make an instance and start it", create, "[NAME]", most=1, options={
        "--name": Option("name", "its name"),
        "--image": Option("templateid", "its template", "listTemplates"),
        "--offering": Option("serviceofferingid", "how large it is", "listServiceOfferings"),
        "--zone": Option("zoneid", "where; not needed where there is one zone", "listZones"),
        "--network": Option("networkids", "its networks, by comma; the first is its default", "listNetworks"),
        "--disk": Option("diskofferingid", "a data disk of this offering", "listDiskOfferings"),
        "--root-size": Option("rootdisksize", "the size of its root disk in GiB"),
        "--key": Option("keypair", "the name of an SSH key pair", "listSSHKeyPairs"),
        "--user-data": Option("userdata", "a file for the guest's first boot"),
        "--host": Option("hostid", "the host it shall start on", "listHosts"),
        "--project": Option("projectid", "the project that shall own it", "listProjects"),
    }),
    "list": Word("instances, or those with a word in their names", listed, "[WORD]", most=1, options={
        "--zone": Option("zoneid", "only of this zone", "listZones"),
        "--state": Option("state", "only in this state"),
        "--host": Option("hostid", "only on this host", "listHosts"),
    }),
    "start": Word("start instances", _each("startVirtualMachine"), "NAME…", VMS, 1, 100, {
        "--host": Option("hostid", "on this host", "listHosts"),
    }),
    "stop": Word("stop instances", _each("stopVirtualMachine"), "NAME…", VMS, 1, 100, {
        "--force": Option("forced", "do not ask the guest", value=False),
    }),
    "reboot": Word("restart instances", _each("rebootVirtualMachine"), "NAME…", VMS, 1, 100),
    "delete": Word("destroy instances", _each("destroyVirtualMachine"), "NAME…", VMS, 1, 100, {
        "--expunge": Option("expunge", "for good: they cannot be recovered", value=False),
    }),
    "ssh": Word("sign in to an instance, wherever it can be reached", ssh, "NAME [-- COMMAND]", VMS, 1, 1, {
        "--user": Option("user", "as whom; without, as ssh says"),
        "--key": Option("key", "the file of your private key; without, as ssh says"),
        "--port": Option("port", "the instance's own port, where that is not 22"),
        "--private": Option("private", "to its own address, from inside its network", value=False),
    }),
    "console": Word("the URL of an instance's console", console, "NAME", VMS, 1, 1, {
        "--serial": Option("serial", "of its serial port, not of its screen", value=False),
    }),
}  # fmt: skip
