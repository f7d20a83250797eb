"""A parameter that a command declares is used by it, or refused: none is taken in silence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from cloudwright import catalogue
from cloudwright.core.command import Verb
from cloudwright.core.param import Param
from tests.laws.source import modules

SAMPLES = ("words", 1, True, ["words"], {"key": "value"}, [{"key": "value"}])
COMPUTED = {
    f"{what}_{way}_rate{end}" for what in ("bytes", "iops") for way in ("read", "write") for end in ("", "_max", "_max_length")
}
"""Limits of disks: their names are put together."""

WITHOUT_EFFECT = {
    "addHost": {"username", "password"},
    "attachIso": {"forced"},
    "deleteNetwork": {"forced"},
    "deleteStoragePool": {"forced"},
    "detachIso": {"forced"},
    "getHypervisorGuestOsNames": {"hypervisor_version", "keyword"},
    "listCapacity": {"fetch_latest"},
    "listDiskOfferings": {"list_all", "is_recursive"},
    "listNics": {"for_display"},
    "listRouters": {"fetch_health_check_results"},
    "listServiceOfferings": {"template", "list_all", "is_recursive"},
    "listTemplates": {"details"},
    "listVirtualMachines": {"details"},
    "listVirtualMachinesMetrics": {"details"},
    "listVolumes": {"list_system_vms"},
    "listVolumesMetrics": {"list_system_vms"},
    "rebootRouter": {"forced"},
    "registerTemplate": {"bits", "requires_hvm"},
    "stopRouter": {"forced"},
    "updateHostPassword": {"host", "cluster", "update_on_host", "username"},
    "updateIso": {"force_update_os_type", "requires_hvm"},
    "updateNetwork": {"change_cidr", "update_in_sequence", "forced"},
    "updateTemplate": {"force_update_os_type", "requires_hvm"},
}
"""Parameters whose description says that here they change nothing, or whose command always refuses."""

READ_BESIDE = {"deployVirtualMachine": {"networks", "ip_to_network_list"}}
"""What a function of another module reads, which takes the command as whatever has interfaces."""


def _named(node: ast.AST) -> Iterator[str]:
    """Every attribute and text in a piece of source."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


@cache
def _module(name: str) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """What the methods of each class of a module name, and what is named outside of its classes."""
    tree = modules()[f"{name.replace('.', '/')}.py"]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    inside = {
        node.name: frozenset(name for part in node.body if isinstance(part, ast.FunctionDef) for name in _named(part))
        for node in classes
    }
    return inside, frozenset(name for node in tree.body if node not in classes for name in _named(node))


def _read(verb: type[Verb]) -> set[str]:
    """What a command's methods, and the functions beside them, name."""
    found: set[str] = set()
    for ancestor in verb.__mro__:
        if ancestor.__module__.startswith("cloudwright."):
            inside, beside = _module(ancestor.__module__)
            found |= inside.get(ancestor.__name__, frozenset()) | beside
    return found


def _refused(declared: Param) -> bool:
    """Whether whatever is given is refused, but for one word at most."""
    if len(declared.choices) == 1:
        return True
    said = []
    for sample in SAMPLES:
        try:
            said.append(declared.check(sample) if declared.check else None)
        except (AttributeError, TypeError, ValueError):
            continue  # of another kind
    return bool(said) and None not in said


def test_no_parameter_is_taken_in_silence() -> None:
    catalogue.load()
    silent: dict[str, set[str]] = {}
    for name, verb in Verb.by_name.items():
        read = _read(verb) | READ_BESIDE.get(name, set())
        unread = {
            p.name for p in verb.api.params.values() if p.where is None and p.name not in read | COMPUTED and not _refused(p)
        }
        if unread:
            silent[name] = unread
    assert silent == WITHOUT_EFFECT
