#!/usr/bin/env bash
# A real Dagger engine with neither Docker nor a registry, for tests and for
# machines without internet. It runs in namespaces of its own (mounts, network,
# processes), so that stopping it leaves the host as it was: its bridge, its
# firewall rules, its resolv.conf and its containers go with the namespaces.
# Containers reach no network beyond it.
#
#   engine.sh check            say what is missing here (exit 1), or nothing
#   engine.sh build BIN        build engine and CLI into BIN
#   engine.sh start BIN STATE  start one; its address is unix://STATE/engine.sock
#   engine.sh stop STATE       end it with all that it started, and remove STATE
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cni_plugins=/usr/lib/cni # where Debian's containernetworking-plugins puts them
version=v0.16.0          # as in go.mod: the engine tells it to its clients

die() { echo "engine.sh: $*" >&2; exit 1; }

check() {
  [ "$(uname -s)" = Linux ] || die "needs Linux"
  [ "$(id -u)" = 0 ] || die "needs root (mounts and containers)"
  local missing=
  for p in runc dnsmasq iptables ip unshare pkill; do
    command -v "$p" >/dev/null || missing="$missing $p"
  done
  [ -x "$cni_plugins/bridge" ] || missing="$missing $cni_plugins/bridge"
  [ -z "$missing" ] || die "missing:$missing (Debian: apt-get install runc containernetworking-plugins dnsmasq-base iptables iproute2 procps util-linux)"
}

build() {
  mkdir -p "$1"
  local out
  out=$(cd "$1" && pwd)
  cd "$here"
  for p in engine dagger init dnsname; do
    CGO_ENABLED=0 "${GO:-go}" build -trimpath -ldflags "-s -w -X github.com/dagger/dagger/engine.Version=$version" -o "$out/$p" "github.com/dagger/dagger/cmd/$p"
  done
}

start() {
  check
  local bin state
  bin=$(cd "$1" && pwd)
  [ -x "$bin/engine" ] || die "$bin/engine is not there: engine.sh build $1"
  mkdir -p "$2"
  state=$(cd "$2" && pwd)
  [ ! -e "$state/pid" ] || die "$state belongs to an engine already: engine.sh stop $2"
  # The first process of the new namespaces takes all others with it, and dies
  # with the one that is remembered here.
  setsid unshare --mount --net --pid --fork --kill-child --propagation private --mount-proc \
    "$here/engine.sh" inside "$bin" "$state" >"$state/engine.log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$state/pid"
  for _ in $(seq 300); do
    if [ -S "$state/engine.sock" ] && grep -q 'running server' "$state/engine.log"; then return; fi
    kill -0 "$pid" 2>/dev/null || { tail -n 20 "$state/engine.log" >&2; rm -f "$state/pid"; die "the engine ended at once"; }
    sleep 0.1
  done
  tail -n 20 "$state/engine.log" >&2
  stop "$2"
  die "the engine did not listen within 30 s"
}

# inside runs as the first process of the new namespaces.
inside() {
  local bin=$1 state=$2
  ip link set lo up
  # A sysfs of the new network namespace: the engine reads its interfaces
  # there. The control groups lie below the old one, and stay.
  mkdir -p "$state/cgroup" "$state/root" "$state/tmp"
  mount --rbind /sys/fs/cgroup "$state/cgroup"
  mount -t sysfs sysfs /sys
  mount --rbind "$state/cgroup" /sys/fs/cgroup
  # The engine mounts over these two files; they must be there, and not the host's.
  cat /etc/resolv.conf >"$state/resolv.conf" 2>/dev/null || : >"$state/resolv.conf"
  mount -t tmpfs tmpfs /run
  mkdir -p "$state/etc.upper" "$state/etc.work"
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$state/etc.upper,workdir=$state/etc.work" /etc
  rm -f /etc/resolv.conf
  cp "$state/resolv.conf" /etc/resolv.conf
  : >/etc/dnsmasq-resolv.conf
  # Where tools/dagger-engine/distconsts says that things are.
  mount -t tmpfs tmpfs /opt
  mkdir -p /opt/cni/bin /opt/dagger/bin /opt/dagger/builtin/blobs/sha256
  cp "$cni_plugins"/{bridge,firewall,host-local,loopback} "$bin/dnsname" /opt/cni/bin/
  cp "$(command -v runc)" /opt/dagger/bin/runc
  cp "$bin/init" /opt/dagger/bin/dagger-init
  : >"$state/engine.toml"
  export TMPDIR="$state/tmp" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  export DO_NOT_TRACK=1
  "$bin/engine" --config "$state/engine.toml" --root "$state/root" --addr "unix://$state/engine.sock" &
  local engine=$!
  # As process 1 this shell must pass on the wish to end, and collect what
  # containers leave behind.
  trap 'kill -TERM $engine 2>/dev/null' TERM INT
  while kill -0 "$engine" 2>/dev/null; do wait "$engine" || true; done
}

stop() {
  local state=$1
  [ -e "$state/pid" ] || { rm -rf "$state"; return; }
  local pid
  pid=$(cat "$state/pid")
  pkill -TERM -P "$pid" 2>/dev/null || true
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  rm -rf "$state"
  # Empty control groups that a killed container left.
  for d in $(find /sys/fs/cgroup -depth -type d \( -path '*/buildkit' -o -path '*/buildkit/*' \) 2>/dev/null); do rmdir "$d" 2>/dev/null || true; done
}

case "${1:-}" in
  check) check ;;
  build) build "$2" ;;
  start) start "$2" "$3" ;;
  inside) inside "$2" "$3" ;;
  stop) stop "$2" ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
