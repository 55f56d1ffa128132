#!/bin/sh
# Assembles /rootfs. Sourced by no one; run once while the image is built.
mkdir -p /rootfs/bin /rootfs/usr/bin /rootfs/etc/caddy /rootfs/etc/ssl /rootfs/usr/share/caddy /rootfs/srv \
    /rootfs/config/caddy /rootfs/data/caddy /rootfs/tmp /rootfs/root /rootfs/var/run
chmod 1777 /rootfs/tmp
cp /usr/bin/busybox /rootfs/bin/busybox
for applet in $(/usr/bin/busybox --list); do
    case $applet in
        bash | busybox) ;;
        wget) ln -s /bin/busybox /rootfs/usr/bin/wget ;;
        *) ln -s busybox "/rootfs/bin/$applet" ;;
    esac
done
cp /usr/bin/caddy /rootfs/usr/bin/caddy
ldd /usr/bin/caddy 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "/rootfs$(dirname "$library")"
    cp -L "$library" "/rootfs$library"
done
cp -rL /etc/ssl/certs /rootfs/etc/ssl/certs
cp /etc/mime.types /etc/nsswitch.conf /rootfs/etc/ 2>/dev/null || true
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' >/rootfs/etc/passwd
printf 'root:x:0:root\nnobody:x:65534:\n' >/rootfs/etc/group
printf ':80 {\n\troot * /usr/share/caddy\n\tfile_server\n}\n' >/rootfs/etc/caddy/Caddyfile
echo '<!DOCTYPE html><title>Caddy works!</title>' >/rootfs/usr/share/caddy/index.html
# With this, `no-new-privileges` and `cap_drop: ALL` without NET_BIND_SERVICE stop the program from starting at all.
setcap cap_net_bind_service=+ep /rootfs/usr/bin/caddy
