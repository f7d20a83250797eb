"""Lists of instances and volumes with their figures. A figure that nobody measures is absent."""

from __future__ import annotations

from cloudwright.compute.vm.view import ListVirtualMachines, VmView
from cloudwright.core.view import computed
from cloudwright.storage.volume.view import ListVolumes, VolumeView

_ROLES = ("Admin", "ResourceAdmin", "DomainAdmin", "User")
GIB = 1 << 30


class VmMetricsView(VmView):
    """An instance with its figures."""

    cputotal = computed(lambda row, caller: f"{row['cpunumber'] * row['cpuspeed'] / 1000:.1f} Ghz", "the speed of its processors")
    memorytotal = computed(lambda row, caller: f"{row['memory'] / 1024:.2f} GB", "its memory")


class ListVirtualMachinesMetrics(ListVirtualMachines, answers=VmMetricsView, since="4.9.3", authorized=_ROLES):
    """Lists instances with their figures."""


class VolumeMetricsView(VolumeView):
    """A volume with its figures."""

    sizegb = computed(lambda row, caller: f"{row['size'] / GIB:.2f} GB", "its size")


class ListVolumesMetrics(
    ListVolumes, answers=VolumeMetricsView, since="4.9.3", authorized=_ROLES, resp_key="listvolumesresponse"
):
    """Lists volumes with their figures."""
