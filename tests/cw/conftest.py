"""`cw` as its users run it, in this process, against a server as a process of its own."""

from __future__ import annotations

import io
import shlex
from typing import NamedTuple

import pytest

from cloudwright.cw.main import main
from cloudwright.cw.terminal import Terminal
from tests.clients.conftest import keys, ready_zone, server  # noqa: F401  fixtures


class Said(NamedTuple):
    """What a command line answered."""

    code: int
    out: str
    err: str


class Terminals(io.StringIO):
    """Text that says it is a terminal's."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with nothing in it, and an environment that says nothing of servers."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "CW_CONFIG", "CW_PROFILE", "CW_OUTPUT"):
            patch.delenv(name, raising=False)
        for name in ("ENDPOINT", "KEY", "SECRET", "USERNAME", "PASSWORD", "DOMAIN", "TIMEOUT", "VERIFY"):
            patch.delenv(f"CLOUDSTACK_{name}", raising=False)
        yield folder


@pytest.fixture(scope="module")
def signed(home, server, keys):  # noqa: F811
    """An environment that names the server and admin's keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDSTACK_ENDPOINT", server.url)
        patch.setenv("CLOUDSTACK_KEY", keys.key)
        patch.setenv("CLOUDSTACK_SECRET", keys.secret)
        yield home


def cw(line: str, terminal: bool = False) -> Said:
    """Run a line, without the word `cw`."""
    out, err = (Terminals(), Terminals()) if terminal else (io.StringIO(), io.StringIO())
    code = main(shlex.split(line), Terminal(out, err))
    return Said(code, out.getvalue(), err.getvalue())
