"""The web console in a real browser, against a server with a simulated zone; what its build costs."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
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
from tests.identity.saml.house import new_key
from tests.real.browser import PROGRAM

MANY = 10_000  # instances
BUILD = 20  # seconds of the processors at most
IDENTITY = Path(__file__).parents[1] / "identity"  # with providers: of OpenID Connect, of SAML
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
    """A job that does not end by itself, cancelled; sign-in through providers that are processes of their own. To browsers
    localhost is another site than 127.0.0.1, where the console is."""
    own = Serving(tmp_path)
    own.program[1:3] = ["-m", "tests.console.slow"]
    new_key(tmp_path)
    with beside(IDENTITY / "oauth" / "op.py") as oidc, beside(IDENTITY / "saml" / "idp.py", str(tmp_path)) as idp, own:
        simulated_zone(own.with_keys())
        providers = {"CLOUDWRIGHT_OIDC": f"http://127.0.0.1:{oidc}", "CLOUDWRIGHT_SAML": f"http://localhost:{idp}"}
        only = ["jobs.spec.ts", "vouched.spec.ts", "--grep", "cancelled by a click|vouches for"]
        play(own.url, own.password, *only, CLOUDWRIGHT_SLOW="1", **providers)


@contextlib.contextmanager
def beside(program: Path, *more: str) -> Iterator[int]:
    """Run a program that prints the port it listens on, for the length of a with block."""
    run = subprocess.Popen(
        [sys.executable, program, *more], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert run.stdout is not None
        yield int(run.stdout.readline())
    finally:
        run.kill()
        run.communicate()


def test_a_list_of_ten_thousand(server, keys, ready_zone):  # noqa: F811 - fixtures
    instance(keys, ready_zone["id"])
    with contextlib.closing(Database(f"sqlite:///{server.data / 'cloudwright.db'}")) as db:
        machine = db.read().find(Vm)
        assert machine is not None
        bulk.machines(SimpleNamespace(db=db), machine, MANY, {machine.account_id: 1})  # type: ignore[arg-type]
    play(server.url, server.password, "--grep", "long list", CLOUDWRIGHT_MANY=str(MANY))
