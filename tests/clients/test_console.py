"""The screen of an instance, as a browser opens it: an address that works once, for a minute, and is remembered."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from cloudwright.cli.client import ApiError
from cloudwright.cli.demo import instance


@pytest.fixture(scope="module")
def machine(keys, ready_zone):
    template = keys.all("listTemplates", templatefilter="all", hypervisor="Simulator")[0]
    return instance.deploy(keys, ready_zone["id"], template["id"], "", lambda _: None)["machine"]


def banner(url: str) -> bytes:
    async def read() -> bytes:
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            return (await socket.receive(timeout=20)).data

    return asyncio.run(read())


def websocket(endpoint: dict) -> str:
    socket = endpoint["websocket"]
    return f"http://{socket['host']}:{socket['port']}{socket['path']}"


def test_an_address_opens_the_screen_once(keys, machine):
    endpoint = keys.one("createConsoleEndpoint", virtualmachineid=machine["id"])
    assert endpoint["success"] is True
    assert banner(websocket(endpoint)) == b"RFB 003.008\n"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        banner(websocket(endpoint))
    assert refused.value.status == 403
    session = keys.all("listConsoleSessions", virtualmachineid=machine["id"])[0]
    assert (session["user"], session["hostname"]) == ("admin", machine["hostname"])
    assert session["consoleendpointcreatoraddress"] == session["clientaddress"] == "127.0.0.1"
    assert "acquired" in session


def test_the_serial_port_answers_what_is_typed_and_opens_no_other_console(keys, machine):
    endpoint = keys.one("createConsoleEndpoint", virtualmachineid=machine["id"], protocol="Serial")
    assert endpoint["url"].endswith("&protocol=serial")
    port = websocket(endpoint)

    async def typed() -> bytes:
        async with aiohttp.ClientSession() as session, session.ws_connect(port.replace("serial", "vnc")) as socket:
            heard = (await socket.receive(timeout=20)).data
            await socket.send_bytes(b"root\r")
            while not heard.endswith(b"root\r\nlogin: "):
                heard += (await socket.receive(timeout=20)).data
            return heard

    assert asyncio.run(typed()).startswith(b"login: ")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        banner(port)
    with pytest.raises(ApiError, match="is not one of vnc, serial"):
        keys.call("createConsoleEndpoint", virtualmachineid=machine["id"], protocol="telnet")


def test_an_address_that_was_not_used_is_told_so(keys, machine):
    keys.one("createConsoleEndpoint", virtualmachineid=machine["id"])
    waiting = keys.all("listConsoleSessions", virtualmachineid=machine["id"], acquired=False)
    assert [row.get("acquired") for row in waiting] == [None]
    assert keys.all("listConsoleSessions", virtualmachineid=machine["id"], activeonly=True) == []


def test_a_changed_token_opens_nothing(keys, machine):
    url = websocket(keys.one("createConsoleEndpoint", virtualmachineid=machine["id"]))
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        banner(url[:-4] + "AAAA")
    assert refused.value.status == 403


def test_what_has_no_screen_is_refused_with_the_reason(keys, machine):
    keys.job("stopVirtualMachine", id=machine["id"], forced=True)
    with pytest.raises(ApiError, match="it is Stopped, not Running"):
        keys.call("createConsoleEndpoint", virtualmachineid=machine["id"])
    keys.job("startVirtualMachine", id=machine["id"])
    with pytest.raises(ApiError, match="Parameter token: "):
        keys.call("createConsoleEndpoint", virtualmachineid=machine["id"], token="extra")
