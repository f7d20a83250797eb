"""The console's files."""

from __future__ import annotations

import pytest

from cloudwright.web.files import Files
from cloudwright.web.gate import Request


@pytest.fixture
def files(tmp_path):
    (tmp_path / "secret").write_text("secret")
    console = tmp_path / "console"
    (console / "assets").mkdir(parents=True)
    (console / "index.html").write_text("<p>console</p>")
    (console / "assets" / "app.js").write_text("1")
    (console / "out").symlink_to(tmp_path / "secret")
    return Files(console)


def get(files, path, method="GET", **headers):
    return files.answer(Request(method, path, headers=headers))


def test_the_index_stands_for_every_page_of_the_console(files):
    for path in ("/client/", "/client/instances/web-1", "/client/index.html"):
        assert get(files, path).body == b"<p>console</p>"
    assert dict(get(files, "/").headers)["location"] == "/client/"


def test_missing_files_are_404_and_writing_is_405(files):
    assert get(files, "/client/assets/other.js").status == 404
    assert get(files, "/elsewhere").status == 404
    assert get(files, "/client/", "POST").status == 405


@pytest.mark.parametrize(
    "path", ["../secret", "assets/../../secret", "out", "%2e%2e/secret", "/etc/passwd", "a\x00b", "x" * 5000]
)
def test_nothing_outside_the_folder_is_served(files, path):
    assert b"secret" not in get(files, f"/client/{path}").body
    assert b"root:" not in get(files, f"/client/{path}").body
    assert get(files, f"/client/vnc/{path}").status == 404


def test_etags_save_the_transfer_and_follow_the_content(files, tmp_path):
    first = get(files, "/client/")
    etag = dict(first.headers)["etag"]
    assert get(files, "/client/", **{"if-none-match": etag}).status == 304
    (tmp_path / "console" / "index.html").write_text("<p>another</p>")
    assert get(files, "/client/", **{"if-none-match": etag}).status == 200


def test_hashed_assets_are_kept_by_browsers_and_pages_are_not(files):
    assert "immutable" in dict(get(files, "/client/assets/app.js").headers)["cache-control"]
    assert dict(get(files, "/client/").headers)["cache-control"] == "no-cache"
    assert dict(get(files, "/client/assets/app.js").headers)["content-type"].startswith("text/javascript")


def test_the_vnc_page_is_served_without_a_console_folder():
    page = get(Files(), "/client/console")
    assert page.status == 200
    assert b"console.js" in page.body
    assert get(Files(), "/client/vnc/console.css").status == 200
    absent = get(Files(), "/client/")
    assert (absent.status, b"make console" in absent.body) == (404, True)


def test_the_console_reads_the_ways_in_of_this_moment(files, tmp_path):
    (tmp_path / "console" / "index.html").write_text("__NONCE__ <meta name=ways-in content='__WAYS__'>")
    told = [["saml", "forgotten"], []]
    asked = Files(tmp_path / "console", lambda: told.pop(0))
    assert b"content='saml forgotten'" in get(asked, "/client/instances").body
    assert b"content=''" in get(asked, "/client/").body


def test_styles_of_a_page_need_the_word_that_only_this_answer_knows(files, tmp_path):
    (tmp_path / "console" / "index.html").write_text("<style nonce='__NONCE__'>")
    first, second = get(files, "/client/"), get(files, "/client/instances")
    word = first.body.decode().split("'")[1]
    headers = dict(first.headers)
    assert len(word) >= 22
    assert f"style-src 'self' 'nonce-{word}';" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert "etag" not in headers
    assert headers["cache-control"] == "no-store"
    assert first.body != second.body
