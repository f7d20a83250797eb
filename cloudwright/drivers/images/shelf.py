"""Where images rest in a store: `images/<name>.<format>`, and beside each `<name>.json`, which says what it is."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import msgspec

from cloudwright.drivers.durable import sync
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.images.contract import ImageSeen
from cloudwright.drivers.naming import NAME, checked

FILE = re.compile(rf"{NAME.pattern}\.(?:qcow2|raw|iso)", re.ASCII)


class Shelf:
    """The images at rest under a store's root. An image is there as soon as its file is, which comes last."""

    def __init__(self, root: Path) -> None:
        self._root = root / "images"
        self._incoming = root / "incoming"

    def put(self, image: ImageSeen, file: Path) -> None:
        """Move the finished `file` in, durably and readable for all."""
        file.chmod(0o444)
        draft = self._facts(image.name).with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(image))
        sync(draft, file)
        draft.replace(self._facts(image.name))
        file.replace(self._file(image))
        sync(self._root)

    def all(self) -> list[ImageSeen]:
        """All images."""
        found = []
        for path in self._root.glob("*.json"):
            with contextlib.suppress(NotThere):
                found.append(self.see(path.stem))
        return found

    def see(self, name: str) -> ImageSeen:
        """One image. Raises NotThere."""
        try:
            image = msgspec.json.decode(self._facts(name).read_bytes(), type=ImageSeen)
        except FileNotFoundError:
            image = None
        if image is None or not self._file(image).exists():
            raise NotThere(f"the image store has no image {name}")
        return image

    def holds(self, name: str) -> bool:
        """Whether the image is there."""
        try:
            return bool(self.see(name))
        except NotThere:
            return False

    def locate(self, name: str) -> Path:
        """The file of an image. Raises NotThere."""
        return self._file(self.see(name))

    def remove(self, name: str) -> None:
        """Delete an image; gone is done."""
        with contextlib.suppress(NotThere):
            self.locate(name).unlink(missing_ok=True)
        self._facts(name).unlink(missing_ok=True)
        self.incoming(name).unlink(missing_ok=True)

    def incoming(self, name: str) -> Path:
        """Where a file waits to be received under that name."""
        return self._incoming / checked(name)

    def _facts(self, name: str) -> Path:
        return self._root / f"{checked(name)}.json"

    def _file(self, image: ImageSeen) -> Path:
        return self._root / f"{checked(image.name)}.{image.format}"
