"""A headless Chromium, spoken to by its DevTools protocol: enough to open a page, ask it and take its picture."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--no-proxy-server",
]


class Page:
    """An open page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number = socket, 0

    async def ask(self, method: str, **params: object) -> dict:
        """A DevTools command's result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            heard = await self._socket.receive_json(timeout=60)
            if heard.get("id") == self._number:
                return heard["result"]

    async def value(self, expression: str) -> object:
        """What an expression of JavaScript is there."""
        return (await self.ask("Runtime.evaluate", expression=expression, returnByValue=True))["result"].get("value")

    async def picture(self, file: Path) -> None:
        """Write what it shows as PNG."""
        file.write_bytes(base64.b64decode((await self.ask("Page.captureScreenshot"))["data"]))


@contextlib.asynccontextmanager
async def page(url: str, profile: Path) -> AsyncIterator[Page]:
    """The page at `url`, in a browser of its own."""
    options = [*OPTIONS, f"--user-data-dir={profile}", "--window-size=1000,760"]
    browser = subprocess.Popen([PROGRAM, *options, "about:blank"], stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                target = next(one for one in await answer.json() if one["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                opened = Page(socket)
                await opened.ask("Page.navigate", url=url)
                yield opened
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait(10)


async def _port(file: Path) -> int:
    for _ in range(300):
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        await asyncio.sleep(0.1)
    raise TimeoutError("Chromium did not open its DevTools port within 30 s")
