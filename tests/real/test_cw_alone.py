"""`cw` installed by itself, as people do who have no server on their machine: nothing else is there, and it does its work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.serving import Serving

pytestmark = pytest.mark.real

SOURCE = Path(__file__).parents[2] / "packaging" / "cli"
DISK = "kind: diskOffering\nname: d\nspec: {displaytext: d, disksize: 1}\n"


def pip(folder: Path, *words: str) -> str:
    """Run pip on an environment that has none itself."""
    program = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder]
    return subprocess.run([*program, *words], stdout=subprocess.PIPE, text=True, check=True, timeout=250).stdout


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """An environment that was made for `cw` alone."""
    folder = tmp_path_factory.mktemp("alone")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    pip(folder, "install", "-q", str(SOURCE))
    return folder


@pytest.fixture(scope="module")
def run(alone, tmp_path_factory):
    """Runs a line by that `cw`, signed in by keys at a server; answers what it wrote."""
    home = tmp_path_factory.mktemp("home")
    with Serving(tmp_path_factory.mktemp("server")) as server:
        keys = server.with_keys()
        known = {"CLOUDSTACK_ENDPOINT": server.url, "CLOUDSTACK_KEY": keys.key, "CLOUDSTACK_SECRET": keys.secret}

        def run(*words: str, text: str = "") -> str:
            done = subprocess.run(
                [alone / "bin" / "cw", *words], input=text, capture_output=True, text=True, check=False, timeout=60, cwd=home,
                env={"HOME": str(home), "PATH": "/usr/bin:/bin", **known},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield run


def test_it_does_its_work(run):
    assert run("--version").startswith("cw 0.")
    assert "For every day:" in run("--help")
    assert run("list", "users", "filter=username", "-o", "csv") == "username\nadmin\n"
    assert run("list", "users", "--query", "user[].username", "-o", "yaml") == "- admin\n"
    assert run("shell", text="list users filter=username -o text\n") == "username = admin\n"
    assert "1 to create" in run("apply", "-f", "-", text=DISK)
    assert "compdef" in run("completion", "zsh")


def test_nothing_else_came_with_it(alone):
    names = {line.partition("==")[0].lower().replace("_", "-") for line in pip(alone, "list", "--format=freeze").splitlines()}
    assert names == {"cloudwright-cli", "jmespath", "prompt-toolkit", "pyyaml", "wcwidth"}
    server = [alone / "bin" / "python", "-I", "-c", "import cloudwright.core"]
    assert "No module named 'cloudwright.core'" in subprocess.run(server, capture_output=True, text=True, check=False).stderr
