"""Jobs of commands that only change rows; see `cloudwright.core.record`."""

from cloudwright.core.record import Record, changed, created

__all__ = ["Record", "changed", "created"]
