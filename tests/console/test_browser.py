"""The web console in a real browser, against a server with a simulated zone; what its build costs."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cloudwright.compute.model import Vm
from cloudwright.core.db import Database
from tests.bench import bulk
from tests.bench.console import instance
from tests.cli.serving import Serving
from tests.clients.conftest import keys, ready_zone, server, simulated_zone  # noqa: F401 - fixtures
from tests.console.play import UI, build, play
from tests.real.browser import PROGRAM

MANY = 10_000  # instances
BUILD = 20  # seconds of the processors at most
OP = str(Path(__file__).parents[1] / "identity" / "oauth" / "op.py")  # a provider of OpenID Connect
CHUNK = 100 * 1024  # bytes of a chunk that is loaded when it is wanted, at most, by gzip

pytestmark = [pytest.mark.real, pytest.mark.skipif(not PROGRAM, reason="there is no Chromium on this machine")]


def test_a_build_is_quick_and_its_chunks_are_small(tmp_path):
    built = build(tmp_path / "ui")
    print(f"{built.seconds:.1f} s, {built.cpu:.1f} s of the processors, {built.memory:.0f} MB")
    assert built.cpu <= BUILD
    assert {name: size for name, size in built.lazy.items() if size > CHUNK} == {}


SPECS = sorted(file.name for file in (UI / "e2e").glob("*.spec.ts") if file.name != "measure.spec.ts")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "specs", [[name for name in SPECS if name != "pages.spec.ts"], ["pages.spec.ts"]], ids=["what one does", "pages"]
)
def test_the_console_in_a_browser(server, ready_zone, specs):  # noqa: F811 - fixtures
    play(server.url, server.password, *specs, "--grep-invert", "long list")


def test_what_wants_a_server_of_its_own(tmp_path):
    """A job that does not end by itself, cancelled; sign-in through a provider that is a process of its own."""
    own = Serving(tmp_path)
    own.program[1:3] = ["-m", "tests.console.slow"]
    provider = subprocess.Popen([sys.executable, OP], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        assert provider.stdout is not None
        oidc = f"http://127.0.0.1:{int(provider.stdout.readline())}"
        with own:
            simulated_zone(own.with_keys())
            play(own.url, own.password, "jobs.spec.ts", "vouched.spec.ts", "--grep", "cancelled by a click|vouches for",
                 CLOUDWRIGHT_SLOW="1", CLOUDWRIGHT_OIDC=oidc)  # fmt: skip
    finally:
        provider.kill()
        provider.communicate()


def test_a_list_of_ten_thousand(server, keys, ready_zone):  # noqa: F811 - fixtures
    instance(keys, ready_zone["id"])
    with contextlib.closing(Database(f"sqlite:///{server.data / 'cloudwright.db'}")) as db:
        machine = db.read().find(Vm)
        assert machine is not None
        bulk.machines(SimpleNamespace(db=db), machine, MANY, {machine.account_id: 1})  # type: ignore[arg-type]
    play(server.url, server.password, "--grep", "long list", CLOUDWRIGHT_MANY=str(MANY))
