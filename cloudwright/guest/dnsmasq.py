"""DHCP and DNS on guest interfaces: one dnsmasq each, so that no network hears of another's names."""

from __future__ import annotations

import os
import signal
import stat
from ipaddress import IPv4Network
from pathlib import Path

from cloudwright.guest.document import METADATA, Json, interface, own_address
from cloudwright.guest.failure import Failed
from cloudwright.guest.process import daemon, run, stop
from cloudwright.guest.text import read, token, write


def configuration(document: Json, dhcp: Json, directory: str) -> str:
    """dnsmasq.conf of one interface. What it names beside itself lies in `directory`."""
    device, network = token(dhcp["device"]), IPv4Network(dhcp["cidr"])
    own = token(own_address(document, dhcp["device"]))
    lines = [f"interface={device}", "except-interface=lo", "bind-interfaces", f"# bound to {own}"]
    lines += [f"pid-file={directory}/{device}.pid", f"dhcp-leasefile={directory}/{device}.leases"]
    lines += [f"dhcp-hostsfile={directory}/{device}.reservations", f"addn-hosts={directory}/{device}.hosts"]
    lines += ["no-hosts", "no-resolv", "no-ping", "log-facility=/dev/null", "cache-size=1000", "edns-packet-max=1232"]
    lines += [f"port={53 if dhcp['dns_service'] else 0}", *_domain(dhcp)]
    lines += [f"server={token(server)}" for server in document["upstream_dns"]]
    lines += ["dhcp-authoritative", "dhcp-ignore=tag:!known", "dhcp-lease-max=65536"]
    lines.append(f"dhcp-range={network.network_address},static,{network.netmask},{int(dhcp['lease_seconds'])}")
    return "\n".join(lines + _options(document, dhcp, own)) + "\n"


def _domain(dhcp: Json) -> list[str]:
    if not dhcp["domain"]:
        return ["domain-needed", "bogus-priv"]
    domain = token(dhcp["domain"])
    return ["domain-needed", "bogus-priv", f"domain={domain}", f"local=/{domain}/", "expand-hosts"]


def _options(document: Json, dhcp: Json, own: str) -> list[str]:
    servers = dhcp["dns"] or ([own] if dhcp["dns_service"] else document["upstream_dns"])
    lines = [f"dhcp-option=option:mtu,{int(interface(document, dhcp['device'])['mtu'])}"]
    gateway = token(dhcp["gateway"]) if dhcp["gateway"] else ""
    lines.append(f"dhcp-option=option:router,{gateway}" if gateway else "dhcp-option=option:router")
    if servers:
        lines.append(f"dhcp-option=option:dns-server,{','.join(map(token, servers))}")
    if gateway and gateway != own:  # the gateway is another's: lead the guests to the metadata service
        for option in ("121", "249"):
            lines.append(f"dhcp-option=tag:!extra,{option},0.0.0.0/0,{gateway},{METADATA}/32,{own}")
    return [*lines, "dhcp-option=tag:extra,option:router", "dhcp-option=tag:extra,option:dns-server"]


def reservations(dhcp: Json) -> str:
    """The dhcp-hostsfile: who gets which address; `extra` marks interfaces that carry no default route."""
    lines = []
    for host in dhcp["hosts"]:
        tag = "" if host["default"] else "set:extra,"
        lines.append(f"{token(host['mac'])},{tag}{token(host['address'])},{token(host['hostname'])}")
    return "\n".join([*lines, ""])


def names(document: Json, dhcp: Json) -> str:
    """The addn-hosts file: who is called what. `data-server` is where guests look for metadata."""
    own = token(own_address(document, dhcp["device"]))
    lines = [f"{token(host['address'])} {token(host['hostname'])}" for host in dhcp["hosts"]]
    return "\n".join([*lines, f"{own} data-server", ""])


def kept_leases(leases: str, dhcp: Json) -> str:
    """The leases without those that the reservations contradict: dnsmasq would keep such an address from its new owner."""
    owners = {(host["mac"].lower(), host["address"]) for host in dhcp["hosts"]}
    lines = [line for line in leases.splitlines() if tuple(line.split()[1:3]) in owners]
    return "\n".join([*lines, ""]) if lines else ""


class Dnsmasq:
    """Starts, reloads and stops the dnsmasq of every guest interface."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._devices: set[str] = set()
        os.makedirs(directory, mode=0o711, exist_ok=True)

    def apply(self, document: Json) -> None:
        """Restart where the configuration changed, re-read where only the hosts did. Raises Failed."""
        entries = {dhcp["device"]: dhcp for dhcp in document["dhcp"]}
        files = {name.partition(".")[0] for name in os.listdir(self._directory)}
        for device in files - entries.keys():
            self._remove(device)
        for dhcp in entries.values():
            self._bring(document, dhcp)
        self._devices = set(entries)

    def _bring(self, document: Json, dhcp: Json) -> None:
        device = token(dhcp["device"])
        path = f"{self._directory}/{device}"
        leases = read(f"{path}.leases")
        kept = kept_leases(leases, dhcp)
        fresh = write(f"{path}.conf", configuration(document, dhcp, self._directory))
        changed = write(f"{path}.reservations", reservations(dhcp))
        changed |= write(f"{path}.hosts", names(document, dhcp))
        pid = daemon(f"{path}.pid", f"{path}.conf")
        if fresh or kept != leases or not pid:
            stop(f"{path}.pid", f"{path}.conf")
            write(f"{path}.leases", kept_leases(read(f"{path}.leases"), dhcp))
            self._start(device)
        elif changed:
            os.kill(pid, signal.SIGHUP)

    def _start(self, device: str) -> None:
        for directory in [self._directory, *map(str, Path(self._directory).parents)]:
            if not os.stat(directory).st_mode & stat.S_IXOTH:
                raise Failed(f"dnsmasq gives up root and could not read its files: others may not enter {directory}")
        run(["dnsmasq", f"--conf-file={self._directory}/{device}.conf"])

    def _remove(self, device: str) -> None:
        path = f"{self._directory}/{device}"
        stop(f"{path}.pid", f"{path}.conf")
        for name in os.listdir(self._directory):
            if name.startswith(device + "."):
                os.unlink(f"{self._directory}/{name}")

    def watch(self) -> None:
        """Start again what died. Raises Failed when it cannot."""
        for device in self._devices:
            path = f"{self._directory}/{device}"
            if not daemon(f"{path}.pid", f"{path}.conf"):
                self._start(device)

    def leases(self) -> list[dict[str, str]]:
        """ip, mac, hostname and expires (Unix seconds) of every lease."""
        found = []
        for device in sorted(self._devices):
            for line in read(f"{self._directory}/{device}.leases").splitlines():
                expires, mac, ip, hostname = line.split()[:4]
                found.append({"ip": ip, "mac": mac, "hostname": "" if hostname == "*" else hostname, "expires": expires})
        return found
