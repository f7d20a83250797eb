"""The console's own checks: types, style and units, run on what the server really offers each role."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from tests.conftest import call
from tests.console.spoken import spoken
from tests.operations.conftest import ann, chief, eng, root  # noqa: F401 - fixtures

UI = Path(__file__).parents[2] / "ui"
PATIENCE = 300.0  # seconds; other tests share the machine

pytestmark = pytest.mark.skipif(
    not (UI / "node_modules").is_dir(), reason="the console's tools are not installed: `make console`"
)


def run(script: str, **more: str) -> None:
    program, env = [UI / "node.sh", "run", "--silent", script], {**os.environ, **more}
    ran = subprocess.run(program, cwd=UI, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, ran.stdout[-20000:] + ran.stderr[-4000:]


def test_types_and_style():
    run("check")


def test_units(cloud: Cloud, root: Caller, chief: Caller, ann: Caller, tmp_path: Path):  # noqa: F811 - fixtures
    offered = {name: call(cloud, who, "listApis")["api"] for name, who in (("root", root), ("chief", chief), ("user", ann))}
    groups = call(cloud, root, "listConfigurationGroups")["configurationgroup"]
    named = [part["name"] for group in groups for part in (group, *group["subgroup"])]
    named += [limit["resourcetypename"] for limit in call(cloud, root, "listResourceLimits")["resourcelimit"]]
    record = tmp_path / "apis.json"
    record.write_text(json.dumps(offered | {"spoken": [*spoken(), *named]}))
    run("test", CLOUDWRIGHT_APIS=str(record))
