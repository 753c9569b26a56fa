#!/bin/sh
# SPDX-License-Identifier: MIT
# systemd as process 1 of its own namespaces, on a copy of this machine's files that is in memory alone.
# usage: unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child sh boot.sh FOLDER SOURCE BUILD
set -eu
folder=$1 root=$1/root source=$2 build=$3
mount --make-rprivate /
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	mount -t cgroup2 cgroup "$root/sys/fs/cgroup"
else
	mount -t tmpfs tmpfs "$root/sys/fs/cgroup" -o mode=755
	mkdir "$root/sys/fs/cgroup/systemd"
	mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
	for controller in memory pids; do
		mkdir "$root/sys/fs/cgroup/$controller"
		mount -t cgroup -o "$controller" cgroup "$root/sys/fs/cgroup/$controller" || :
	done
fi
mount -t tmpfs tmpfs "$root/run" -o mode=755
mount -t tmpfs tmpfs "$root/tmp" -o mode=1777
mount --rbind /dev "$root/dev"
mkdir -p "$root/mnt/source" "$root/mnt/build" "$root/mnt/old"
mount --bind "$source" "$root/mnt/source"
mount --bind "$build" "$root/mnt/build"

# nothing of this machine's own services
rm -rf "$root"/etc/systemd/system/* "$root/var/lib/maintenance-warden" "$root/etc/maintenance-warden"
: >"$root/etc/fstab"
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket \
	systemd-udevd-kernel.socket \
	systemd-modules-load.service systemd-sysctl.service systemd-random-seed.service systemd-logind.service \
	systemd-networkd.service systemd-resolved.service systemd-timesyncd.service systemd-remount-fs.service \
	systemd-tmpfiles-setup-dev.service kmod-static-nodes.service dev-hugepages.mount dev-mqueue.mount \
	sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
	proc-sys-fs-binfmt_misc.automount; do
	ln -s /dev/null "$root/etc/systemd/system/$unit"
done
cd "$root"
pivot_root . mnt/old
umount -l /mnt/old
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=basic.target --show-status=no \
	--log-target=journal </dev/null
