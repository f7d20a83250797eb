"""The process that holds a demo: the server, the hosts and their agents live as long as it does.

`demo up` talks to it over its standard input and output, a line of JSON each. When that input ends before the demo is
declared whole, the one who built it is gone, and everything is taken down again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from cloudwright.cli.demo.folder import Folder
from cloudwright.cli.lab import Datacenter, LabError
from cloudwright.cli.lab.host import Host

SERVER_WAIT = 60.0
GRACE = 20.0  # seconds that the server gets to end
AGENT_STATE = "/var/lib/libvirt/cloudwright"  # on the host's own disk, and short enough for the unix sockets below it
RUNNING = "running"


class Ending(Exception):
    """It was told to end."""


def main(arguments: list[str]) -> int:
    """`demo hold FOLDER real|simulator PORT`: started by `demo up` only."""
    folder, real, port = Folder(Path(arguments[0])), arguments[1] == "real", int(arguments[2])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        with contextlib.ExitStack() as held:
            _hold(folder, port, held, real)
    except Ending:
        return 0
    except (LabError, OSError) as error:
        _say(error=str(error))
        return 1
    return 0


def _end(*_: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Ending


def _hold(folder: Folder, port: int, held: contextlib.ExitStack, real: bool) -> None:
    where: dict[str, Any] = {}
    hosts: list[Host] = []
    if real:
        dc = held.enter_context(Datacenter(folder.prefix, folder.hosts, hosts=2))
        hosts = dc.hosts()
        where = {"management": str(dc.management), "server": dc.server_address, "public": str(dc.public), "outside": dc.outside}
        where["hosts"] = {host.name: host.address for host in hosts}
    server = _server(folder, port, where.get("server", "127.0.0.1"), held)
    _say(**where)
    _wait_for(server, folder, port)
    _say(answers=True)
    whole = False
    for line in sys.stdin:
        asked = json.loads(line)
        if "join" in asked:
            host = next(host for host in hosts if host.name == asked["join"])
            held.enter_context(_agent(folder, host, asked["command"]))
            _say(joined=host.name)
        whole = whole or RUNNING in asked
    while whole:
        if server.poll() is not None:
            raise OSError(f"the server ended by itself ({server.returncode}); {folder.path / 'server.log'} tells more")
        time.sleep(0.5)


def _server(folder: Folder, port: int, address: str, held: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "cloudwright", "server", "--data", str(folder.data), "--port", str(port)]
    program += ["--agents-bind", address, "--advertise", address, "--agents-port", "8250" if address != "127.0.0.1" else "0"]
    log = held.enter_context((folder.path / "server.log").open("wb"))
    if shutil.which("setpriv"):  # should this process be killed, the server ends too
        program = ["setpriv", "--pdeathsig", "TERM", "--", *program]
    process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    held.callback(_stop, process)
    return process


def _wait_for(server: subprocess.Popen[bytes], folder: Folder, port: int) -> None:
    """Wait until the server answers. Raises OSError when it ended, TimeoutError when it takes too long."""
    until = time.monotonic() + SERVER_WAIT
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            if server.poll() is not None:
                log = (folder.path / "server.log").read_text(errors="replace").strip().splitlines()
                raise OSError(f"the server did not start: {log[-1] if log else 'it said nothing'}") from None
            if time.monotonic() > until:
                raise TimeoutError(f"the server did not answer on port {port} within {SERVER_WAIT:g} s") from None
            time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _agent(folder: Folder, host: Host, command: str) -> Any:
    """Run on a host what addHost answered, with where its disk is. The token goes by standard input: no process list shows it."""
    config = host.disk / "agent.toml"
    config.write_text(f'migration = "{host.migration_uri}"\n[uplinks]\n')
    script = f"{command} --state {AGENT_STATE} --config {config}\n"
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with (folder.path / f"agent-{host.name}.log").open("w") as log:
        process = host.popen(["sh"], stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment)
        _feed(process.stdin, script)
        try:
            yield
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)


def _feed(pipe: IO[str] | None, script: str) -> None:
    assert pipe is not None
    with pipe:
        pipe.write(script)


def _say(**values: Any) -> None:
    print(json.dumps(values), flush=True)
