"""A server as operators run it: it starts, answers, tells its secret once, ends in order and keeps what it knew."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from cloudwright.cli.client import Api, ApiError
from cloudwright.cli.main import main
from tests.cli.serving import Serving, eventually, free_port


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("server"), "--integration-port", str(free_port())) as running:
        yield running


def test_the_administrator_signs_in_with_the_password_told_once(server):
    assert f"password {server.password} " in server.said
    assert os.stat(server.data / "admin-credentials").st_mode & 0o777 == 0o600
    assert os.stat(server.data / "master.key").st_mode & 0o777 == 0o600
    assert os.stat(server.data).st_mode & 0o777 == 0o700
    assert server.signed_in().all("listApis")
    with pytest.raises(ApiError, match="Failed to authenticate"):
        Api(server.url).login("admin", "guessed")


def test_keys_sign_requests(server):
    api = server.with_keys()
    assert api.all("listUsers", username="admin")[0]["account"] == "admin"
    with pytest.raises(ApiError, match="signature"):
        Api(server.url, api.key, "wrong").call("listUsers")


def test_hosts_and_browsers_are_told_where_the_server_is(server):
    settings = {row["name"]: row.get("value") for row in server.signed_in().all("listConfigurations", pagesize=-1)}
    assert settings["endpoint.url"] == server.url
    with socket.create_connection(("127.0.0.1", int(settings["port"])), 5):
        pass


def test_the_console_page_is_served(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/client/console", timeout=10) as page:
        assert b"<title>Console</title>" in page.read()


def test_the_log_is_lines_of_json_that_name_the_job_and_no_secret(server):
    api = server.with_keys()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert any(line["message"] == "started" for line in lines)
    assert not any(secret in server.log.read_text() for secret in (server.password, api.secret, api.key))


def test_a_port_that_is_taken_is_said(server, tmp_path):
    second = Serving(tmp_path, port=server.port)
    done = subprocess.run(second.program, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {server.port}" in done.stderr


def test_a_second_start_by_mistake_leaves_the_server_alone_that_runs(server):
    done = subprocess.run(server.program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, f"port {server.port}" in done.stderr) == (1, True), done.stderr
    assert server.signed_in().call("createSSHKeyPair", name="still-here")["keypair"]["name"] == "still-here"


def test_nobody_signs_in_where_no_signature_is_asked_for(server):
    port = server.program[server.program.index("--integration-port") + 1]
    for command in ("login", "logout"):
        with pytest.raises(urllib.error.HTTPError, match="432") as refusal:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/?command={command}&response=json", timeout=10)
        with refusal.value as answer:
            assert b"unauthenticated port" in answer.read()


def test_the_second_start_keeps_data_and_tells_no_password(tmp_path):
    with Serving(tmp_path) as first:
        password = first.password
        first.signed_in().one("createZone", name="kept", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.1")
        assert first.end() == 0
    with Serving(tmp_path) as second:
        assert password not in second.said
        assert [zone["name"] for zone in second.signed_in().all("listZones")] == ["kept"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_with_a_stream_open(tmp_path, number):
    with Serving(tmp_path) as server:
        api = server.signed_in()
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}/client/events?sessionkey={api._session['sessionkey']}")
        request.add_header("Cookie", api._cookies)
        with urllib.request.urlopen(request, timeout=10) as stream:
            assert stream.readline().startswith(b"retry:")
            api.one("createDomain", name="told")
            told = eventually(lambda: line if (line := stream.readline()).startswith(b"data:") and b"LOGIN" not in line else None)
            assert b"DOMAIN.CREATE" in told
            assert server.end(number) == 0


def test_killed_without_warning_it_starts_again(tmp_path):
    with Serving(tmp_path) as server:
        server.signed_in().one("createDomain", name="survivor")
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
    with Serving(tmp_path) as server:
        assert [row["name"] for row in server.signed_in().all("listDomains", name="survivor")] == ["survivor"]


def test_help_is_quick_because_programs_are_imported_when_they_run():
    program = [sys.executable, "-X", "importtime", "-m", "cloudwright", "--help"]
    imported = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True).stderr
    names = {line.rpartition("|")[2].strip() for line in imported.splitlines()}
    assert "cloudwright.cli.main" in names
    assert names.isdisjoint({"sqlalchemy", "aiohttp", "cryptography", "msgspec", "cloudwright.cloud", "cloudwright.agent"})


def test_help_names_all_programs(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("server", "agent", "demo"))
    assert main(["sever"]) == 2
    assert "no program 'sever'" in capsys.readouterr().err


def test_it_does_not_start_with_another_master_key(tmp_path):
    with Serving(tmp_path) as server:
        pass
    (server.data / "master.key").unlink()  # it makes another
    ended = subprocess.run(server.program, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "master key is not the one that the database's secrets are sealed with; copy master.key from" in ended.stderr
