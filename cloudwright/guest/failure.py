"""What a service of the appliance could not do."""

from __future__ import annotations


class Failed(Exception):
    """One plain sentence, reported as the service's problem."""
