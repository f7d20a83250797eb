"""Real hypervisor hosts on this one machine, for the demo and the tests.

A host is a set of namespaces with its own libvirt and Open vSwitch; a datacenter is a few of them with a management, a
trunk and a public network between. `with Datacenter("demo", hosts=2) as dc:` starts them in a second or two each and
leaves nothing behind, also when the process is killed.
"""

from cloudwright.cli.lab.datacenter import Datacenter
from cloudwright.cli.lab.host import Host
from cloudwright.cli.lab.probe import why_not
from cloudwright.cli.lab.program import LabError
from cloudwright.cli.lab.remains import leftovers, sweep

__all__ = ["Datacenter", "Host", "LabError", "leftovers", "sweep", "why_not"]
