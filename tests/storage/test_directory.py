"""Registration and volumes for real: a web server that may be hostile, a directory as image store, another as pool, qemu-img."""

from __future__ import annotations

import gzip
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.setting import Setting
from cloudwright.core.tx import Tx
from cloudwright.drivers.pool.directory import DirectoryPool
from cloudwright.identity.caller import root_caller
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.storage.image.stores import Stores
from cloudwright.storage.model import StoragePool, Template, TemplateAt, Volume
from cloudwright.storage.pool.open import host_connected
from cloudwright.storage.volume.create import CreateVolume
from cloudwright.storage.volume.room import take_room
from tests.conftest import call, done, finished
from tests.storage.conftest import fresh, until

MIB = 1 << 20


class Web(Struct):
    """A web server: what it answers, by path; a text is where it redirects to."""

    url: str
    pages: dict[str, bytes | str]


@pytest.fixture
def web() -> Iterator[Web]:
    pages: dict[str, bytes | str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path, b"")
            self.send_response(302 if isinstance(page, str) else 200 if page else 404)
            if isinstance(page, str):
                self.send_header("Location", page)
            body = b"" if isinstance(page, str) else page
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Web(f"http://127.0.0.1:{server.server_address[1]}", pages)
    server.shutdown()
    server.server_close()
    thread.join()


class Place(Struct):
    """A zone with one KVM host, on whose side only the pool driver is there."""

    cloud: Cloud
    root: Caller
    zone: Zone
    host: Host
    pool: StoragePool
    images: Path
    volumes: Path


@pytest.fixture
def place(cloud: Cloud, tmp_path: Path, web: Web) -> Iterator[Place]:
    images, volumes = tmp_path / "images", tmp_path / "volumes"
    volumes.mkdir()
    driver = DirectoryPool("h1", tmp_path / "state")
    cloud.reach.remote = lambda contract, host: driver
    cloud.reach.images = stores = Stores(cloud.db)
    root = root_caller(cloud.db.read())
    for name, value in (
        ("secstorage.allowed.internal.sites", "127.0.0.1/32"),
        ("imagestore.serve.address", "127.0.0.1"),
        ("max.template.iso.size", "1"),
    ):
        cloud.db.write(lambda tx, name=name, value=value: Setting.by_name[name].set(tx, value))  # type: ignore[misc]
    host = cloud.db.write(_host)
    zone, cluster = cloud.db.read().get(Zone, host.zone_id), cloud.db.read().get(Cluster, host.cluster_id)
    call(cloud, root, "addImageStore", provider="NFS", url=f"file://{images}", zoneid=zone.uuid, name="store")
    url = f"SharedMountPoint://localhost{volumes}"
    made = call(cloud, root, "createStoragePool", name="pool", url=url, zoneid=zone.uuid, clusterid=cluster.uuid)["storagepool"]
    pool = cloud.db.read().find(StoragePool, StoragePool.c.uuid == made["id"])
    assert pool is not None
    until(lambda: fresh(cloud, pool).state == "Up")
    yield Place(cloud, root, zone, host, pool, images, volumes)
    stores.stop()


def _host(tx: Tx) -> Host:
    zone = tx.insert(
        Zone(name="z", network_type="Advanced", dns1="192.0.2.1", internal_dns1="192.0.2.1", allocation_state="Enabled")
    )
    pod = tx.insert(Pod(name="p", zone_id=zone.id, gateway="192.0.2.1", netmask="255.255.255.0", start_ip="192.0.2.9"))
    cluster = tx.insert(Cluster(name="c", zone_id=zone.id, pod_id=pod.id, hypervisor="KVM"))
    where = {"zone_id": zone.id, "pod_id": pod.id, "cluster_id": cluster.id}
    host = tx.insert(Host(name="h1", address="127.0.0.1", url="http://127.0.0.1", hypervisor="KVM", state="Up", **where))
    host_connected(tx, host)
    return host


def register(at: Place, url: str, **more: Any) -> dict[str, Any]:
    """Register a template and wait until it is ready or refused."""
    given = {"name": "t", "format": "QCOW2", "hypervisor": "KVM", "zoneid": at.zone.uuid, "url": url, **more}
    made = call(at.cloud, at.root, "registerTemplate", **given)["template"][0]
    row = lambda: call(at.cloud, at.root, "listTemplates", templatefilter="self", id=made["id"])["template"][0]  # noqa: E731
    until(lambda: row()["downloaddetails"][0]["downloadState"] in ("DOWNLOADED", "DOWNLOAD_ERROR"), 60)
    told: dict[str, Any] = row()
    return told


def image(path: Path, *options: str, size: str = "16M", format: str = "qcow2") -> bytes:
    subprocess.run(["qemu-img", "create", "-q", "-f", format, *options, str(path), size], check=True, capture_output=True)
    return path.read_bytes()


def qemu_info(path: Path) -> dict[str, Any]:
    printed = subprocess.run(["qemu-img", "info", "--output=json", str(path)], check=True, capture_output=True).stdout
    info: dict[str, Any] = json.loads(printed)
    return info


def new_disk(at: Place, template: Template, size: int) -> Volume:
    """A root disk as a deployment makes it: a row with room in the pool, then the task."""

    def insert(tx: Tx) -> tuple[Volume, str]:
        row = Volume(
            account_id=at.root.account_id, domain_id=at.root.domain_id, name="root", zone_id=at.zone.id, vol_type="ROOT",
            size=size, template_id=template.id,
        )  # fmt: skip
        volume = tx.insert(row)
        assert take_room(tx, volume, at.pool)
        from cloudwright.core import task

        return volume, task.start(tx, CreateVolume(volume=volume.id, host=at.host.id), volume).uuid

    volume, job = at.cloud.db.write(insert)
    row = finished(at.cloud, job, 60)
    assert row.state == "done", row.error
    made: Volume = fresh(at.cloud, volume)
    return made


def test_from_a_web_server_to_a_linked_and_a_whole_clone(place: Place, web: Web, tmp_path: Path) -> None:
    web.pages["/debian.qcow2.gz"] = gzip.compress(image(tmp_path / "a.qcow2"))
    web.pages["/latest"] = "/debian.qcow2.gz"
    told = register(place, f"{web.url}/latest")
    assert told["isready"], told
    assert (told["size"], told["status"]) == (16 * MIB, "Download Complete")
    template = place.cloud.db.read().find(Template, Template.c.uuid == told["id"])
    assert template is not None
    linked = new_disk(place, template, 64 * MIB)
    file = place.volumes / f"{linked.disk_name}.qcow2"
    info = qemu_info(file)
    assert (info["virtual-size"], info["backing-filename"]) == (64 * MIB, f"{template.image_name}.qcow2")
    place.cloud.db.write(lambda tx: Setting.by_name["create.full.clone"].set(tx, "true"))
    whole = new_disk(place, template, 64 * MIB)
    info = qemu_info(place.volumes / f"{whole.disk_name}.qcow2")
    assert (info["virtual-size"], "backing-filename" in info) == (64 * MIB, False)
    done(place.cloud, place.root, "resizeVolume", id=whole.uuid, size=1)
    assert qemu_info(place.volumes / f"{whole.disk_name}.qcow2")["virtual-size"] == 1 << 30
    for volume in (linked, whole):
        done(place.cloud, place.root, "destroyVolume", id=volume.uuid, expunge="true")
    done(place.cloud, place.root, "deleteTemplate", id=template.uuid)
    until(lambda: list(place.volumes.iterdir()) == [])
    until(lambda: fresh(place.cloud, place.pool).reserved == 0)
    assert list((place.images / "images").iterdir()) == []


HOSTILE = [
    ("backing", "backing file"),
    ("huge", "is the most that a disk may have"),
    ("page", "instead of 200"),
    ("text", "is not"),
    ("inward", "internal address"),
    ("file", "http or https"),
    ("round", "redirected more than 3 times"),
    ("checksum", "where"),
]


@pytest.mark.parametrize(("what", "rule"), HOSTILE)
def test_hostile_images_are_refused_and_leave_nothing(place: Place, web: Web, tmp_path: Path, what: str, rule: str) -> None:
    (tmp_path / "secret").write_bytes(b"s" * MIB)
    pages: dict[str, bytes | str] = {
        "backing": b"" if what != "backing" else image(tmp_path / "b.qcow2", "-F", "raw", "-b", str(tmp_path / "secret")),
        "huge": b"" if what != "huge" else image(tmp_path / "h.qcow2", size="3T"),
        "text": b"<html>come back later</html>",
        "inward": "http://10.0.0.1/a.qcow2",
        "file": "file:///etc/shadow",
        "round": f"{web.url}/round",
        "checksum": image(tmp_path / "c.qcow2"),
    }
    web.pages.update({f"/{name}": page for name, page in pages.items()})
    more = {"checksum": "0" * 64} if what == "checksum" else {}
    told = register(place, f"{web.url}/{what}", **more)
    assert not told["isready"]
    assert rule in told["status"], told["status"]
    assert told["downloaddetails"][0]["downloadState"] == "DOWNLOAD_ERROR"
    for half in ("images", "incoming", "scratch"):
        assert list((place.images / half).iterdir()) == []


def test_a_template_is_installed_once_for_all_who_come_at_once(place: Place, web: Web, tmp_path: Path) -> None:
    web.pages["/a"] = image(tmp_path / "a.qcow2")
    template = place.cloud.db.read().find(Template, Template.c.uuid == register(place, f"{web.url}/a")["id"])
    assert template is not None
    threads = [threading.Thread(target=new_disk, args=(place, template, 16 * MIB)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(place.volumes.glob("v-*.qcow2"))) == 4
    assert place.cloud.db.read().count(TemplateAt, TemplateAt.c.pool_id == place.pool.id) == 1
