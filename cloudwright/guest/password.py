"""The password service: a machine's new password, until the machine says that it saved it.

The word of that is kept on disk by the password's serial, so neither a restart nor a re-sent document hands it out again.
"""

from __future__ import annotations

import json
import threading

from cloudwright.guest.document import Json
from cloudwright.guest.text import read, write

_HEADER = "domu_request"
_SAVED = b"saved_password"
_BAD = b"bad_request"


class Passwords:
    """Who took which password. Thread-safe."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._taken: dict[str, str] = json.loads(read(path) or "{}")  # MAC -> serial

    def answer(self, host: Json | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """The answer to a machine's request; `saved_password` also means that there is none to hand out."""
        request = headers.get(_HEADER, "")
        if host is None or request not in ("send_my_password", "saved_password"):
            return 200, _BAD
        with self._lock:
            fresh = bool(host["password"]) and self._taken.get(host["mac"]) != host["password_serial"]
            if request == "saved_password":
                if fresh:
                    self._take(host)
                return 200, _SAVED
        return 200, host["password"].encode() if fresh else _SAVED

    def keep(self, macs: set[str]) -> None:
        """Forget machines that are gone."""
        with self._lock:
            kept = {mac: serial for mac, serial in self._taken.items() if mac in macs}
            if kept != self._taken:
                self._taken = kept
                self._save()

    def _take(self, host: Json) -> None:
        self._taken[host["mac"]] = host["password_serial"]
        self._save()

    def _save(self) -> None:
        write(self._path, json.dumps(self._taken), 0o600)
