"""Running programs in a guest by its agent."""

from __future__ import annotations

import base64
import json
import time

import libvirt
import libvirt_qemu

from cloudwright.drivers.error import DriverFault, Refused
from cloudwright.drivers.hypervisor.kvm.fault import spoken

_POLL = 0.05  # seconds


def run_in_guest(domain: libvirt.virDomain, command: list[str], timeout: float) -> str:
    """What the program printed. Raises Refused when it fails (arguments are not repeated: they may be secret)."""
    name, end = domain.name(), time.monotonic() + timeout
    pid = _ask(domain, "guest-exec", {"path": command[0], "arg": command[1:], "capture-output": True}, timeout)["pid"]
    while True:
        status = _ask(domain, "guest-exec-status", {"pid": pid}, timeout)
        if status["exited"]:
            break
        if time.monotonic() > end:
            raise DriverFault(f"{command[0]} in {name} did not end within {timeout:g} s")
        time.sleep(_POLL)
    if status.get("exitcode", 1):
        raise Refused(
            f"{command[0]} in {name} ended with status {status.get('exitcode', 'unknown')}: {_text(status, 'err-data')}"
        )
    return _text(status, "out-data")


def _ask(domain: libvirt.virDomain, execute: str, arguments: dict[str, object], timeout: float) -> dict[str, object]:
    question = json.dumps({"execute": execute, "arguments": arguments})
    with spoken(f"the guest agent of {domain.name()}"):
        answer = json.loads(libvirt_qemu.qemuAgentCommand(domain, question, max(1, round(timeout)), 0))
    returned: dict[str, object] = answer["return"]
    return returned


def _text(status: dict[str, object], field: str) -> str:
    return base64.b64decode(str(status.get(field, ""))).decode(errors="replace")
