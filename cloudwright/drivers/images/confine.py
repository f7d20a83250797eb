"""qemu-img where it can do no harm: no network, no files but the image (read-only) and an empty directory, no privileges,
bounded memory, time and output. On a host that cannot confine, images are refused rather than opened unconfined.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
from msgspec import Struct

from cloudwright.drivers.error import DriverFault, Refused

_MEMORY = 2 << 30
_LOOK_SECONDS = 30
_SANDBOX = (
    *("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--setenv", "LC_ALL", "C"),
    *("--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"),
    *("--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
    *("--proc", "/proc", "--dev", "/dev", "--dir", "/in", "--dir", "/out", "--chdir", "/out"),
)


class Limits(Struct, frozen=True):
    """`seconds` of processor and wall clock, `output` in bytes."""

    seconds: int
    output: int = 0


class Shape(Struct):
    """What `qemu-img info` says of an image, as far as rules ask for it."""

    virtual: int = msgspec.field(name="virtual-size")
    backing: str = msgspec.field(name="backing-filename", default="")
    encrypted: bool = False
    specific: dict[str, object] = msgspec.field(name="format-specific", default_factory=dict)

    def detail(self, name: str) -> object:
        """A format's own field."""
        data = self.specific.get("data")
        return data.get(name) if isinstance(data, dict) else None


def demand() -> None:
    """Raises Refused when this host cannot confine."""
    try:
        done = _run(["/usr/bin/true"], [], Limits(_LOOK_SECONDS))
    except FileNotFoundError as error:
        raise Refused(f"images cannot be checked: the program {error.filename} is not installed on this host") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise Refused(f"images cannot be checked: this host does not let bubblewrap confine qemu-img ({said})")


def inspect(image: Path, format: str) -> Shape:
    """The shape of an image of a known format. Raises Refused when qemu-img cannot make sense of it."""
    command = ["/usr/bin/qemu-img", "info", "--output=json", "-f", format, "/in/image"]
    done = _run(command, ["--ro-bind", str(image), "/in/image"], Limits(_LOOK_SECONDS))
    if done.returncode:
        raise Refused(f"the image cannot be read as {format}: {_said(done.stderr)}")
    return msgspec.json.decode(done.stdout, type=Shape)


def convert(image: Path, format: str, into: Path, limits: Limits) -> Path:
    """A fresh qcow2 image in the empty directory `into`; internal snapshots and bitmaps stay behind."""
    command = ["/usr/bin/qemu-img", "convert", "-f", format, "-O", "qcow2", "/in/image", "/out/image.qcow2"]
    done = _run(command, ["--ro-bind", str(image), "/in/image", "--bind", str(into), "/out"], limits)
    if done.returncode:
        raise Refused(f"the image cannot be converted from {format}: {_said(done.stderr)}")
    return into / "image.qcow2"


def _run(command: list[str], binds: list[str], limits: Limits) -> subprocess.CompletedProcess[bytes]:
    fence = ["prlimit", f"--as={_MEMORY}", f"--cpu={limits.seconds}", f"--fsize={limits.output}", "--nofile=64", "--core=0"]
    try:
        return subprocess.run(
            [*fence, "--", *_SANDBOX, *binds, "--", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DriverFault(f"{Path(command[0]).name} did not end within {limits.seconds} seconds") from None


def _said(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("qemu-img: ")[:200] if lines else "it was stopped at its limits"
