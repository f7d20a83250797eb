#!/bin/bash
# Builds the demo and test guest, a disk image of some 19 MB, from distribution packages alone; prints its path.
#
#   images/guest.sh            build, or find it built
#
# Needs no root and mounts nothing. The image rests in $CLOUDWRIGHT_CACHE/images under a key made of this recipe and of
# the packages' checksums, so it is built anew exactly when one of them changed. Two builds at once wait for each other.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
if [ "$(id -u)" = 0 ]; then default=/var/cache/cloudwright; else default=${XDG_CACHE_HOME:-$HOME/.cache}/cloudwright; fi
cache=${CLOUDWRIGHT_CACHE:-$default}
size=64 # MiB the guest sees
packages="busybox-static dropbear-bin qemu-guest-agent"

fail() {
	echo "guest image: $*" >&2
	exit 1
}

check_tools() {
	local tool
	for tool in apt-cache apt-get dpkg-deb depmod modprobe cpio xz zstd mke2fs grub-mkimage qemu-img python3 flock; do
		PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || fail "$tool is missing: run images/packages.sh install images"
	done
	[ -e /usr/lib/grub/i386-pc/boot.img ] || fail "GRUB for BIOS is missing: run images/packages.sh install images"
	[ "$(dpkg --print-architecture)" = amd64 ] || fail "this recipe makes amd64 guests, the machine is $(dpkg --print-architecture)"
}

# Debian: linux-image-cloud-amd64 -> linux-image-<version>. Ubuntu: linux-image-virtual -> linux-image- and linux-modules-<version>.
kernel_packages() {
	local image meta
	for meta in linux-image-cloud-amd64 linux-image-virtual; do
		image=$(apt-cache depends --no-recommends --no-suggests $meta 2>/dev/null | awk '/ Depends: linux-image-[0-9]/ {print $2; exit}')
		[ -n "$image" ] && break
	done
	[ -n "$image" ] || fail "no cloud kernel among the known packages: run apt-get update"
	echo "$image"
	apt-cache depends "$image" | awk '/ Depends: linux-modules-[0-9]/ {print $2; exit}'
}

# The programs' libraries by package; perl belongs to the guest agent's package, not to its program.
library_packages() {
	# shellcheck disable=SC2086
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances $packages |
		grep -E '^z?lib[^:]*$' | grep -v perl | sort -u
}

fetch() { # packages' list as apt prints it: 'uri' file size checksum
	mkdir -p "$cache/debs"
	cd "$cache/debs"
	local file missing=()
	while read -r _ file _ _; do
		[ -e "$file" ] || missing+=("${file%%_*}")
	done <"$work/list"
	[ ${#missing[@]} = 0 ] || apt-get -q -o APT::Sandbox::User=root download "${missing[@]}" >/dev/null || fail "apt-get could not download: ${missing[*]}"
	mkdir "$work/x" "$work/kernel" "$work/static"
	while read -r _ file _ _; do
		case $file in
		linux-*) dpkg-deb -x "$file" "$work/kernel" ;;
		busybox-static_*) dpkg-deb -x "$file" "$work/static" ;;
		*) dpkg-deb -x "$file" "$work/x" ;;
		esac
	done <"$work/list"
	cd "$work"
}

# Target directory, module names: copies them and what they need beyond initrd/first, uncompressed, numbered in loading order.
modules() {
	local target=$1 path number=10 name
	shift
	mkdir -p "$target"
	for name in "$@"; do modprobe -d "$work/kernel" -S "$version" --show-depends "$name" 2>/dev/null || true; done |
		awk '$1 == "insmod" && !seen[$2]++' >"$work/modules"
	while read -r _ path _; do
		name=$(basename "$path")
		name=${name%%.ko*}
		[ -n "$(find initrd/first -name "*-$name.ko")" ] && continue
		case $path in
		*.xz) xz -dc "$path" ;;
		*.zst) zstd -qdc "$path" ;;
		*) cat "$path" ;;
		esac >"$target/$number-$name.ko"
		number=$((number + 1))
	done <"$work/modules"
}

kernel() {
	if [ -d kernel/usr/lib/modules ]; then mkdir -p kernel/lib && mv kernel/usr/lib/modules kernel/lib/; fi
	version=$(ls kernel/lib/modules)
	depmod -b kernel "$version" 2>/dev/null
	install -D kernel/boot/vmlinuz-* root/boot/vmlinuz
	cp -r "$here/guest/initrd" initrd
	mkdir -p initrd/{bin,dev,proc,sys,new}
	cp root/bin/busybox initrd/bin/
	modules initrd/first virtio_pci virtio_blk virtio_net ext4
	modules initrd/other sd_mod virtio_scsi ata_piix ahci mptspi
	modules root/lib/guest-modules virtio_console virtio_balloon virtio_rng evdev button sr_mod isofs virtio_mem e1000
	(cd initrd && find . | sort | cpio -o -H newc --quiet -R 0:0 | gzip -n1) >root/boot/initrd
}

programs() {
	local program loader library found
	install -D "$(find static -path '*bin/busybox' -type f)" root/bin/busybox
	loader=$(find x -name ld-linux-x86-64.so.2 -type f)
	install -D "$loader" root/lib64/ld-linux-x86-64.so.2
	mkdir -p root/{bin,sbin,lib,usr/bin}
	for program in dropbear dropbearkey qemu-ga; do
		found=$(find x -path "*bin/$program" -type f)
		cp "$found" root/usr/sbin/
		"$loader" --library-path "x/lib/x86_64-linux-gnu:x/usr/lib/x86_64-linux-gnu" --list "$found" >libraries || fail "$program misses a library"
		while read -r library; do cp -Lu "$library" root/lib/; done < <(awk '$2 == "=>" && $3 ~ /^x\// {print $3}' libraries)
	done
	for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
		find x -name $library -exec cp -L {} root/lib/ \;
	done
	for program in $(root/bin/busybox --list); do
		[ -e "root/bin/$program" ] || ln -s busybox "root/bin/$program"
	done
	ln -sf ../bin/busybox root/sbin/init
}

# One ext4 partition behind a master boot record; GRUB lies in the gap between them, and reads large blocks much faster.
disk() {
	truncate -s $((size - 1))M partition
	mke2fs -q -t ext4 -b 4096 -O ^has_journal,^metadata_csum,^64bit -m 0 -E root_owner=0:0 -L guest -d root partition
	grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -c "$here/guest/grub.cfg" -o core.img biosdisk part_msdos ext2 linux
	python3 - $size <<-'PY'
		import struct, sys
		from pathlib import Path

		mib = 1 << 20
		size = int(sys.argv[1])
		boot = Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()[:440].ljust(446, b"\0")
		entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", 2048, (size - 1) * 2048)
		head = boot + entry + bytes(48) + b"\x55\xaa" + Path("core.img").read_bytes()
		assert len(head) <= mib, "GRUB does not fit before the partition"
		Path("disk").write_bytes(head.ljust(mib, b"\0") + Path("partition").read_bytes())
	PY
	qemu-img convert -c -f raw -O qcow2 disk "$image.part"
	mv "$image.part" "$image"
}

check_tools
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
mkdir -p "$cache/images"
exec 9>"$cache/images/guest.lock"
flock 9
work=$(mktemp -d "$cache/images/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" # apt-get leaves out of its list what lies in the current directory
# shellcheck disable=SC2046,SC2086
apt-get download --print-uris $(kernel_packages) $packages $(library_packages) >"$work/list" || fail "packages are unknown: run apt-get update"
key=$( (awk '{print $2, $4}' "$work/list" | sort; cd "$here" && find guest.sh guest -type f | sort | xargs sha256sum) | sha256sum | cut -c1-16)
image=$cache/images/guest-$key.qcow2
if [ ! -e "$image" ]; then
	fetch
	cp -r "$here/guest/root" root
	mkdir -p root/{etc/dropbear,proc,sys,dev,run,tmp,root/.ssh,boot,var/lib,var/log,mnt,home}
	chmod 700 root/root root/root/.ssh
	chmod 600 root/etc/shadow
	ln -s /run root/var/run
	programs
	kernel
	disk
fi
echo "$image"
