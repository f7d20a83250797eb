"""A server as a process of its own, as an operator runs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from cloudwright.cli.client import Api

PATIENCE = 60.0  # seconds; other tests share the machine


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


class Serving:
    """`with Serving(directory) as server:` it answers; at the end it was told to end and did."""

    def __init__(self, directory: Path, *more: str, port: int = 0) -> None:
        self.data, self.port = directory / "data", port or free_port()
        self.log = directory / "log"
        where = ["--data", str(self.data), "--port", str(self.port), "--agents-bind", "127.0.0.1", "--agents-port", "0"]
        self.program = [sys.executable, "-m", "cloudwright", "server", *where, *more]
        self.process: subprocess.Popen[str] | None = None
        self.said = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/client/api"

    def __enter__(self) -> Serving:
        with self.log.open("a") as log:
            environment = {name: value for name, value in os.environ.items() if name != "CLOUDWRIGHT_ADMIN_PASSWORD"}
            self.process = subprocess.Popen(self.program, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "answers at" in line:
                return self
        raise AssertionError(f"the server ended with {self.process.wait(5)}:\n{self.said}{self.log.read_text()}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()
        if error is not None:
            print(self.log.read_text()[-8000:])

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and answer its exit status."""
        assert self.process is not None
        assert self.process.stdout is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
        return status

    @property
    def password(self) -> str:
        lines = (self.data / "admin-credentials").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)["password"]

    def signed_in(self) -> Api:
        api = Api(self.url)
        api.login("admin", self.password)
        return api

    def with_keys(self) -> Api:
        """A client with API keys of admin."""
        api = Api(self.url)
        user = api.login("admin", self.password)
        made = api.job("registerUserKeys", id=user["userid"])
        return Api(self.url, made["apikey"], made["secretkey"])


def eventually(check, seconds: float = PATIENCE):
    until = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < until, f"not within {seconds:g} s"
        time.sleep(0.05)
    return found
