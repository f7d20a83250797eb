"""`cloudwright server`: one process that answers the API, serves the console, runs tasks and holds the hosts' connections."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from pathlib import Path

CREDENTIALS = "admin-credentials"


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to end by SIGTERM or SIGINT. Answers 1 when it cannot start, or was replaced by another process."""
    given = _parser().parse_args(arguments)
    gc.disable()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    from cloudwright.cli import log
    from cloudwright.cli.node import Node, Options
    from cloudwright.core.error import CloudError

    log.begin(given.log_level)
    options = Options(
        data=given.data, database=given.database, address=given.bind, port=given.port, node=given.node,
        agents_address=given.agents_bind, agents_port=given.agents_port, advertise=given.advertise,
        integration_port=given.integration_port, certificate=given.tls_cert, private_key=given.tls_key,
    )  # fmt: skip
    try:
        given.data.mkdir(parents=True, exist_ok=True)
        given.data.chmod(0o700)
        node = Node(options)
    except CloudError as error:
        return _refuse("; ".join([str(error), *error.fix]))
    except OSError as error:
        return _refuse(str(error))
    try:
        _keep(given.data, node.install())
        node.start()
        _settle()
    except OSError as error:
        node.stop()
        return _refuse(str(error))
    print(f"Cloudwright answers at {node.url}", flush=True)
    while not ended.wait(1.0):
        if node.replaced():
            break
    node.stop()
    return 0 if ended.is_set() else _refuse("another process took this server's place; it must be started anew")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cloudwright server", description="Run a Cloudwright server.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="directory of all that this server keeps")
    parser.add_argument("--database", default="", metavar="URL", help="PostgreSQL or MariaDB; without: SQLite in DIR")
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="where API and console listen (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="of API and console (8080)")
    parser.add_argument("--agents-bind", default="", metavar="ADDRESS", help="where hosts are listened for (everywhere)")
    parser.add_argument("--agents-port", type=int, default=8250, metavar="PORT", help="where hosts dial in (8250)")
    parser.add_argument("--integration-port", type=int, default=0, metavar="PORT", help="of the API without sign-in; 0: none")
    parser.add_argument("--advertise", default="", metavar="ADDRESS", help="how hosts reach this server, by comma if several")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="PEM; with it API and console speak TLS")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="PEM, of the certificate")
    parser.add_argument("--node", default="one", metavar="NAME", help="of this server among several on one database (one)")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser


def _settle() -> None:
    """Collect garbage from here on, without looking again and again at all that a server holds as long as it runs: each look
    at its 100,000 objects stopped every thread for some 80 ms, and a page of a list makes more than the 700 that begin one."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def _keep(data: Path, password: str | None) -> None:
    """Show a new installation's password, once, and leave it where only this user reads it."""
    if password is None:
        return
    file = data / CREDENTIALS
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(f"username=admin\npassword={password}\n")
    print(f"A new installation. Sign in as admin with the password {password} (also in {file}).", flush=True)


def _refuse(why: str) -> int:
    print(f"cloudwright server: {why}", file=sys.stderr)
    return 1
