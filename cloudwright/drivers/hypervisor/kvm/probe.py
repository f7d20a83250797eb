"""Whether this host's KVM really runs guests, learnt by booting one.

`/dev/kvm` may be there and its guests still crash (nested or emulated virtualisation). The probe guest is one boot
sector: it enters long mode, turns on paging and SSE, counts to twenty million and leaves through a debug
port with a number that only it can say. On sound hardware that takes a fifth of a second.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

QEMU = "qemu-system-x86_64"
PATIENCE = 2.0  # seconds; beyond them acceleration would accelerate nothing
_SAID = (0x2A << 1) | 1  # QEMU's exit status when the guest writes 0x2a to the debug port

GUEST = bytes.fromhex(
    "fa 31c0 8ed8 8ec0 fc"  # cli; ds = es = 0; cld
    "bf0010 b90018 f3ab"  # clear the page tables at 0x1000-0x3fff
    "c70600100320 c70600200330 c70600308300"  # one page of 2 MiB, mapped onto itself
    "0f0116887c"  # lgdt
    "66b800100000 0f22d8"  # cr3
    "66b820060000 0f22e0"  # cr4: PAE, SSE
    "66b9800000c0 66b800010000 6631d2 0f30"  # EFER: long mode
    "0f20c0 6683e0fb 660d03000080 0f22c0"  # cr0: paging, protection, no x87 emulation
    "ea5f7c0800"  # into 64 bit code
    "b900004001 660ffec1 ffc9 75f8"  # paddd xmm0, xmm1, twenty million times
    "b02a e6f4 f4 ebfd"  # say 42 and halt
).ljust(0x78, b"\0") + bytes.fromhex("0000000000000000 00000000009a2000 0f00787c0000")
GUEST = GUEST.ljust(510, b"\0") + b"\x55\xaa"


class Verdict(msgspec.Struct):
    """`works`, and if not, why. `of` names kernel, boot and QEMU, for which this was learnt."""

    of: str
    works: bool
    why: str = ""


def acceleration(cache: Path, device: Path = Path("/dev/kvm")) -> Verdict:
    """The verdict on KVM, from the cache file or by booting the probe guest (at most some seconds)."""
    of = f"{platform.release()} {_boot()} {_qemu_version()} {device.exists()}"
    try:
        known = msgspec.json.decode(cache.read_bytes(), type=Verdict)
        if known.of == of:
            return known
    except (OSError, msgspec.DecodeError):
        pass
    why = boot_probe("kvm") if device.exists() else f"{device} does not exist"
    verdict = Verdict(of, not why, why)
    cache.parent.mkdir(parents=True, exist_ok=True)
    fresh = cache.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(verdict))
    fresh.replace(cache)
    return verdict


def boot_probe(accelerator: str) -> str:
    """Boot the probe guest with `kvm` or `tcg`; answers "" when it ran, or why it did not."""
    with tempfile.NamedTemporaryFile(prefix="probe-") as image:
        image.write(GUEST)
        image.flush()
        machine = ["-accel", accelerator, "-m", "32", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
        drive = ["-drive", f"file={image.name},format=raw,if=ide,snapshot=on"]
        way_out = ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        try:
            done = subprocess.run(
                [QEMU, *machine, *drive, *way_out], check=False, capture_output=True, text=True, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired as late:
            said = (late.stderr or b"").decode(errors="replace")
            return f"the probe guest did not finish in {PATIENCE:g} s" + _first(said)
        except FileNotFoundError:
            return f"{QEMU} is not installed"
    return "" if done.returncode == _SAID else f"the probe guest ended with status {done.returncode}" + _first(done.stderr)


def _first(said: str) -> str:
    """The line of QEMU's that tells most."""
    lines = [line for line in said.splitlines() if line and "warning:" not in line]
    return f": {lines[0]}" if lines else ""


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _qemu_version() -> str:
    if not shutil.which(QEMU):
        return "no QEMU"
    return subprocess.run([QEMU, "--version"], check=True, capture_output=True, text=True, timeout=10).stdout.split("\n")[0]
