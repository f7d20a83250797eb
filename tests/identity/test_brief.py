"""Lists of owners tell what each may have and has, unless they are asked for the least."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.core.error import ParamError

COUNTED = {"vmlimit", "vmtotal", "vmavailable", "gputotal", "vmrunning", "vmstopped"}


@pytest.mark.parametrize(
    ("command", "key"), [("listAccounts", "account"), ("listDomains", "domain"), ("listProjects", "project")]
)
def test_min_leaves_out_what_is_counted(tenants: Any, command: str, key: str) -> None:
    tenants.call("ann", "createProject", name="p")

    def first(**more: str) -> dict[str, Any]:
        row: dict[str, Any] = tenants.call(tenants.root, command, listall="true", **more)[key][0]
        return row

    whole, least = first(), first(details="MIN")
    assert COUNTED & whole.keys() >= {"vmlimit", "vmtotal", "vmavailable", "gputotal"}
    assert not COUNTED & least.keys()
    assert least.items() <= whole.items()
    assert {"id", "name", "state"} <= least.keys()
    assert first(details="resource") == first(details="min,all") == whole
    with pytest.raises(ParamError, match="is not one of all, resource, min"):
        first(details="some")
