"""How the host speaks to the guest programme: one JSON request and one JSON answer a connection, on a unix socket.

Requests: {"verb": "see"} and {"verb": "apply", "document": {...}}. The answer is what `Appliance.see` tells,
or {"error": sentence}.
"""

from __future__ import annotations

import json
import os
import socket
import time

from cloudwright.guest.appliance import Appliance
from cloudwright.guest.document import Json

_PATIENCE = 10.0  # seconds for a request to arrive
_WATCH = 2.0  # seconds between looks at the services


def listen(path: str) -> socket.socket:
    """The control socket, in place of one that a dead programme left."""
    if os.path.exists(path):
        os.unlink(path)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind(path)
    os.chmod(path, 0o600)
    control.listen(16)
    return control


def serve(control: socket.socket, appliance: Appliance) -> None:
    """Answer requests one after another, and watch the services in between. Never returns."""
    due = time.monotonic() + _WATCH
    while True:
        if time.monotonic() >= due:
            appliance.watch()
            due = time.monotonic() + _WATCH
        control.settimeout(max(due - time.monotonic(), 0.001))
        try:
            client, _ = control.accept()
        except TimeoutError:
            continue
        with client:
            client.settimeout(_PATIENCE)
            try:
                _answer(client, appliance)
            except OSError:
                continue  # the caller went away; it will ask again


def _answer(client: socket.socket, appliance: Appliance) -> None:
    data = b"".join(iter(lambda: client.recv(1 << 20), b""))
    try:
        answer = _perform(json.loads(data), appliance)
    except (ValueError, KeyError, TypeError) as error:
        answer = {"error": f"the request cannot be read: {type(error).__name__}: {error}"}
    client.sendall(json.dumps(answer).encode())


def _perform(request: Json, appliance: Appliance) -> Json:
    if request["verb"] == "apply":
        return appliance.apply(request["document"])
    if request["verb"] == "see":
        return appliance.see()
    return {"error": f"the verb {request['verb']!r} is unknown"}
