"""Apache Libcloud, unmodified, deploys into a zone that is there, opens a port and takes everything away again."""

from __future__ import annotations

import pytest
from libcloud.compute.drivers.cloudstack import CloudStackNetworkOffering, CloudStackNodeDriver
from libcloud.compute.types import NodeState

OFFERING = "DefaultIsolatedNetworkOfferingWithSourceNatService"


@pytest.fixture(scope="module")
def driver(server, keys):
    made = CloudStackNodeDriver(key=keys.key, secret=keys.secret, url=server.url, secure=False)
    made.connection.poll_interval = 0.1
    return made


def network_offering(driver, keys):
    """Libcloud's own list of them wants a router offering in each, which most have not, here as elsewhere."""
    row = keys.all("listNetworkOfferings", name=OFFERING)[0]
    return CloudStackNetworkOffering(row["name"], row["displaytext"], row["guestiptype"], row["id"], None, False, driver)


def test_a_node_from_its_creation_to_its_end(driver, keys, ready_zone):
    location = next(location for location in driver.list_locations() if location.id == ready_zone["id"])
    image = next(image for image in driver.list_images(location) if image.extra["hypervisor"] == "Simulator")
    size = next(size for size in driver.list_sizes() if size.extra["cpu"] == 1)
    offering = network_offering(driver, keys)
    network = driver.ex_create_network("libcloud", "libcloud", offering, location)
    key = driver.create_key_pair("libcloud")
    assert "PRIVATE KEY" in key.private_key

    node = driver.create_node("libcloud-node", size, image, location, networks=[network], ex_keyname="libcloud", ex_start_vm=True)
    assert node.state == NodeState.RUNNING
    assert [n.name for n in driver.list_nodes(location=location) if n.id == node.id] == ["libcloud-node"]
    assert node.private_ips[0].startswith("10.1.1.")

    address = next(ip for ip in driver.ex_list_public_ips() if ip.associated_network_id == network.id)
    rule = driver.ex_create_port_forwarding_rule(node, address, 22, 2222, "TCP")
    assert [(r.id, r.public_port) for r in driver.ex_list_port_forwarding_rules()] == [(rule.id, "2222")]
    volume = driver.create_volume(1, "libcloud-data", location)
    assert volume.size == 1
    assert driver.attach_volume(node, volume)
    assert driver.detach_volume(volume)
    assert driver.destroy_volume(volume)

    assert driver.reboot_node(node)
    assert driver.ex_stop(node) == "Stopped"
    assert driver.ex_start(node) == "Running"
    assert driver.ex_delete_port_forwarding_rule(node, rule)
    assert driver.destroy_node(node, ex_expunge=True)
    assert [n for n in driver.list_nodes(location=location) if n.id == node.id] == []
    assert driver.ex_delete_network(network)
    driver.delete_key_pair(key)  # answers False since CloudStack says true, not "true"
    assert driver.list_key_pairs() == []
