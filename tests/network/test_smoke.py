from cloudwright.cloud import Cloud
from tests.network.built import document, machine, on_network


def test_implements(cloud: Cloud) -> None:
    made = on_network(cloud)
    assert made.state == "Implemented"
    print(document(cloud, made.id))


def test_machine(cloud: Cloud) -> None:
    vm = machine(cloud)
    print(vm)
