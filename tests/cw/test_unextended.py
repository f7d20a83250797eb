"""The whole of `cw` with a server that has none of our extensions. A relay before ours takes them out of its list of commands and
out of its answers, refuses commands that are ours alone, and overlooks parameters that it does not know, as servers do."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest

from cloudwright.cw.wire import signature
from tests.cw.conftest import cw
from tests.cw.test_transcript import IMAGE, OFFERING, play

KNOWN = json.loads((Path(__file__).parents[1] / "conformance" / "catalogue.json").read_text())["categories"]
COMMANDS = {name for commands in KNOWN.values() for name in commands}
PLAIN = ("name", "description", "type", "length", "required", "since", "related")
OURS = {"dryrun", "clienttoken"}
TOLD = {"step", "progress", "waitsfor", "explain"}
FILE = """
kind: zone
name: plain
spec: {networktype: Advanced, dns1: 9.9.9.9, internaldns1: 9.9.9.9}
---
kind: pod
name: plain-pod
spec: {zone: plain, gateway: 198.51.100.1, netmask: 255.255.255.0, startip: 198.51.100.10, endip: 198.51.100.20}
---
kind: cluster
name: plain-cluster
spec: {pod: plain-pod, hypervisor: Simulator, clustertype: CloudManaged}
---
kind: networkOffering
name: plain-offering
spec:
  displaytext: plain
  guestiptype: Isolated
  traffictype: GUEST
  supportedservices: [Dhcp, Dns, SourceNat]
  serviceproviderlist: {Dhcp: VirtualRouter, Dns: VirtualRouter, SourceNat: VirtualRouter}
---
kind: network
name: plain-net
spec: {zone: demo, displaytext: plain, networkOffering: DefaultIsolatedNetworkOfferingWithSourceNatService}
"""


def plainly(api: dict) -> dict:
    """A command as other servers tell it."""
    params = [{key: p[key] for key in PLAIN if key in p} for p in api["params"] if p["name"] not in OURS]
    return {key: api[key] for key in ("name", "description", "isasync", "related", "response")} | {"params": params}


class Relay(BaseHTTPRequestHandler):
    """Answers as a server without extensions; remembers the commands it was asked."""

    url, secret = "", ""
    asked: list[str] = []

    def do_POST(self) -> None:
        sent = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True))
        command = sent["command"]
        self.asked.append(command)
        if command not in COMMANDS and command not in ("login", "logout"):
            self.tell(432, {f"{command.lower()}response": {"errorcode": 432, "errortext": "The given command does not exist"}})
            return
        kept = {name: value for name, value in sent.items() if name not in OURS | {"signature"}}
        body = urlencode(kept | {"signature": signature(kept, self.secret)}).encode()
        try:
            with urllib.request.urlopen(self.url, body, timeout=60) as answer:
                self.tell(200, json.load(answer))
        except urllib.error.HTTPError as error:
            self.tell(error.code, json.load(error))

    def tell(self, status: int, answer: dict) -> None:
        inner = next(iter(answer.values()))
        for name in TOLD:
            inner.pop(name, None)
        if "api" in inner:
            inner["api"] = [plainly(api) for api in inner["api"] if api["name"] in COMMANDS]
        told = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def relay(signed, server, keys, ready_zone):
    Relay.url, Relay.secret = server.url, keys.secret
    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDSTACK_ENDPOINT", f"http://127.0.0.1:{running.server_address[1]}/client/api")
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield Relay
        running.shutdown()


@pytest.fixture(scope="module", autouse=True)
def plain(relay):
    """An instance and what it needs, all called plain, made through the relay."""
    play(f"""
        cw create serviceoffering name=plain displaytext=plain cpunumber=1 cpuspeed=500 memory=128
        > "plain"
        cw create network name=plain zoneid=demo networkofferingid={OFFERING}
        > "plain"
        cw deploy virtualmachine name=plain zoneid=demo serviceofferingid=plain networkids=plain templateid={IMAGE} --steps
        > "Running"
    """)
    yield
    play("""
        cw vm delete plain --expunge
        cw delete network id=plain
        cw delete serviceoffering id=plain
    """)


def test_it_is_another_server():
    told = json.loads(cw("list apis").out)["api"]
    assert not {"explainAccess", "listJobStory", "cancelJob"} & {api["name"] for api in told}
    assert not OURS & {p["name"] for api in told for p in api["params"]}
    assert set(told[0]["params"][0]) <= set(PLAIN)


def test_names_jobs_and_words_for_every_day():
    play(
        f"""
        cw vm create plain2 --image {IMAGE} --offering plain --network plain --zone demo
        > "plain2"
        = 4
        cw vm stop plian
        ! plain
        cw vm stop plain2 --force
        > "Stopped"
        cw vm start plain2
        > "Running"
        cw update virtualmachine id=plain2 displayname=second filter=displayname
        > second
        cw vm list plain -o table
        > plain2
        cw net map plain
        > instance plain2
        = 1
        cw vm ssh plain
        ! cannot be reached from outside
        cw vm ssh plain --private --dry-run
        > ssh 10.1.1.
        cw vm console plain
        > console
        cw host list -o csv
        > ready1
        cw host drain ready1
        ! ready1 is Maintenance
        cw host resume ready1
        > "Enabled"
        cw vm reboot plain2 -q
        cw job list -o csv
        > rebootVirtualMachine
        cw explain plain
        > VirtualMachine plain
        cw explain listZones
        > you may call listZones
        cw help deploy virtualmachine
        > Required:
        cw vm delete plain2 --expunge
    """
    )


def test_what_a_server_cannot_keep_is_not_asked_of_it(relay):
    relay.asked.clear()
    for line in (
        "create network name=dry networkofferingid=x zoneid=demo --dry-run",
        "create zone name=dry networktype=Basic dns1=9.9.9.9 internaldns1=9.9.9.9 --client-token t",
        "vm create dry --image x --offering x --dry-run",
        "vm stop plain --client-token t",
        "host drain ready1 --dry-run",
    ):
        said = cw(line)
        assert (said.code, "nothing was sent" in said.err) == (2, True), (line, said)
    assert not [command for command in relay.asked if not command.startswith("list")]
    for line in ("job story x", "job cancel x"):
        assert cw(line).code == 2


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("list hosts zoneid=", "zoneid=demo"),
        ("vm create --offering pl", "plain"),
        ("deploy virtualmachine templateid=tin", "templateid="),
        ("vm stop pl", "plain"),
        ("create portforwardingrule virtualmachineid=", "virtualmachineid=plain"),
    ],
)
def test_values_complete(monkeypatch, line, found):
    monkeypatch.setenv("CW_LINE", line)
    assert found in cw("completion reply").out


def test_what_must_not_be_seen_is_known_by_its_name(tmp_path):
    file = tmp_path / "user.yaml"
    file.write_text(
        "kind: user\nname: eve\nspec: {account: admin, email: e@x, firstname: E, lastname: E, password: Hunter-2-hunter}"
    )
    assert "password: …" in cw(f"diff -f {file}").out
    said = cw("update user id=admin currentpassword=wrong password=Hunter-2-hunter")
    assert "password was seen in the list of processes" in said.err
    assert "seen" not in cw("list templates templatefilter=all passwordenabled=true").err


def test_files(tmp_path):
    file = tmp_path / "plain.yaml"
    file.write_text(FILE)
    said = cw(f"apply -f {file}")
    assert said.code == 0, said.err
    assert "5 to create" in said.out
    assert cw(f"apply -f {file}").out == "No change: all 5 are as the files say.\n"
    file.write_text(FILE.replace("displaytext: plain, ", "displaytext: changed, "))
    assert "1 to change, 4 as they are" in cw(f"apply -f {file}").out
    read = tmp_path / "read.yaml"
    read.write_text(cw("get network plain-net").out + "---\n" + cw("get pod plain-pod").out)
    assert "No change: all 2" in cw(f"diff --set plain -f {read}").out
    file.write_text("")
    said = cw(f"apply --prune --yes -f {file}")
    assert said.code == 0, said.err
    assert "5 to delete" in said.out
