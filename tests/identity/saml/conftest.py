"""A cloud and its SAML identity provider, one for all tests of this folder in a process."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

import pytest

from cloudwright.cloud import Cloud
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.model import LoginSession
from cloudwright.web.door import face
from cloudwright.web.server import Options, Server
from tests import databases
from tests.conftest import KEY
from tests.identity.saml.house import House, new_key
from tests.identity.test_http import free_port


@pytest.fixture(scope="package")
def house():
    program = str(pathlib.Path(__file__).with_name("idp.py"))
    with tempfile.TemporaryDirectory(dir=databases.roomy()) as name:
        folder = pathlib.Path(name)
        new_key(folder)
        process = subprocess.Popen([sys.executable, program, name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        cloud = Cloud(f"sqlite:///{name}/cloud.db", key=KEY, world=MemoryWorld())
        server = None
        try:
            idp = f"http://127.0.0.1:{int(process.stdout.readline())}"
            cloud.install()
            port = free_port()
            server = Server(face(cloud), Options(port=port))
            server.start()
            yield House(cloud, port, folder, idp)
        finally:
            process.kill()
            process.communicate()
            if server is not None:
                server.stop()
            cloud.stop()


@pytest.fixture(autouse=True)
def as_it_was(house):
    house.idp_is(uid="ann", sign="assertion", digest="sha256")
    yield
    house.cloud.db.write(lambda tx: tx.execute(LoginSession.t.delete()))
