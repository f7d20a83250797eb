"""The web console in a real browser, against a server with a simulated zone."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudwright.compute.model import Vm
from cloudwright.core.db import Database
from tests.bench import bulk
from tests.clients.conftest import keys, ready_zone, server  # noqa: F401 - fixtures
from tests.real.browser import PROGRAM

UI = Path(__file__).parents[2] / "ui"
BUILT = Path(__file__).parents[2] / "cloudwright" / "web" / "static" / "ui" / "index.html"
MANY = 10_000  # instances
PATIENCE = 600.0  # seconds; other tests share the machine

pytestmark = [pytest.mark.real, pytest.mark.skipif(not PROGRAM, reason="there is no Chromium on this machine")]


def play(server: Any, *more: str, **environment: str) -> None:  # noqa: F811 - a fixture's value
    assert BUILT.is_file(), "the console is not built: `make console`"
    at = {
        "CLOUDWRIGHT_URL": server.url.removesuffix("/client/api"),
        "CLOUDWRIGHT_PASSWORD": server.password,
        "CHROMIUM": str(PROGRAM),
    }
    ran = subprocess.run(
        [UI / "node.sh", "exec", "--", "playwright", "test", "--config", UI / "playwright.config.ts", *more],
        cwd=UI, env={**os.environ, **at, **environment}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout[-20000:] + ran.stderr[-2000:]


def test_the_console_in_a_browser(server, ready_zone):  # noqa: F811 - fixtures
    play(server, "--grep-invert", "long list")


def test_a_list_of_ten_thousand(server, ready_zone):  # noqa: F811 - fixtures
    with contextlib.closing(Database(f"sqlite:///{server.data / 'cloudwright.db'}")) as db:
        machine = db.read().find(Vm)
        assert machine is not None, "the tests before this one made an instance"
        bulk.machines(SimpleNamespace(db=db), machine, MANY, {machine.account_id: 1})  # type: ignore[arg-type]
    play(server, "--grep", "long list", CLOUDWRIGHT_MANY=str(MANY))
