"""libvirt's errors in the contract's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import libvirt

from cloudwright.drivers.error import Busy, DriverError, DriverFault, NotThere, Refused

_NOT_THERE = {libvirt.VIR_ERR_NO_DOMAIN}
_BUSY = {libvirt.VIR_ERR_OPERATION_TIMEOUT, libvirt.VIR_ERR_RESOURCE_BUSY}
_REFUSED = {
    libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
    libvirt.VIR_ERR_NO_SUPPORT,
    libvirt.VIR_ERR_XML_ERROR,
    libvirt.VIR_ERR_XML_DETAIL,
    libvirt.VIR_ERR_INVALID_ARG,
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE,
}
_LOCKED = ('Failed to get "write" lock', "Failed to get shared")  # QEMU's image locks

libvirt.registerErrorHandler(lambda _context, _error: None, None)  # errors are exceptions, not lines on stderr


@contextmanager
def spoken(what: str) -> Iterator[None]:
    """Turn a libvirt error inside into one of the contract, as "<what>: <libvirt's sentence>"."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise translated(what, error) from error


def translated(what: str, error: libvirt.libvirtError) -> DriverError:
    """The contract's error for one of libvirt's."""
    code, sentence = error.get_error_code(), f"{what}: {error.get_error_message() or error}"
    if code in _NOT_THERE:
        return NotThere(sentence)
    if code in _BUSY or any(words in sentence for words in _LOCKED):
        return Busy(sentence)
    return Refused(sentence) if code in _REFUSED else DriverFault(sentence)
