"""The first process of a host. Run by its path, isolated, with the standard library alone: `python -I -S init.py <json>`.

It enters new namespaces, prints the process id of the host's init as the outside sees it, arranges what the host sees
(its own /run, /dev, /sys, cgroups, libvirt and Open vSwitch directories), prints "ready" and then only buries orphans.
When it dies, the kernel kills everything in the host: that is the power cut.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import stat
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_MOVE, MS_REC, MS_SLAVE = 0x1000, 0x2000, 0x4000, 1 << 19
NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000  # mnt cgroup uts ipc pid net
PR_SET_PDEATHSIG = 1
DEVICES = ["null", "zero", "full", "random", "urandom", "tty", "fuse", "loop-control", "net/tun", "vhost-net"]


def check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    Path(target).mkdir(parents=True, exist_ok=True) if not Path(target).exists() else None
    arguments = [word.encode() or None for word in (source, target, kind)]
    check(LIBC.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None), f"mounting {source} on {target}")


def make_devices(staging: Path, kvm: bool) -> None:
    """A private /dev. Where KVM is unusable /dev/kvm must be absent: libvirt probes QEMU anew at every start otherwise."""
    mount("dev", str(staging), "tmpfs", options="mode=755,size=4m")
    loops = [f"loop{number}" for number in range(8)]
    for name in [*DEVICES, *loops, *(["kvm"] if kvm else [])]:
        real = Path("/dev", name)
        if real.exists():
            made = staging / name
            made.parent.mkdir(exist_ok=True)
            os.mknod(
                made, stat.S_IFCHR | 0o666 if stat.S_ISCHR(real.stat().st_mode) else stat.S_IFBLK | 0o660, real.stat().st_rdev
            )
            made.chmod(real.stat().st_mode & 0o777)
    for name, target in (
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ):
        (staging / name).symlink_to(target)
    mount("devpts", str(staging / "pts"), "devpts", options="newinstance,ptmxmode=0666,mode=620")
    mount("shm", str(staging / "shm"), "tmpfs")
    mount(str(staging), "/dev", flags=MS_MOVE)


def arrange(wish: dict[str, object]) -> None:
    """What the host sees. Mounts arrive from outside but never travel there, so nothing outside is held or changed."""
    disk = Path(str(wish["disk"]))
    mount("none", "/", flags=MS_REC | MS_SLAVE)
    for target, source in dict(wish["binds"]).items():  # type: ignore[call-overload]
        mount(source, target, flags=MS_BIND)
    mount("proc", "/proc", "proc")
    mount("sys", "/sys", "sysfs")
    for path, kind, options in wish["cgroups"]:  # type: ignore[attr-defined]
        mount("cgroup", path, kind, options=options)
    make_devices(disk / "dev", bool(wish["kvm"]))
    mount("run", "/run", "tmpfs", options="mode=755,size=64m")
    for name in ("lock", "libvirt", "openvswitch", "netns"):
        Path("/run", name).mkdir()
    socket.sethostname(str(wish["hostname"]))
    for name in ("net/ipv6/conf/all/disable_ipv6=0", "net/ipv4/ip_forward=1"):
        key, _, value = name.partition("=")
        if Path("/proc/sys", key).exists():
            Path("/proc/sys", key).write_text(value)


def move_to_leaf(leaf: str) -> None:
    """cgroup v2: leave the host's top, which is now the root of its cgroup namespace, and hand controllers down from it."""
    Path(leaf, "cgroup.procs").write_text("0")
    top = Path(leaf).parent
    for controller in (top / "cgroup.controllers").read_text().split():
        try:
            (top / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError as error:
            print(f"the controller {controller} is not handed down: {error}", file=sys.stderr)


def bury_orphans() -> None:
    """Reap until told to end."""
    wanted = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    sys.stdout.close()
    while True:
        if signal.sigwait(wanted) == signal.SIGTERM:
            os._exit(0)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            continue


def main() -> None:
    wish = json.loads(sys.argv[1])
    check(LIBC.unshare(NEW_NAMESPACES), "unshare")
    if wish["leaf"]:
        move_to_leaf(wish["leaf"])
    told, tell = os.pipe()
    child = os.fork()
    if child:
        print(child, flush=True)
        os.close(1)
        os.close(tell)
        os.waitpid(child, 0)
        os._exit(0)
    check(LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    os.close(tell)
    os.read(told, 1)  # ends when the parent has said its line
    os.close(told)
    arrange(wish)
    print("ready", flush=True)
    bury_orphans()


main()
