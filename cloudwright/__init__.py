"""Cloudwright: an Infrastructure-as-a-Service platform behind the Apache CloudStack API."""

__version__ = "0.1.0"
