"""A server with nothing in it, for files to fill."""

from __future__ import annotations

import pytest

from tests.cli.serving import Serving


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A new installation, as a process of its own."""
    with Serving(tmp_path_factory.mktemp("empty")) as running:
        yield running


@pytest.fixture(scope="module")
def api(empty):
    """A client of admin."""
    return empty.with_keys()


@pytest.fixture(scope="module")
def known(api, home):
    """An environment that names the server and admin's keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDSTACK_ENDPOINT", api.url)
        patch.setenv("CLOUDSTACK_KEY", api.key)
        patch.setenv("CLOUDSTACK_SECRET", api.secret)
        yield home
