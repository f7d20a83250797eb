"""A server as a process, and a zone of simulated hosts on it, for clients that know nothing of this project."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from cloudwright.cli.demo import instance, zone
from tests.cli.serving import Serving


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """An empty installation."""
    with Serving(tmp_path_factory.mktemp("clients")) as running:
        yield running


@pytest.fixture(scope="session")
def keys(server):
    """A client of ours with API keys of admin."""
    return server.with_keys()


@pytest.fixture(scope="session")
def ready_zone(keys):
    """The zone's answer, enabled and with a template that is ready."""
    return simulated_zone(keys)


def simulated_zone(keys):
    """Build a zone of two simulated hosts; answers it when it is enabled and its template ready."""
    hosts = {f"ready{number}": f"http://sim/ready{number}" for number in (1, 2)}
    management, public = IPv4Network("192.0.2.0/24"), IPv4Network("203.0.113.0/24")
    site = zone.Site("Simulator", management, public, hosts, "sim://ready/primary", "sim://ready-secondary")
    parts = zone.build(keys, site, lambda _: None)
    zone.add_hosts(keys, site, parts, lambda _: None)
    zone.add_storage(keys, site, parts, lambda _: None)
    template = keys.all("listTemplates", templatefilter="all", hypervisor="Simulator")[0]
    instance.wait_for_template(keys, template["id"], parts["zone"]["id"], lambda _: None)
    return parts["zone"]
