"""Profiles and what must not be seen: files are the owner's alone, secrets are in no history and on no command line."""

from __future__ import annotations

import io
import json
import stat
import sys

import pytest

from cloudwright.cw.main import main
from cloudwright.cw.profile import ENVIRONMENT, Profiles
from cloudwright.cw.terminal import Terminal
from tests.cw.conftest import cw


def typed(monkeypatch, line: str, text: str):
    """Run a line with standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return cw(line)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_sign_in_keeps_a_session_and_no_password(home, server, monkeypatch):
    host = server.url.removesuffix("/client/api").removeprefix("http://")
    said = typed(monkeypatch, f"login {host} --user admin -p lab", server.password + "\n")
    assert said.code == 0, said
    assert said.out.startswith(f"admin is signed in at {server.url}: ")
    file = home / ".config" / "cloudwright" / "cw.conf"
    assert server.password not in file.read_text()
    assert mode(file) == 0o600
    cache = home / ".cache" / "cloudwright"
    assert {mode(path) for path in cache.rglob("*") if path.is_file()} == {0o600}
    assert {mode(path) for path in (cache, *cache.iterdir())} == {0o700}
    assert json.loads(cw("profile").out)["profile"] == "lab"
    assert json.loads(cw("list users filter=username").out)["user"] == [{"username": "admin"}]  # by the kept session
    session = next(cache.rglob("session"))
    session.write_text(json.dumps({"sessionkey": "ended", "cookies": "JSESSIONID=ended"}))
    said = cw("list users")
    assert (said.code, "CLOUDSTACK_PASSWORD" in said.err) == (3, True)
    monkeypatch.setenv("CLOUDSTACK_PASSWORD", server.password)
    assert cw("list users").code == 0
    kept = json.loads(session.read_text())
    assert kept["sessionkey"] != "ended"
    monkeypatch.delenv("CLOUDSTACK_PASSWORD")
    assert (cw("logout").err, session.exists()) == ("The session has ended\n", False)
    session.write_text(json.dumps(kept))
    assert cw("list users").code == 3  # the server has ended it, too
    session.unlink()
    assert cw("logout").err == "There was no session\n"


def test_keys_are_kept_where_they_were_asked_for(home, server, monkeypatch):
    said = typed(monkeypatch, f"login {server.url} --user admin --keys -p keyed", server.password + "\n")
    assert said.code == 0, said
    kept = Profiles().chosen("keyed")
    assert kept["apikey"]
    assert kept["secretkey"] not in said.out + said.err
    told = cw("profile -o json").out
    assert json.loads(told)["secretkey"] == "(set)"
    assert kept["secretkey"] not in told
    caches = [path.name for path in (home / ".cache" / "cloudwright").glob("keyed-*/*")]
    assert sorted(caches) == ["apis.json", "apis.json"]  # the session by which keys were asked for has ended
    assert cw("list users -p keyed").code == 0
    cw("set signatureversion 1")
    assert cw("list users -p keyed").code == 0
    monkeypatch.setenv("CLOUDSTACK_SECRET", "wrong")
    assert cw("list users").code == 3
    assert cw("list users -p keyed").code == 0  # a profile that was asked for counts more than the environment


def test_a_wrong_password_is_told(home, server, monkeypatch):
    said = typed(monkeypatch, f"login {server.url} --user admin -p other", "wrong\n")
    assert said.code == 3
    assert "wrong" not in said.err.replace("wrong username", "")


def test_settings(home, monkeypatch):
    assert cw("set profile plain").code == 0
    assert cw("set url http://127.0.0.1:1/client/api").code == 0
    assert cw("set display table").code == 0
    assert cw("set asyncblock false").code == 0
    kept = Profiles().chosen()
    assert (kept.name, kept["output"], kept.true("asyncblock")) == ("plain", "table", False)
    said = cw("set password hunter2")
    assert (said.code, "list of processes" in said.err) == (2, True)
    assert typed(monkeypatch, "set password", "hunter2\n").code == 0
    assert Profiles().chosen()["password"] == "hunter2"
    assert "hunter2" not in cw("profile").out
    for line in ("set frob 1", "set output picture", "set", "set url", "set profile core"):
        assert cw(line).code == 2, line


def test_the_file_of_cloudmonkey_is_read(home, tmp_path):
    (tmp_path / ".cmk").mkdir()
    (tmp_path / ".cmk" / "config").write_text(
        "[core]\nprofile = old\noutput = json\ntimeout = 60\n"
        "[old]\nurl = http://cloud:8080/client/api\napikey = a\nsecretkey = s%d\n"
    )
    chosen = Profiles(environment={"HOME": str(tmp_path)}).chosen()
    assert (chosen.name, chosen["url"], chosen["secretkey"], chosen.timeout) == (
        "old",
        "http://cloud:8080/client/api",
        "s%d",
        60.0,
    )
    environment = {"HOME": str(tmp_path), "CLOUDSTACK_ENDPOINT": "http://other", "CLOUDSTACK_KEY": "k", "CLOUDSTACK_SECRET": "x"}
    chosen = Profiles(environment=environment).chosen()
    assert (chosen["url"], chosen["apikey"], chosen["output"]) == ("http://other", "k", "json")
    assert Profiles(environment=environment).chosen(options={"url": "http://third"})["url"] == "http://third"


@pytest.mark.parametrize("text", ["nonsense", "[a]\nurl = 1\n[a]\nurl = 2\n", b"\xff\xfe"])
def test_a_file_of_profiles_that_is_none(home, tmp_path, text):
    file = tmp_path / "broken.conf"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = cw(f"profile -c {file}")
    assert (said.code, said.err.startswith(f"The file of profiles {file} cannot be read: ")) == (2, True), said


def test_where_nothing_can_be_kept_that_is_said(home, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CW_CONFIG", str(tmp_path / "file" / "cw.conf"))
    said = cw("set output csv")
    assert (said.code, "cw.conf cannot be written" in said.err) == (2, True), said


def test_what_the_environment_says(tmp_path):
    values = {key: f"{key} told" for key in ENVIRONMENT} | {"output": "csv"}
    said = {variable: values[key] for key, variable in ENVIRONMENT.items()}
    config = tmp_path / "by-hand.conf"
    config.write_text("[core]\nprofile = a\n[a]\nurl = http://a\nverify = false\n[b]\nurl = http://b\nsecretkey = s\n")
    config.chmod(0o644)
    named = {"HOME": str(tmp_path), "CW_CONFIG": str(config)}
    assert Profiles(environment=named).chosen()["verifycert"] == "false"
    assert mode(config) == 0o600  # it was written by hand, and has secrets
    chosen = Profiles(environment=named | {"CW_PROFILE": "b"} | said).chosen()
    assert chosen.name == "b"
    assert {key: chosen[key] for key in ENVIRONMENT} == values
    assert Profiles(environment=named | {"CW_PROFILE": "b"}).chosen()["url"] == "http://b"


def test_a_folder_in_the_place_of_the_profiles_is_refused_and_left_as_it_is(tmp_path):
    tmp_path.chmod(0o755)
    said = cw(f"-c {tmp_path} list zones")
    assert (said.code, str(tmp_path) in said.err) == (2, True), said
    assert mode(tmp_path) == 0o755


def test_a_user_of_a_domain_signs_in(signed, server, monkeypatch):
    assert cw("create domain name=deep").code == 0
    user = "create account username=dora email=d@example.com firstname=D lastname=A accounttype=0 domainid=deep password=-"
    assert typed(monkeypatch, user, "Hunter-2-hunter\n").code == 0
    assert typed(monkeypatch, f"login {server.url} --user dora --domain /deep -p deep", "Hunter-2-hunter\n").code == 0
    assert cw("list users filter=username,domain -p deep -o csv").out == "username,domain\ndora,deep\n"
    assert cw("explain createZone -p deep").out.startswith("dora may not call createZone\n")
    refused = cw("createZone -p deep")
    assert (refused.code, "cw explain createZone" in refused.err) == (2, True)
    assert cw("logout -p deep").code == 0
    cw("set profile default")


def test_secrets_are_asked_for_or_read_from_files(signed, tmp_path, monkeypatch):
    user = "create account username=eve email=e@example.com firstname=E lastname=E accounttype=0"
    said = cw(f"{user} password=Hunter-2-hunter")
    assert (said.code, "list of processes" in said.err) == (0, True)
    said = typed(monkeypatch, "update user id=eve currentpassword=Hunter-2-hunter password=-", "Other-3-hunter\n")
    assert said.code == 0, said
    (tmp_path / "password").write_text("Third-4-hunter\n")
    assert cw(f"update user id=eve password=@{tmp_path}/password").code == 0
    out = io.StringIO()
    assert main(["update", "user", "id=eve", "password=Inside-5-hunter"], Terminal(out, out, inside=True)) == 0
    assert "list of processes" not in out.getvalue()  # in the shell nobody sees it


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("create user account=x password=hunter2", "create user account=x password=-"),
        ("createUser password='two words' account=x", "createUser password=- account=x"),
        ("set secretkey hunter2", "set secretkey"),
        ("update host id=x details[0].password=hunter2", "update host id=x 'details[0].password=-'"),
        ("list zones name='a b' | grep x", "list zones name='a b' | grep x"),
        ("create user password=@file", "create user password=@file"),
        ('create user password="hunter2', "create user password=-"),
    ],
)
def test_no_secret_is_in_the_history(line, kept):
    from cloudwright.cw.catalogue import Catalogue
    from cloudwright.cw.shell import without_secrets

    named = [{"name": "createUser", "params": [{"name": "password", "secret": True}, {"name": "account"}]}]
    assert without_secrets(line, lambda: Catalogue(named)) == kept
