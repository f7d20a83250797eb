"""The image store contract: secondary storage, where templates, ISOs and exported volumes rest.

Whatever is fetched from a caller's URL is hostile input. Objects are named `t-<uuid>` by the caller; every verb may be
called twice.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct, field

from cloudwright.drivers.work import Work


class FetchPolicy(Struct):
    """What a download may do. Times in seconds, sizes in bytes; `allow` are CIDRs of internal addresses permitted."""

    max_bytes: int
    max_virtual_bytes: int
    timeout: float = 3600.0
    redirects: int = 0
    allow: list[str] = []
    schemes: list[str] = field(default_factory=lambda: ["http", "https"])


class ImageSeen(Struct):
    """An image at rest. `format`: qcow2, raw or iso, detected, never believed; `virtual` is what a guest would see."""

    name: str
    format: str
    size: int
    virtual: int
    checksum: str  # sha256 of the file at rest, "sha256:<hex>"


class ImageStore(Protocol):
    """About images in one store."""

    def open(self, path: str) -> None:
        """Make the store usable: create the directory layout."""

    def images(self) -> list[ImageSeen]:
        """All images at rest."""

    def see(self, name: str) -> ImageSeen:
        """One image. Raises NotThere."""

    def begin_fetch(self, key: str, name: str, url: str, format: str, checksum: str, policy: FetchPolicy) -> None:
        """Begin to download, check and convert an image. `format` is what the caller claims (QCOW2, RAW, VMDK, VHD, VHDX,
        OVA, ISO, also compressed .gz .bz2 .xz .zip); `checksum` is "", hex, or "{algorithm}hex". The work's result has the
        fields of ImageSeen. It fails with a sentence naming the rule that the image or the address broke."""

    def begin_receive(self, key: str, name: str, path: str, format: str, policy: FetchPolicy) -> None:
        """The same for a file that was uploaded to `path`, or exported by a pool. One that waits at `incoming` is gone
        once the image is there; any other stays."""

    def incoming(self, name: str) -> str:
        """The path where an upload, or a pool's export, waits to be received as image `name`."""

    def url(self, name: str) -> str:
        """Where hosts fetch the image."""

    def remove(self, name: str) -> None:
        """Delete an image, and what waits to be received under its name. Gone is done."""

    def work(self, key: str) -> Work:
        """How far long work is."""

    def cancel(self, key: str) -> None:
        """Stop long work and remove what it half made. Unknown is done."""
