#!/bin/bash
# What Cloudwright needs from Debian 12/13 and Ubuntu 24.04, by purpose; installs only what is missing.
#
#   images/packages.sh list    purpose ...    names
#   images/packages.sh missing purpose ...    names not installed yet
#   images/packages.sh install purpose ...    installs those by apt-get (through sudo where not root)
#
# Purposes: run (the server), kvm (a hypervisor host), images (building guest images), console (the screens), test (the tests).
# May also be sourced for the function `install`.
set -euo pipefail
POLICY=/usr/sbin/policy-rc.d # tells whether packages may start their services

packages_for() {
	case $1 in
	run) echo python3 python3-venv ca-certificates ;;
	# the last four build the libvirt binding from its source
	kvm) echo libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils openvswitch-switch nftables dnsmasq-base \
		haproxy iproute2 ethtool bubblewrap util-linux procps libvirt-dev pkg-config gcc python3-dev ;;
	images) echo apt dpkg python3-minimal kmod cpio xz-utils zstd e2fsprogs grub-common grub-pc-bin qemu-utils util-linux ;;
	console) echo openssl ;; # checks what was fetched
	test) echo mariadb-server postgresql openssh-client tcpdump xmlsec1 slapd ldap-utils zsh fish \
		samba samba-ad-provision samba-dsdb-modules samba-vfs-modules $(browser) ;;
	*)
		echo "packages: no purpose is called $1; there are run, kvm, images, console and test" >&2
		return 2
		;;
	esac
}

# Ubuntu has Chromium as a snap only, which does not run everywhere: there the console is tested where a browser is installed.
browser() {
	(. /etc/os-release && [ "$ID" = debian ] && echo chromium) || true
}

list() {
	local purpose
	for purpose in "$@"; do packages_for "$purpose" || return; done | tr ' ' '\n' | sort -u
}

missing() {
	local package wanted
	wanted=$(list "$@")
	for package in $wanted; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
	done
}

install() {
	local absent hushed= failed=0 as_root=()
	absent=$(missing "$@")
	[ -n "$absent" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		as_root=(sudo)
		echo "These packages are missing; sudo will ask for your password to install them:" $absent >&2
	else
		echo "Installing missing packages:" $absent >&2
	fi
	"${as_root[@]}" apt-get -q update
	# The tests start databases and directories of their own: those that the packages bring need not run on the machine.
	if [[ " $* " == *" test "* ]] && [ ! -e $POLICY ]; then
		hushed=yes
		printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $POLICY >/dev/null
		"${as_root[@]}" chmod +x $POLICY
	fi
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $absent || failed=$?
	[ -z "$hushed" ] || "${as_root[@]}" rm -f $POLICY
	return $failed
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	verb=${1:-}
	shift || true
	case $verb in
	list | missing | install) "$verb" "$@" ;;
	*) sed -n '2,9s/^# \{0,1\}//p' "$0" ;;
	esac
fi
