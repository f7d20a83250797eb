"""Long work as a process of its own, known by the caller's key.

The process outlives the agent or server that began it and can be killed without harm. It holds a lock for as long as it
lives, and its state is one small file; so `work` tells the truth after any restart: a state that says "running" whose lock
is free belongs to a process that died, and the answer is `unknown`: begin it again.

An entry is a function `entry(order, report) -> result` named "package.module:function". `order` travels by standard input,
so that no address or token is seen in a process list.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from cloudwright.drivers.error import Busy, DriverError
from cloudwright.drivers.work import Work, WorkState

Order = dict[str, object]
Report = Callable[[float], None]

_KEEP_SECONDS = 7 * 86400.0
_DEATH_SECONDS = 10.0
_REPORT_SECONDS = 0.25
_ENVIRONMENT = ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")


class _State(Struct):
    work: Work
    halves: list[str]  # files and directories that go when the work is cancelled or died


class _Start(Struct):
    state: str
    lock: int
    entry: str
    order: Order


class Errands:
    """The long work begun from one directory. Thread-safe; one instance per directory and process."""

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._mutex = threading.Lock()
        self._forget_old()

    def begin(self, key: str, entry: str, order: Order, halves: list[str]) -> None:
        """Start the work unless `key` is known: running, done or failed work stays as it is until it is cancelled."""
        with self._mutex:
            lock = self._take(key)
            if lock is None:
                return
            try:
                state = _read(self._state(key))
                if state and state.work.state is not WorkState.RUNNING:
                    return
                _sweep(halves)
                _write(self._state(key), _State(Work(key, WorkState.RUNNING), halves))
                self._spawn(_Start(str(self._state(key)), lock, entry, order))
            finally:
                os.close(lock)

    def work(self, key: str) -> Work:
        """How far the work is."""
        with self._mutex:
            state = _read(self._state(key))
            if state is None:
                return Work(key, WorkState.UNKNOWN)
            if state.work.state is not WorkState.RUNNING:
                return state.work
            lock = self._take(key)
            if lock is None:
                return state.work
            os.close(lock)
            state = _read(self._state(key))  # it may have finished between the two looks
            return state.work if state and state.work.state is not WorkState.RUNNING else Work(key, WorkState.UNKNOWN)

    def cancel(self, key: str) -> None:
        """Kill the work, remove its halves and forget the key. Raises Busy when the process cannot be killed."""
        with self._mutex:
            os.close(self._kill(key))
            state = _read(self._state(key))
            if state and state.work.state is not WorkState.DONE:
                _sweep(state.halves)
            self._state(key).unlink(missing_ok=True)
            self._lock(key).unlink(missing_ok=True)

    def _kill(self, key: str) -> int:
        """The lock, once nobody else holds it."""
        deadline = time.monotonic() + _DEATH_SECONDS
        while time.monotonic() < deadline:
            lock = self._take(key)
            if lock is not None:
                return lock
            process = self._lock(key).read_text()  # empty until the process has come up
            with contextlib.suppress(ProcessLookupError):
                if process:
                    os.killpg(int(process), signal.SIGKILL)
            time.sleep(0.01)
        raise Busy(f"the work {key} does not end {_DEATH_SECONDS:.0f} seconds after it was killed")

    def _take(self, key: str) -> int | None:
        descriptor = os.open(self._lock(key), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _spawn(self, start: _Start) -> None:
        os.ftruncate(start.lock, 0)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cloudwright.drivers.errand"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
            pass_fds=[start.lock],
        )
        threading.Thread(target=process.communicate, args=[msgspec.json.encode(start)], daemon=True).start()

    def _state(self, key: str) -> Path:
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _lock(self, key: str) -> Path:
        return self._state(key).with_suffix(".lock")

    def _forget_old(self) -> None:
        for path in self._directory.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                state = _read(path)
                old = time.time() - path.stat().st_mtime > _KEEP_SECONDS
                if old and state and state.work.state is not WorkState.RUNNING:
                    path.with_suffix(".lock").unlink(missing_ok=True)
                    path.unlink(missing_ok=True)


def _read(path: Path) -> _State | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None  # a power cut may leave a state empty: the work is unknown then, and begun again


def _write(path: Path, state: _State) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(state))
    draft.replace(path)


def _sweep(halves: list[str]) -> None:
    for half in map(Path, halves):
        if half.is_dir() and not half.is_symlink():
            shutil.rmtree(half)
        else:
            half.unlink(missing_ok=True)


def _perform(start: _Start) -> None:
    """Run the entry in this process and write down how it ended."""
    path = Path(start.state)
    state = msgspec.json.decode(path.read_bytes(), type=_State)
    reported = 0.0

    def report(progress: float) -> None:
        nonlocal reported
        if time.monotonic() - reported >= _REPORT_SECONDS:
            reported = time.monotonic()
            state.work.progress = min(progress, 1.0)
            _write(path, state)

    try:
        module, _, function = start.entry.partition(":")
        state.work.result = getattr(importlib.import_module(module), function)(start.order, report)
        state.work.state, state.work.progress = WorkState.DONE, 1.0
    except DriverError as error:
        state.work.state, state.work.error = WorkState.FAILED, str(error)
    except Exception as error:
        state.work.state, state.work.error = WorkState.FAILED, f"nobody foresaw this failure: {type(error).__name__}: {error}"
    if state.work.state is WorkState.FAILED:
        _sweep(state.halves)
    _write(path, state)


def main() -> None:
    """The process: it says who it is in the lock it inherited, then works."""
    start = msgspec.json.decode(sys.stdin.buffer.read(), type=_Start)
    os.pwrite(start.lock, str(os.getpid()).encode(), 0)
    _perform(start)


if __name__ == "__main__":
    main()
