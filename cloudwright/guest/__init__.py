"""The appliance's programme: reads a whole, numbered document, configures the services, reports the generation it runs.

It runs the same in a network namespace and in a system VM, with Python's standard library alone. nftables, dnsmasq and the
kernel do the work; every module here renders what one of them reads, and makes it read it.
"""
