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
FIRST_PORT, TRIES = 8080, 10
ANSWERS, TAKEN = "Cloudwright answers at ", "cannot listen on "  # what a server says that has its port, or has not


class Ending(Exception):
    """It was told to end."""


def main(arguments: list[str]) -> int:
    """`demo hold FOLDER real|simulator`: started by `demo up` only."""
    folder, real = Folder(Path(arguments[0])), arguments[1] == "real"
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        with contextlib.ExitStack() as held:
            _hold(folder, held, real)
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


def _hold(folder: Folder, held: contextlib.ExitStack, real: bool) -> None:
    where: dict[str, Any] = {}
    hosts: list[Host] = []
    if real:
        dc = held.enter_context(Datacenter(folder.prefix, folder.hosts, hosts=2))
        hosts = dc.hosts()
        where = {"management": str(dc.management), "server": dc.server_address, "public": str(dc.public), "outside": dc.outside}
        where["hosts"] = {host.name: host.address for host in hosts}
    _say(**where)
    server, port = _server(folder, where.get("server", "127.0.0.1"), held)
    _say(port=port)
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


def _server(folder: Folder, address: str, held: contextlib.ExitStack) -> tuple[subprocess.Popen[bytes], int]:
    """The server, once it answers, and its port: the first that is free, and that nobody else takes before it does. Raises
    OSError when it ended, TimeoutError when it takes too long."""
    port, why = FIRST_PORT, ""
    for _ in range(TRIES):
        port = free_port(port)
        server = _start(folder, port, address, held)
        why = _wait_for(server, folder)
        if not why:
            return server, port
        if TAKEN not in why:
            break
        port += 1
    raise OSError(f"the server did not start: {why}")


def free_port(first: int) -> int:
    """`first`, or the next TCP port of this machine that is free."""
    for port in range(first, first + 100):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"none of the ports {first} to {first + 99} is free")


def _start(folder: Folder, port: int, address: str, held: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "cloudwright", "server", "--data", str(folder.data), "--port", str(port)]
    program += ["--agents-bind", address, "--advertise", address, "--agents-port", "8250" if address != "127.0.0.1" else "0"]
    if shutil.which("setpriv"):  # should this process be killed, the server ends too
        program = ["setpriv", "--pdeathsig", "TERM", "--", *program]
    with (folder.path / "server.log").open("wb") as log:
        process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    held.callback(_stop, process)
    return process


def _wait_for(server: subprocess.Popen[bytes], folder: Folder) -> str:
    """Wait until the server says that it answers: on its port, another may. Answers why it ended, if it did. Raises
    TimeoutError."""
    until = time.monotonic() + SERVER_WAIT
    while True:
        over = server.poll() is not None
        said = (folder.path / "server.log").read_text(errors="replace").strip().splitlines()
        if any(line.startswith(ANSWERS) for line in said):
            return ""
        if over:
            return said[-1] if said else "it said nothing"
        if time.monotonic() > until:
            raise TimeoutError(f"the server did not answer within {SERVER_WAIT:g} s")
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
