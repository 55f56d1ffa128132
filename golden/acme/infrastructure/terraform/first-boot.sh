#!/bin/sh
# Runs once, as root, at the first boot: installs the agent of Session Manager, which Debian's image does not have.
# It comes from Amazon's own bucket of this region, by TLS; its signature is not looked at. The public address may come
# after the machine, so everything waits for the network, and for Debian's own timers, which install at first boot too.
set -eu

region=$(cloud-init query region)
package=$(mktemp --suffix=.deb)
trap 'rm -f "$package"' EXIT
export DEBIAN_FRONTEND=noninteractive

# usage: persist COMMAND…; ten minutes, then the boot's log says what failed.
persist() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || return 1
    sleep 10
  done
}

# Lists and packages in one: by itself `update` ends well although it reached nothing, and what follows finds no package.
begin() {
  apt-get update -qq -o APT::Update::Error-Mode=any &&
    apt-get install -y -qq --no-install-recommends ca-certificates curl
}

persist begin
persist curl --fail --silent --show-error --proto '=https' --max-time 300 --output "$package" \
  "https://s3.$region.amazonaws.com/amazon-ssm-$region/latest/debian_amd64/amazon-ssm-agent.deb"
persist apt-get install -y -qq --no-install-recommends "$package"
systemctl enable --now amazon-ssm-agent
