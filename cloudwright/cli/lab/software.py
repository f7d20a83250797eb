"""What runs on a host: the configuration of its libvirt, its firewall, and the script that starts both and Open vSwitch."""

from __future__ import annotations

from cloudwright.cli.lab.program import run

# cloudbr0 carries guest networks by VLAN over the trunk, cloudbr1 the public network untagged. libvirt starts meanwhile.
START = """
libvirtd --daemon --listen
[ -s /etc/openvswitch/lab.db ] || ovsdb-tool create /etc/openvswitch/lab.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /etc/openvswitch/lab.db --remote=punix:/run/openvswitch/db.sock --detach --pidfile --log-file --no-chdir
ovs-vsctl --no-wait init
ovs-vswitchd --detach --pidfile --log-file --no-chdir
ovs-vsctl --timeout=20 \
  -- --may-exist add-br cloudbr0 -- set bridge cloudbr0 datapath_type=netdev fail-mode=standalone \
  -- --may-exist add-port cloudbr0 trunk \
  -- --may-exist add-br cloudbr1 -- set bridge cloudbr1 datapath_type=netdev fail-mode=standalone \
  -- --may-exist add-port cloudbr1 public
ip link set cloudbr0 up
ip link set cloudbr1 up
"""


def libvirtd_conf(host_uuid: str, address: str) -> str:
    """libvirtd.conf: a private socket, and unauthenticated TCP for migration between the hosts."""
    return f"""host_uuid = "{host_uuid}"
unix_sock_rw_perms = "0700"
auth_unix_rw = "none"
listen_tcp = 1
listen_tls = 0
listen_addr = "{address}"
auth_tcp = "none"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
"""


def qemu_conf(address: str) -> str:
    """qemu.conf: QEMU runs as the host's root; the host is what keeps it in."""
    return f"""user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
namespaces = []
remember_owner = 0
migration_address = "{address}"
migration_host = "{address}"
cgroup_controllers = [ "cpu", "memory", "blkio", "cpuset", "cpuacct" ]
"""


def firewall(outside: str) -> str:
    """nft rules: any user of the machine outside could use `outside` to reach libvirt, migrations and screens unasked."""
    return f"""table inet lab {{
  chain input {{
    type filter hook input priority filter; policy accept;
    ip saddr {outside} tcp dport {{ 5900-6923, 16509, 49152-49215 }} reject with tcp reset
  }}
}}
"""


def no_offload(link: str, namespace: str = "") -> None:
    """Make a link finish its own checksums and segments."""
    where = ["ip", "netns", "exec", namespace] if namespace else []
    run([*where, "ethtool", "-K", link, "tx", "off", "tso", "off", "gso", "off"])
