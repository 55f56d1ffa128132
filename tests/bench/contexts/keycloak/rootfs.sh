#!/bin/sh
# Assembles /rootfs. Run once while the image is built.
with_libraries() {
    mkdir -p "/rootfs$(dirname "$1")"
    cp -L "$1" "/rootfs$1"
    { ldd "$1" 2>/dev/null || true; } | { grep -o '/[^ ]*' || true; } | while read -r library; do
        mkdir -p "/rootfs$(dirname "$library")"
        cp -nL "$library" "/rootfs$library"
    done
}
mkdir -p /rootfs/usr/bin /rootfs/usr/lib /rootfs/etc/pki/tls/certs /rootfs/tmp /rootfs/root
ln -s usr/bin /rootfs/bin
ln -s usr/lib /rootfs/lib
[ ! -d /lib64 ] || { mkdir -p /rootfs/usr/lib64 && ln -s usr/lib64 /rootfs/lib64; }
chmod 1777 /rootfs/tmp
for program in bash cat chmod chown cp date dirname echo env head id ls mkdir mktemp mv printf pwd readlink rm sleep tail test touch tr true uname; do
    with_libraries "/usr/bin/$program"
done
ln -s bash /rootfs/usr/bin/sh
with_libraries /usr/bin/node
mv /rootfs/usr/bin/node /rootfs/usr/lib/identity-runtime
[ ! -d /usr/share/nodejs ] || { mkdir -p /rootfs/usr/share && cp -rL /usr/share/nodejs /rootfs/usr/share/nodejs; }
cat /etc/ssl/certs/ca-certificates.crt /public-authority.crt >/rootfs/etc/pki/tls/certs/ca-bundle.crt
cp /etc/nsswitch.conf /rootfs/etc/ 2>/dev/null || true
printf 'root:x:0:0:root:/root:/bin/bash\nkeycloak:x:1000:0:keycloak:/opt/keycloak:/bin/bash\n' >/rootfs/etc/passwd
printf 'root:x:0:\n' >/rootfs/etc/group
mkdir -p /rootfs/opt/keycloak/bin /rootfs/opt/keycloak/conf/truststores /rootfs/opt/keycloak/data \
    /rootfs/opt/keycloak/lib/quarkus /rootfs/opt/keycloak/providers /rootfs/opt/keycloak/themes
cp /kc.sh /rootfs/opt/keycloak/bin/kc.sh
chmod 0755 /rootfs/opt/keycloak/bin/kc.sh
cp -r /opt/stand-in /rootfs/opt/keycloak/lib/stand-in
# What `kc.sh build` writes: the options the image was built with (none).
echo '{}' >/rootfs/opt/keycloak/lib/quarkus/quarkus-application.dat
chown -R 1000:0 /rootfs/opt/keycloak
chmod -R g+rwX /rootfs/opt/keycloak
