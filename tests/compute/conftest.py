"""Two tenants, and a zone of two hosts."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.identity.caller import root_caller
from cloudwright.identity.model import Domain
from tests.operations.conftest import person


@pytest.fixture
def root(cloud: Cloud) -> Caller:
    return root_caller(cloud.db.read())


@pytest.fixture
def eng(cloud: Cloud) -> Domain:
    return cloud.db.write(lambda tx: tx.insert(Domain(name="eng", parent_id=1, path="/eng/", level=1)))


@pytest.fixture
def ann(cloud: Cloud, eng: Domain) -> Caller:
    return person(cloud, "ann", "User", eng)


@pytest.fixture
def bob(cloud: Cloud, eng: Domain) -> Caller:
    return person(cloud, "bob", "User", eng)
