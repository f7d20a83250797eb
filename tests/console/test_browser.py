"""The web console in a real browser, against a server with a simulated zone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import keys, ready_zone, server  # noqa: F401 - fixtures
from tests.real.browser import PROGRAM

UI = Path(__file__).parents[2] / "ui"
BUILT = Path(__file__).parents[2] / "cloudwright" / "web" / "static" / "ui" / "index.html"


@pytest.mark.real
@pytest.mark.skipif(not PROGRAM, reason="there is no Chromium on this machine")
def test_the_console_in_a_browser(server, ready_zone):  # noqa: F811 - fixtures
    assert BUILT.is_file(), "the console is not built: `make console`"
    where = {
        "CLOUDWRIGHT_URL": server.url.removesuffix("/client/api"),
        "CLOUDWRIGHT_PASSWORD": server.password,
        "CHROMIUM": PROGRAM,
    }
    program = [UI / "node.sh", "exec", "--", "playwright", "test", "--config", UI / "playwright.config.ts"]
    ran = subprocess.run(program, cwd=UI, env={**os.environ, **where}, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stdout[-20000:] + ran.stderr[-2000:]
