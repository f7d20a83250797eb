"""Real database servers for tests: started once per test session, shared by its workers, gone with the last of them.

    url = fresh("postgresql")        # an empty database of its own
    drop(url)

A keeper process runs each server in a temporary directory, on a Unix socket and a free port of 127.0.0.1, and ends it as soon as
no registered test process is alive: also when a worker was killed.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

ENGINES = ("sqlite", "postgresql", "mariadb")
READY = 90.0
ROOM = 4 << 30  # bytes
_numbers = itertools.count(1)


def fresh(engine: str, directory: Path) -> str:
    """The URL of an empty database. `directory` is where an embedded one lies."""
    if engine == "sqlite":
        return f"sqlite:///{directory / f'cloud{next(_numbers)}.db'}"
    name = f"t{os.getpid()}_{next(_numbers)}"
    _admin(engine, f"CREATE DATABASE {name}")
    return _url(engine, server(engine)[0], name)


def copy(url: str, directory: Path) -> str:
    """The URL of a new database with the same content. Nobody may be connected to the first."""
    parsed = sa.make_url(url)
    old = str(parsed.database)
    if parsed.get_backend_name() == "postgresql":
        name = f"t{os.getpid()}_{next(_numbers)}"
        _admin("postgresql", f"CREATE DATABASE {name} TEMPLATE {old}")
        return _url("postgresql", server("postgresql")[0], name)
    new = fresh("sqlite" if parsed.get_backend_name() == "sqlite" else "mariadb", directory)
    into = str(sa.make_url(new).database)
    if parsed.get_backend_name() == "sqlite":
        for part in ("", "-wal"):  # the log stays as long as any thread's connection does
            if Path(old + part).exists():
                shutil.copyfile(old + part, into + part)
    else:
        tables = [row[0] for row in _admin("mariadb", f"SHOW TABLES FROM {old}")]
        _admin("mariadb", *(f"CREATE TABLE {into}.{table} LIKE {old}.{table}" for table in tables))
        _admin("mariadb", *(f"INSERT INTO {into}.{table} SELECT * FROM {old}.{table}" for table in tables))
    return new


def drop(url: str) -> None:
    """Delete a database that `fresh` made, whoever is still connected."""
    parsed = sa.make_url(url)
    engine = parsed.get_backend_name()
    if engine == "sqlite":
        for part in ("", "-wal", "-shm"):
            Path(f"{parsed.database}{part}").unlink(missing_ok=True)
        return
    force = " WITH (FORCE)" if engine == "postgresql" else ""
    _admin("postgresql" if engine == "postgresql" else "mariadb", f"DROP DATABASE IF EXISTS {parsed.database}{force}")


def server(engine: str) -> tuple[int, int]:
    """(port, process id) of this session's server, started if it is not there."""
    home = _home(engine)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (home / "users").mkdir(exist_ok=True)
        (home / "users" / str(os.getpid())).touch()
        if not (home / "ready").exists():
            _start_keeper(engine, home)
    port, pid = (home / "ready").read_text().split()
    return int(port), int(pid)


def restart(engine: str, pause: float = 0.0) -> None:
    """Stop the server and start it again `pause` seconds later, as an operator's upgrade does."""
    home = _home(engine)
    (home / "pause").write_text(str(pause))
    old = server(engine)[1]
    os.kill(old, signal.SIGINT if engine == "postgresql" else signal.SIGTERM)
    until = time.monotonic() + READY
    while server(engine)[1] == old:
        if time.monotonic() > until:
            raise AssertionError(f"{engine} did not come back within {READY:.0f} s")
        time.sleep(0.02)


def roomy() -> Path:
    """Where files that need not outlive the tests lie: in memory, where there is plenty."""
    memory = Path("/dev/shm")
    plenty = memory.is_dir() and shutil.disk_usage(memory).total > ROOM
    return memory if plenty else Path(tempfile.gettempdir())


def _home(engine: str) -> Path:
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    session = os.environ.setdefault("CLOUDWRIGHT_TEST_SESSION", session)
    return roomy() / f"cloudwright-databases-{session}" / engine


def _start_keeper(engine: str, home: Path) -> None:
    command = ["setsid", "--fork", sys.executable, __file__, engine, str(home)]
    with (home / "keeper.log").open("w") as log:
        subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=True)
    until = time.monotonic() + READY
    while not (home / "ready").exists():
        if (home / "failed").exists() or time.monotonic() > until:
            raise RuntimeError(f"{engine} did not start: {(home / 'keeper.log').read_text()[-2000:]}")
        time.sleep(0.05)


def _url(engine: str, port: int, name: str) -> str:
    if engine == "postgresql":
        return f"postgresql+psycopg://cloudwright@127.0.0.1:{port}/{name}"
    return f"mariadb+pymysql://cloudwright@127.0.0.1:{port}/{name}"


def _admin(engine: str, *statements: str) -> list[sa.Row[Any]]:
    """Run statements as the servers' administrator. Answers the rows of the last."""
    name = "postgres" if engine == "postgresql" else "mysql"
    admin = sa.create_engine(_url(engine, server(engine)[0], name), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with admin.connect() as connection:
        results = [connection.exec_driver_sql(statement) for statement in statements]
        rows = list(results[-1]) if results[-1].returns_rows else []
    admin.dispose()
    return rows


# --- the keeper: a process of its own


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as(user: str, command: list[str]) -> list[str]:
    """The command, run as an unprivileged user where we are root: neither server runs as root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]


def _owned(path: Path, user: str) -> Path:
    path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)
    return path


def _postgresql(home: Path, port: int) -> list[str]:
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    data = home / "data"
    if not data.exists():
        _owned(data, "postgres")
        make = [
            str(binaries / "initdb"),
            "-D",
            str(data),
            "-A",
            "trust",
            "-U",
            "cloudwright",
            "-N",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run(_as("postgres", make), check=True)
    options = {
        "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "400",
        "unix_socket_directories": str(data), "listen_addresses": "127.0.0.1", "shared_buffers": "64MB", "max_wal_size": "256MB",
    }  # fmt: skip
    given = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return _as("postgres", [str(binaries / "postgres"), "-D", str(data), "-p", str(port), *given])


def _mariadb(home: Path, port: int) -> list[str]:
    data = home / "data"
    if not data.exists():
        _owned(data, "mysql")
        _owned(home / "tmp", "mysql")  # its own: each server removes what others left in theirs
        make = [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
        subprocess.run(_as("mysql", make), check=True)
        user = "cloudwright@'127.0.0.1'"
        (home / "init.sql").write_text(f"CREATE USER IF NOT EXISTS {user};\nGRANT ALL ON *.* TO {user};\n")
    server = [
        "mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data}/s",
        f"--pid-file={data}/pid", f"--tmpdir={home}/tmp", f"--init-file={home}/init.sql", "--skip-name-resolve",
        "--max-connections=400",
        "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M", "--sync-frm=0",
        "--innodb-file-per-table=0",
    ]  # fmt: skip
    return _as("mysql", server)


def _answers(engine: str, port: int) -> bool:
    probe = sa.create_engine(_url(engine, port, "postgres" if engine == "postgresql" else "mysql"), poolclass=sa.pool.NullPool)
    try:
        with probe.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except sa.exc.SQLAlchemyError:
        return False
    return True


def _keep(engine: str, home: Path) -> None:
    """Run the server until no registered process is alive; start it again when a test stopped it."""
    port = _free_port()
    command = {"postgresql": _postgresql, "mariadb": _mariadb}[engine](home, port)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/")
    try:
        while True:
            _announce(engine, home, port, process)
            while process.poll() is None:
                time.sleep(0.2)
                if not _anybody(home):
                    return
            pause = home / "pause"
            time.sleep(float(pause.read_text()) if pause.exists() else 0.0)
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/")
    finally:
        _end(process)
        shutil.rmtree(home, ignore_errors=True)
        with suppress(OSError):
            home.parent.rmdir()


def _announce(engine: str, home: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY
    while not _answers(engine, port):
        if process.poll() is not None or time.monotonic() > until:
            (home / "failed").touch()
            time.sleep(2.0)  # for the log to be read
            raise SystemExit(f"{engine} ended with {process.poll()}")
        time.sleep(0.05)
    (home / "ready.new").write_text(f"{port} {process.pid}")
    (home / "ready.new").rename(home / "ready")


def _anybody(home: Path) -> bool:
    return any(Path(f"/proc/{user.name}").exists() for user in (home / "users").iterdir())


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGQUIT if "postgres" in str(process.args) else signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    _keep(sys.argv[1], Path(sys.argv[2]))
