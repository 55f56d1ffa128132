#!/bin/sh
# Assembles /rootfs. Run once while the image is built.
mkdir -p /rootfs/bin /rootfs/usr/bin /rootfs/usr/local/bin /rootfs/usr/local/lib /rootfs/etc /rootfs/tmp /rootfs/root /rootfs/proc
chmod 1777 /rootfs/tmp
cp /usr/bin/busybox /rootfs/bin/busybox
for applet in $(/usr/bin/busybox --list); do
    case $applet in
        bash | busybox) ;;
        wget | env) ln -s /bin/busybox "/rootfs/usr/bin/$applet" ;;
        *) ln -s busybox "/rootfs/bin/$applet" ;;
    esac
done
cp /usr/bin/node /rootfs/usr/local/bin/node
ldd /usr/bin/node | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "/rootfs$(dirname "$library")"
    cp -L "$library" "/rootfs$library"
done
# Native modules ask for these by their old names.
for library in libdl.so.2 libpthread.so.0 librt.so.1; do
    cp -L "/lib/x86_64-linux-gnu/$library" "/rootfs/lib/x86_64-linux-gnu/$library"
done
[ ! -d /usr/share/nodejs ] || { mkdir -p /rootfs/usr/share && cp -rL /usr/share/nodejs /rootfs/usr/share/nodejs; }
cp -r /node/npm /rootfs/usr/local/lib/npm
ln -s ../lib/npm/node_modules/npm/bin/npm-cli.js /rootfs/usr/local/bin/npm
printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n' >/rootfs/etc/passwd
printf 'root:x:0:root\nnode:x:1000:\n' >/rootfs/etc/group
cp -r /app /rootfs/app
cp -r /node/spa/node_modules /rootfs/app/node_modules
chmod 0755 /rootfs/app/docker-entrypoint.sh
# Built with the image's own Node, so that what cannot run there fails here.
chroot /rootfs /bin/sh -euc 'cd /app && npm run build && test -f build/index.html'
