"""`cloudwright agent`: enrol this host when it is new, then serve it for ever."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from cloudwright.agent import drivers
from cloudwright.agent.dial import EnrolmentFailed, enrol
from cloudwright.agent.log import Lines
from cloudwright.agent.remote import Drivers
from cloudwright.agent.run import Agent
from cloudwright.agent.state import State
from cloudwright.drivers.error import DriverError
from cloudwright.drivers.host import pki

log = logging.getLogger(__name__)

STATE = Path("/var/lib/cloudwright/agent")
TOKEN = "CLOUDWRIGHT_TOKEN"  # noqa: S105 - the name of a variable


def main(arguments: list[str] | None = None) -> int:
    """Run the agent; answers the exit status: 1 when the host is not and cannot be enrolled or misconfigured."""
    given = _parser().parse_args(arguments)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.basicConfig(level=given.log_level.upper(), handlers=[handler])
    try:
        state = State(given.state)
        asyncio.run(_enrolled(given, state))
        if given.enrol_only:
            return 0
        servers = given.server or state.servers()
        if not servers:
            raise EnrolmentFailed("this host does not know where its server is: it needs --server")
        return asyncio.run(_serve(servers, state, _drivers(given, state)))
    except (EnrolmentFailed, drivers.BadConfiguration, DriverError, OSError) as error:
        log.error("%s", error)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cloudwright agent", description="Serve this host to a Cloudwright server.")
    parser.add_argument(
        "--server",
        type=_addresses,
        default=[],
        metavar="HOST:PORT",
        help="where the server listens for agents; by comma if several",
    )
    parser.add_argument("--fingerprint", default="", help="sha256:… of the server's authority, to enrol")
    parser.add_argument(
        "--token-file", type=Path, help=f"file with the one-time token to enrol, - for standard input; or set {TOKEN}"
    )
    parser.add_argument("--state", type=Path, default=STATE, help="directory of key, certificate and what drivers remember")
    parser.add_argument("--config", type=Path, help="TOML file about this host's drivers")
    parser.add_argument("--simulator", action="store_true", help="serve simulated machines, networks and storage")
    parser.add_argument("--enrol-only", action="store_true", help="enrol and end")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser


async def _enrolled(given: argparse.Namespace, state: State) -> None:
    """Enrol, unless the host holds a certificate that still runs. Raises EnrolmentFailed."""
    token = os.environ.pop(TOKEN, "")  # out of the environment, which the programs that drivers start inherit
    identity = state.identity()
    if identity is not None and pki.expires(identity.certificate) > datetime.now(UTC):
        return
    if given.token_file is not None:
        token = sys.stdin.readline() if str(given.token_file) == "-" else given.token_file.read_text()
    if not (given.server and given.fingerprint and token.strip()):
        was = "was never enrolled" if identity is None else "has a certificate that ended"
        raise EnrolmentFailed(f"this host {was}: it needs --server, --fingerprint and a token to enrol")
    refusals = []
    for server in given.server:
        try:
            host = await enrol(server, given.fingerprint, token.strip(), state)
        except EnrolmentFailed as refusal:
            refusals.append(str(refusal))
        else:
            log.info("enrolled", extra={"host": host, "server": server})
            return
    raise EnrolmentFailed("; ".join(refusals))


def _addresses(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _drivers(given: argparse.Namespace, state: State) -> Drivers:
    identity = state.identity()
    assert identity is not None
    host = pki.host(identity.certificate)
    if given.simulator:
        return drivers.simulated(host, given.state)
    return drivers.real(drivers.read(given.config), host, given.state)


async def _serve(servers: list[str], state: State, served: Drivers) -> int:
    """Until told to end by SIGTERM or SIGINT."""
    running = asyncio.create_task(Agent(servers, state, served).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        log.info("ending")
    return 0
