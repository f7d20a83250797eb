"""The store's file server: what it gives, and what it keeps to itself."""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudwright.drivers.images.contract import ImageSeen
from cloudwright.drivers.images.directory import DirectoryImages
from cloudwright.drivers.images.serve import Served, serve
from cloudwright.drivers.images.shelf import Shelf
from cloudwright.drivers.pool.contract import PoolSpec
from cloudwright.drivers.pool.directory import DirectoryPool
from cloudwright.drivers.work import WorkState

TOKEN = "a-very-secret-token"
BODY = bytes(range(256)) * 400
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    DirectoryImages().open(str(tmp_path))
    (tmp_path / "scratch" / "image").write_bytes(BODY)
    Shelf(tmp_path).put(ImageSeen("t-iso", "iso", len(BODY), len(BODY), DIGEST), tmp_path / "scratch" / "image")
    served = serve(str(tmp_path), "127.0.0.1", 0, TOKEN)
    yield served
    served.stop()


def ask(served: Served, path: str, method: str = "GET", span: str = "") -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        connection.request(method, path, headers={"Range": span} if span else {})
        response = connection.getresponse()
        return response.status, response.read(), response.headers.get("Content-Range", "")
    finally:
        connection.close()


def test_who_knows_the_token_gets_the_image(served: Served) -> None:
    assert ask(served, f"/{TOKEN}/t-iso.iso") == (200, BODY, "")
    assert ask(served, f"/{TOKEN}/t-iso.iso", "HEAD") == (200, b"", "")


@pytest.mark.parametrize(
    ("span", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=100-", 206, 100, len(BODY)),
        ("bytes=-7", 206, len(BODY) - 7, len(BODY)),
        ("bytes=5-99999999", 206, 5, len(BODY)),
        ("bytes=0-", 200, 0, len(BODY)),
        ("bytes=-", 200, 0, len(BODY)),
        ("lines=1-2", 200, 0, len(BODY)),
        ("bytes=1-2,5-6", 200, 0, len(BODY)),
    ],
)
def test_ranges(served: Served, span: str, status: int, start: int, end: int) -> None:
    stated = f"bytes {start}-{end - 1}/{len(BODY)}" if status == 206 else ""
    assert ask(served, f"/{TOKEN}/t-iso.iso", span=span) == (status, BODY[start:end], stated)


@pytest.mark.parametrize("span", ["bytes=102400-", "bytes=9-5", "bytes=-0"])
def test_a_range_outside_is_refused(served: Served, span: str) -> None:
    assert ask(served, f"/{TOKEN}/t-iso.iso", span=span) == (416, b"", f"bytes */{len(BODY)}")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/{}", "/{}/", "/wrong/t-iso.iso", "//t-iso.iso", "/{}/t-none.iso", "/{}/t-iso.json"),
        *("/{}/../images/t-iso.iso", "/{}/%2e%2e/t-iso.iso", "/{}//etc/passwd", "/{}x/t-iso.iso"),
    ],
)
def test_nothing_else_is_there(served: Served, path: str) -> None:
    assert ask(served, path.format(TOKEN)) == (404, b"", "")


def test_other_methods_are_not_known(served: Served) -> None:
    assert ask(served, f"/{TOKEN}/t-iso.iso", "DELETE")[0] == 501


def test_no_link_leads_out(served: Served, tmp_path: Path) -> None:
    (tmp_path / "images" / "t-link.iso").symlink_to("/etc/passwd")
    assert ask(served, f"/{TOKEN}/t-link.iso")[0] == 404


def test_a_store_is_not_served_without_a_token(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without a token"):
        serve(str(tmp_path), "127.0.0.1", 0, "")


@pytest.mark.parametrize(("token", "state"), [(TOKEN, WorkState.DONE), ("wrong", WorkState.FAILED)])
def test_a_host_elsewhere_installs_over_http(served: Served, tmp_path: Path, token: str, state: WorkState) -> None:
    store = DirectoryImages(f"http://127.0.0.1:{served.port}/{token}")
    store.open(str(tmp_path))
    pool = DirectoryPool("h-1", tmp_path / "host")
    pool.open(PoolSpec("p-1", "Filesystem", str(tmp_path / "pool")))
    pool.begin_install("k", "p-1", "t-iso", store.url("t-iso"), DIGEST)
    deadline = time.monotonic() + 30
    while (work := pool.work("k")).state is WorkState.RUNNING and time.monotonic() < deadline:
        time.sleep(0.01)
    assert work.state is state, work.error
    assert token not in work.error
    if state is WorkState.DONE:
        assert Path(pool.locate("p-1", "t-iso")).read_bytes() == BODY
    assert not list((tmp_path / "pool").glob(".*"))
