"""What of networks goes with its account: a network's deletion takes its router, addresses and rules along."""

from cloudwright.identity.belongings import belongs
from cloudwright.network.model import FirewallRule, Network, NicSecondary, PublicIp, Router
from cloudwright.network.network.shutdown import DeleteNetwork

belongs(Network, order=30, remove=lambda network: DeleteNetwork(network=network.id))
for kind in (FirewallRule, NicSecondary, PublicIp, Router):
    belongs(kind, order=40)
