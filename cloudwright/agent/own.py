"""What an agent does about itself when its server asks: it fetches another certificate, and runs hooks of maintenance."""

from __future__ import annotations

from collections.abc import Callable

from cloudwright.agent.hook import Hooks
from cloudwright.agent.state import State
from cloudwright.drivers.error import Refused
from cloudwright.drivers.host import pki
from cloudwright.drivers.work import Work


class Own:
    """The agent's side of `drivers.host.contract.HostAgent`. Hooks are in the directory `hooks` beside what it keeps."""

    def __init__(self, state: State, renewed: Callable[[], None], leave: Callable[[], None]) -> None:
        self._state, self._renewed, self._leave, self._key = state, renewed, leave, ""
        self._hooks = Hooks(state.directory / "hooks", state.directory / "hook-work")

    def request(self) -> str:
        self._key = pki.new_key()
        return pki.request(self._key)

    def install(self, certificate: str, reconnect: bool) -> None:
        now = self._state.identity()
        if now is None or now.certificate != certificate:
            if not self._key or not pki.matches(certificate, self._key):
                raise Refused("the certificate is for another key than this host asked for last")
            self._state.keep_identity(pki.Identity(certificate, self._key))
            self._renewed()
        if reconnect:
            self._leave()

    def hooks(self) -> list[str]:
        return self._hooks.stages()

    def begin_hook(self, key: str, stage: str, payload: str, seconds: float) -> None:
        self._hooks.begin(key, stage, payload, seconds)

    def work(self, key: str) -> Work:
        return self._hooks.work(key)

    def cancel(self, key: str) -> None:
        self._hooks.cancel(key)
