"""The demo guest's disk image, built from distribution packages by images/guest.sh of the source tree."""

from __future__ import annotations

from pathlib import Path

import cloudwright
from cloudwright.cli.lab.program import LabError, run


def guest_image() -> Path:
    """The image, built now where it is not in the cache (some ten seconds). Raises LabError when it cannot be built."""
    recipe = Path(cloudwright.__file__).parent.parent / "images" / "guest.sh"
    if not recipe.exists():
        raise LabError(f"the guest's recipe {recipe} is missing: it comes with the source tree, not with the installed package")
    return Path(run(["bash", str(recipe)], timeout=600).strip())
