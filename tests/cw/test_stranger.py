"""Another server of this API: its `listApis` tells only what CloudStack's does, its jobs tell no story, and some never end."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from tests.cli.serving import eventually
from tests.cw.conftest import cw
from tests.cw.test_shell import Person

IDS = {name: f"00000000-0000-0000-0000-00000000000{number}" for number, name in enumerate(("one", "two", "web", "job"))}
FIELDS = [{"name": "id"}, {"name": "name"}, {"name": "state"}]
MACHINE = {"name": "id", "type": "uuid", "required": True}
APIS = [
    {"name": "listZones", "isasync": False, "params": [{"name": "name", "type": "string"}], "response": FIELDS, "related": ""},
    {"name": "listVirtualMachines", "params": [{"name": "name", "type": "string"}], "response": FIELDS, "isasync": False},
    {"name": "startVirtualMachine", "isasync": True, "params": [MACHINE], "response": FIELDS},
    {"name": "stopVirtualMachine", "isasync": True, "params": [MACHINE], "related": "listVirtualMachines", "response": FIELDS},
    {"name": "migrateVirtualMachine", "isasync": True, "params": [
        {"name": "virtualmachineid", "type": "uuid", "required": True}, {"name": "zoneid", "type": "uuid"}], "response": FIELDS},
]  # fmt: skip


class Stranger(BaseHTTPRequestHandler):
    """Remembers what it was asked, by command."""

    asked: list[dict[str, str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        self.asked.append(sent)
        status, answer = self.answer(sent["command"], sent)
        told = json.dumps({f"{sent['command'].lower()}response": answer}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def answer(self, command: str, sent: dict[str, str]) -> tuple[int, dict]:
        if command == "listApis":
            return 200, {"count": len(APIS), "api": APIS}
        if command == "listZones":
            return 200, {
                "count": 2,
                "zone": [{"id": IDS[name], "name": "Lab" if name == "one" else name} for name in ("one", "two")],
            }
        if command == "listVirtualMachines" and sent.get("name") == "twin":
            twins = [{"id": IDS[name], "name": "twin", "state": name} for name in ("one", "two")]
            return 200, {"count": 2, "virtualmachine": twins}
        if command == "listVirtualMachines":
            return 200, {"count": 1, "virtualmachine": [{"id": IDS["web"], "name": "i-2-3-VM", "displayname": "web"}]}
        if command == "queryAsyncJobResult":
            ended = self.asked[-2]["command"] == "startVirtualMachine"
            failure = {"errorcode": 533, "errortext": "no room"}
            return 200, {"jobstatus": 2, "jobresultcode": 533, "jobresult": failure} if ended else {"jobstatus": 0}
        return 200, {"jobid": IDS["job"]}

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def stranger(home):
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDSTACK_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/client/api")
        patch.setenv("CLOUDSTACK_KEY", "key")
        patch.setenv("CLOUDSTACK_SECRET", "secret")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield Stranger
        server.shutdown()


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("stop virtualmachine id=web --no-wait", {"id": IDS["web"]}),
        ("start virtualmachine id=WEB --no-wait", {"id": IDS["web"]}),
        (
            "migrate virtualmachine virtualmachineid=web zoneid=lab --no-wait",
            {"virtualmachineid": IDS["web"], "zoneid": IDS["one"]},
        ),
        (f"stopVirtualMachine id={IDS['two']} --no-wait", {"id": IDS["two"]}),
    ],
)
def test_names_are_found_by_what_lists_are_called(stranger, line, sent):
    assert cw(line).code == 0
    assert {name: stranger.asked[-1].get(name) for name in sent} == sent


def test_requests_are_signed_and_expire(stranger):
    cw("list zones")
    sent = stranger.asked[-1]
    assert (sent["apiKey"], sent["signatureversion"], len(sent["signature"])) == ("key", "3", 28)
    assert time.strptime(sent["expires"], "%Y-%m-%dT%H:%M:%S+0000") > time.gmtime()


def test_a_job_without_a_story_fails_all_the_same(stranger):
    said = cw("start virtualmachine id=web")
    assert (said.code, "no room (533)" in said.err) == (5, True)


def test_a_job_that_takes_too_long_goes_on(stranger):
    said = cw("stop virtualmachine id=web --timeout 0.2")
    assert (said.code, f"it goes on as job {IDS['job']}" in said.err) == (7, True)


def test_an_interrupt_leaves_the_job_running(stranger):
    stranger.asked.clear()

    def interrupt() -> None:
        eventually(lambda: [sent for sent in stranger.asked if sent["command"] == "queryAsyncJobResult"])
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where the tests run in the background
    try:
        timer = threading.Thread(target=interrupt)
        timer.start()
        said = cw("stop virtualmachine id=web")
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert said.code == 130
    assert f"stopVirtualMachine goes on as job {IDS['job']}" in said.err
    assert f"cw job follow {IDS['job']}" in said.err


def test_which_of_several_is_asked_of_a_person(stranger):
    person = Person()
    try:
        person.answered("leaves.")
        person.type("stop virtualmachine id=twin --no-wait\r")
        person.sees("Which one?")
        assert "twin (two)" in person.type("2\r")
        person.answered(IDS["job"])
        assert stranger.asked[-1]["id"] == IDS["two"]
        person.type("stop virtualmachine id=twin --no-wait\r")
        person.sees("Which one?")
        person.type("neither\r")
        person.answered("give the id of the one you mean")
        assert person.end() == 0
    finally:
        person.leave()


def test_an_interrupt_in_the_shell_leaves_the_job_running_and_the_shell(stranger):
    person = Person()
    try:
        person.answered("leaves.")
        person.type("stop virtualmachine id=web\r")
        person.sees("under way")
        person.type("\x03")
        person.answered(f"cw job cancel {IDS['job']}")
        person.type("list zones filter=name\r")
        person.answered("Lab")
        assert person.end() == 0
    finally:
        person.leave()
