"""A cloud as one meets it: zones, owners, networks with rules, a hundred instances, and some of what goes wrong.

`python -m tests.console.population DIRECTORY` starts a server there, fills it, says where it is, and serves until it is ended.
"""

from __future__ import annotations

import base64
import sys
import threading
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from cloudwright.cli.client import Api, ApiError
from tests.cli.serving import Serving, eventually

Row = dict[str, Any]

SIZES = {"S": (1, 1024), "M": (2, 4096), "L": (4, 8192), "XL": (8, 16384)}
IMAGES = {  # and the types of their systems
    "Debian 13": "Debian GNU/Linux 12 (64-bit)",
    "Ubuntu 24.04 LTS": "Ubuntu 24.04 LTS",
    "Alpine 3.22": "Other Linux (64-bit)",
    "Fedora 42": "Fedora Linux (64 bit)",
    "Rocky Linux 9": "Rocky Linux 9",
}
ROLES = ("web", "api", "worker", "db", "proxy", "queue", "search", "jump")
PASSWORD = "Console-Looks-1"
INSTANCES = 100
ISOLATED = "DefaultIsolatedNetworkOfferingWithSourceNatService"


class Ground:
    """Zones with all that stands in them."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def zone(self, name: str, net: int, clusters: int) -> Row:
        """An enabled zone: two pods, clusters of four hosts, storage, public addresses."""
        api = self.api
        zone = api.one(
            "createZone",
            name=name,
            networktype="Advanced",
            dns1="9.9.9.9",
            internaldns1="9.9.9.9",
            guestcidraddress="10.1.1.0/24",
        )
        physical = self._physical(zone)
        for number in range(0, clusters, 2):
            pod = self._pod(zone, number // 2 + 1, net)
            for cluster in (number + 1, number + 2):
                self._cluster(zone, pod, cluster)
        api.one(
            "createVlanIpRange",
            zoneid=zone["id"],
            physicalnetworkid=physical,
            forvirtualnetwork=True,
            vlan="untagged",
            gateway=f"203.0.{net}.1",
            netmask="255.255.255.0",
            startip=f"203.0.{net}.20",
            endip=f"203.0.{net}.90",
        )
        api.one("addImageStore", name=f"{name}-images", provider="NFS", zoneid=zone["id"], url=f"sim://{name}-images")
        return api.one("updateZone", id=zone["id"], allocationstate="Enabled")

    def _physical(self, zone: Row) -> str:
        api = self.api
        made = api.job(
            "createPhysicalNetwork", name=f"{zone['name']}-fabric", zoneid=zone["id"], vlan="100-399", isolationmethods="VLAN"
        )
        for traffic, label in (("Guest", "cloudbr0"), ("Public", "cloudbr1"), ("Management", "mgmt")):
            api.job("addTrafficType", physicalnetworkid=made["id"], traffictype=traffic, kvmnetworklabel=label)
        for provider in api.all("listNetworkServiceProviders", physicalnetworkid=made["id"], name="VirtualRouter"):
            for element in api.all("listVirtualRouterElements", nspid=provider["id"]):
                api.job("configureVirtualRouterElement", id=element["id"], enabled=True)
            api.job("updateNetworkServiceProvider", id=provider["id"], state="Enabled")
        api.job("updatePhysicalNetwork", id=made["id"], state="Enabled")
        return str(made["id"])

    def _pod(self, zone: Row, number: int, net: int) -> Row:
        third = net * 2 % 200 + number
        return self.api.one(
            "createPod",
            name=f"{zone['name']}-pod{number}",
            zoneid=zone["id"],
            gateway=f"172.20.{third}.1",
            netmask="255.255.255.0",
            startip=f"172.20.{third}.200",
            endip=f"172.20.{third}.230",
        )

    def _cluster(self, zone: Row, pod: Row, number: int) -> None:
        name = f"{pod['name']}-c{number}"
        where = {"zoneid": zone["id"], "podid": pod["id"]}
        cluster = self.api.one("addCluster", clustername=name, hypervisor="Simulator", clustertype="CloudManaged", **where)
        for host in range(1, 5):
            url = f"http://sim/{name}-h{host}?cpus=16&mhz=2600&memory=65536"
            self.api.one(
                "addHost",
                url=url,
                hypervisor="Simulator",
                clusterid=cluster["id"],
                hosttags=["ssd"] if host == 1 else None,
                **where,
            )
        self.api.one(
            "createStoragePool",
            name=f"{name}-primary",
            clusterid=cluster["id"],
            scope="cluster",
            url=f"sim://{name}/primary",
            capacitybytes=4 << 40,
            **where,
        )


class Population:
    """Who owns what in two zones."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.waiting: list[str] = []
        self.machines: list[Row] = []

    def later(self, command: str, **params: object) -> Row:
        """Begin it; `settle` waits for its end."""
        answer = self.api.call(command, **params)
        self.waiting.append(str(answer["jobid"]))
        return answer

    def settle(self) -> None:
        def ended() -> bool:
            self.waiting = [job for job in self.waiting if self.api.call("queryAsyncJobResult", jobid=job)["jobstatus"] == 0]
            return not self.waiting

        eventually(ended, 600)

    def offerings(self) -> None:
        for name, (cpus, memory) in SIZES.items():
            text = f"{cpus} vCPU, {memory >> 10} GiB"
            self.api.one(
                "createServiceOffering",
                name=name,
                displaytext=text,
                cpunumber=cpus,
                cpuspeed=1000,
                memory=memory,
                offerha=name == "XL",
            )
        self.api.one(
            "createServiceOffering",
            name="Vast",
            displaytext="For what no host can take",
            cpunumber=64,
            cpuspeed=2000,
            memory=4 << 20,
        )
        self.api.one("createDiskOffering", name="Fast", displaytext="100 GiB, SSD", disksize=100)
        self.api.one("createDiskOffering", name="Bulk", displaytext="500 GiB", disksize=500)

    def images(self, zones: list[Row]) -> None:
        systems = {row["description"]: row["id"] for row in self.api.all("listOsTypes")}
        for name, system in IMAGES.items():
            self.api.one(
                "registerTemplate",
                name=name,
                displaytext=f"{name}, cloud image",
                url=f"http://images.example.com/{name.split()[0].lower()}.qcow2",
                format="QCOW2",
                hypervisor="Simulator",
                zoneid="-1",
                ispublic=True,
                isfeatured=True,
                requireshvm=True,
                ostypeid=systems[system],
                passwordenabled=name.startswith("Debian"),
            )
        self.api.one(
            "registerIso",
            name="Rescue 12",
            displaytext="Boots any machine",
            url="http://images.example.com/rescue.iso",
            zoneid=zones[0]["id"],
            bootable=True,
            ispublic=True,
            ostypeid=systems["Other Linux (64-bit)"],
        )
        eventually(lambda: all(row["isready"] for row in self.api.all("listTemplates", templatefilter="all")))

    def owners(self) -> list[Row]:
        """Domains, accounts with people, a project. Answers who may own what, as parameters."""
        root = self.api.all("listDomains", level=0)[0]["id"]
        retail = self.api.one("createDomain", name="retail", parentdomainid=root, networkdomain="retail.example.com")["id"]
        shop = self.api.one("createDomain", name="shop", parentdomainid=retail)["id"]
        lab = self.api.one("createDomain", name="lab", parentdomainid=root)["id"]
        people = [
            ("grace", retail, 2, "Grace Chief"),
            ("linus", shop, 0, "Linus Maker"),
            ("una", shop, 0, "Una User"),
            ("ada", lab, 0, "Ada Lab"),
        ]
        for name, domain, sort, both in people:
            first, last = both.split()
            self.api.one(
                "createAccount",
                username=name,
                password=PASSWORD,
                email=f"{name}@example.com",
                firstname=first,
                lastname=last,
                accounttype=sort,
                domainid=domain,
            )
        self.api.one(
            "createUser",
            account="linus",
            domainid=shop,
            username="linus-bot",
            password=PASSWORD,
            email="bot@example.com",
            firstname="Build",
            lastname="Bot",
        )
        for setting in (row["name"] for row in self.api.all("listConfigurations", keyword="max.", page=1, pagesize=200)):
            if str(setting).startswith(("max.account.", "max.domain.", "max.project.")):
                self.api.call("updateConfiguration", name=setting, value="-1")
        for sort, most in ((0, 60), (1, 20), (2, 100), (8, 240), (9, 655360)):
            self.api.call("updateResourceLimit", account="linus", domainid=shop, resourcetype=sort, max=most)
        project = self.api.job("createProject", name="data-lab", displaytext="Data laboratory", account="linus", domainid=shop)
        self.api.job("addAccountToProject", projectid=project["id"], account="una")
        self.api.call("createRole", name="Auditor", description="Reads all, changes nothing", type="Admin")
        return [
            {"account": "linus", "domainid": shop},
            {"account": "una", "domainid": shop},
            {"projectid": project["id"]},
            {"account": "ada", "domainid": lab},
        ]

    def networks(self, zones: list[Row], owners: list[Row]) -> Iterator[tuple[Row, Row, Row]]:
        """(network, owner, zone): isolated networks of all owners in both zones."""
        offering = self.api.all("listNetworkOfferings", name=ISOLATED)[0]["id"]
        names = iter(("shop-web", "una-net", "data-lab", "lab-net", "shop-edge", "una-two", "data-ams", "lab-two"))
        for zone in zones:
            for owner in owners:
                name = next(names)
                yield (
                    self.api.one(
                        "createNetwork",
                        name=name,
                        displaytext=f"{name} in {zone['name']}",
                        networkofferingid=offering,
                        zoneid=zone["id"],
                        **owner,
                    ),
                    owner,
                    zone,
                )

    def deploy(self, places: list[tuple[Row, Row, Row]]) -> None:
        """The instances, spread unevenly: the first network has most."""
        sizes = [row["id"] for row in self.api.all("listServiceOfferings") if row["name"] in SIZES]
        images = {
            zone["id"]: [row["id"] for row in self.api.all("listTemplates", templatefilter="all", zoneid=zone["id"])]
            for _, _, zone in places
        }
        turn = cycle([0, 1, 0, 2, 0, 4, 1, 3, 0, 5, 6, 7])
        for number in range(1, INSTANCES + 1):
            network, owner, zone = places[next(turn) % len(places)]
            name = f"{ROLES[number * 5 % len(ROLES)]}-{number:03}"
            image, size = (
                images[zone["id"]][number % len(images[zone["id"]])],
                sizes[number * 7 % len(sizes) if number % 9 else 0],
            )
            made = self.later(
                "deployVirtualMachine",
                name=name,
                zoneid=zone["id"],
                templateid=image,
                serviceofferingid=size,
                networkids=network["id"],
                **owner,
            )
            self.machines.append({"id": made["id"], "name": name, "network": network, "owner": owner, "zone": zone})
            if number % 8 == 0:
                self.settle()
        self.settle()

    def rules(self, places: list[tuple[Row, Row, Row]]) -> None:
        """Ways in from outside and out: forwarding, firewall, static NAT, egress."""
        for network, owner, _ in places:
            mine = [machine for machine in self.machines if machine["network"] is network]
            source = self.api.all(
                "listPublicIpAddresses", associatednetworkid=network["id"], listall=True, projectid=owner.get("projectid")
            )[0]
            for port, machine in zip((443, 80, 22), mine[::3], strict=False):
                self.api.job(
                    "createPortForwardingRule",
                    ipaddressid=source["id"],
                    protocol="tcp",
                    publicport=port,
                    privateport=port,
                    virtualmachineid=machine["id"],
                    openfirewall=port != 22,
                )
            self.api.job(
                "createFirewallRule",
                ipaddressid=source["id"],
                protocol="tcp",
                startport=22,
                endport=22,
                cidrlist="198.51.100.0/24",
            )
            self.api.job(
                "createEgressFirewallRule",
                networkid=network["id"],
                protocol="tcp",
                startport=443,
                endport=443,
                cidrlist="10.1.1.0/24",
            )
            if len(mine) > 4:
                own = self.api.job("associateIpAddress", networkid=network["id"], **owner)
                self.api.call("enableStaticNat", ipaddressid=own["id"], virtualmachineid=mine[4]["id"])

    def disks(self) -> None:
        offerings = [row["id"] for row in self.api.all("listDiskOfferings") if row["name"] in ("Fast", "Bulk")]
        for number, machine in enumerate(self.machines[::9]):
            made = self.api.job(
                "createVolume",
                name=f"{machine['name']}-data",
                diskofferingid=offerings[number % 2],
                zoneid=machine["zone"]["id"],
                **machine["owner"],
            )
            if number % 3:
                self.later("attachVolume", id=made["id"], virtualmachineid=machine["id"])
        self.settle()

    def states(self) -> None:
        """Instances that stand still, one that was destroyed, hosts under maintenance, and jobs that failed."""
        for machine in self.machines[3::7]:
            self.later("stopVirtualMachine", id=machine["id"])
        self.settle()
        self.api.job("destroyVirtualMachine", id=self.machines[17]["id"])
        hosts = self.api.all("listHosts", type="Routing")
        self.later("prepareHostForMaintenance", id=hosts[5]["id"])
        self.later("declareHostAsDegraded", id=hosts[9]["id"]) if hosts[9]["state"] != "Up" else None
        self.api.call("updateHost", id=hosts[10]["id"], allocationstate="Disable")
        vast = next(row["id"] for row in self.api.all("listServiceOfferings") if row["name"] == "Vast")
        for machine in [one for one in self.machines if one["owner"].get("account") == "ada"][:2]:
            one = {"zoneid": machine["zone"]["id"], "networkids": machine["network"]["id"], **machine["owner"]}
            image = self.api.all("listTemplates", templatefilter="all", zoneid=machine["zone"]["id"])[0]["id"]
            try:
                self.later(
                    "deployVirtualMachine", name=f"{machine['name']}-vast", templateid=image, serviceofferingid=vast, **one
                )
            except ApiError as error:
                print(f"refused at once, as it may be: {error}")
        self.settle()

    def around(self) -> None:
        """What stands beside: keys, groups, schedules, words on things, webhooks, alerts, names of other providers."""
        api, first = self.api, self.machines[0]
        for name in ("ada-laptop", "build-farm"):
            api.call("createSSHKeyPair", name=name)
        api.call("registerUserData", name="web-init", userdata=base64.b64encode(b"#cloud-config\npackages: [nginx]\n").decode())
        for name, sort in (("web-apart", "host anti-affinity"), ("cache-together", "host affinity")):
            api.job(
                "createAffinityGroup",
                name=name,
                type=sort,
                description=f"Keeps {name.partition('-')[0]} {name.partition('-')[2]}",
            )
        api.call(
            "createVMSchedule",
            virtualmachineid=first["id"],
            action="STOP",
            schedule="0 20 * * 1-5",
            timezone="Europe/Berlin",
            description="Evening",
        )
        api.job("createTags", resourceids=[first["id"]], resourcetype="UserVm", tags={"key": "tier", "value": "production"})
        api.call("addAnnotation", entityid=first["id"], entitytype="VM", annotation="Moves to the new zone in December.")
        api.call(
            "createWebhook",
            name="on-call",
            payloadurl="https://hooks.example.com/on-call",
            scope="Global",
            description="Tells who is on call",
        )
        zone = first["zone"]["id"]
        for sort, name in (
            (0, "Memory of fra-1-pod1-c1 above 75 %"),
            (2, "Storage of fra-1-pod1-c2-primary above 80 %"),
            (7, "A router of shop-web was restarted"),
        ):
            api.job("generateAlert", type=sort, name=name, description=name, zoneid=zone)
        api.call("updateConfiguration", name="expunge.delay", value="3600")
        api.call("updateConfiguration", name="cpu.overprovisioning.factor", value="2", clusterid=api.all("listClusters")[0]["id"])


def fill(api: Api) -> None:
    """All of it. Raises ApiError where the server refuses what it should take."""
    ground, population = Ground(api), Population(api)
    zones = [ground.zone("fra-1", 113, 4), ground.zone("ams-1", 114, 2)]
    api.one(
        "createZone", name="nyc-1", networktype="Advanced", dns1="9.9.9.9", internaldns1="9.9.9.9", guestcidraddress="10.1.1.0/24"
    )
    population.offerings()
    population.images(zones)
    places = list(population.networks(zones, population.owners()))
    population.deploy(places)
    population.rules(places)
    population.disks()
    population.around()
    population.states()


def main(directory: str) -> None:
    with Serving(Path(directory)) as server:
        fill(server.with_keys())
        print(f"export CLOUDWRIGHT_URL=http://127.0.0.1:{server.port} CLOUDWRIGHT_PASSWORD={server.password}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
