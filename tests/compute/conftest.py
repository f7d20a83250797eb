"""Two tenants of one domain."""

from tests.operations.conftest import ann, bob, eng, root

__all__ = ["ann", "bob", "eng", "root"]
