#!/bin/sh
# Brings what the tests of evidence run for real into DIR: cosign, an S3 server
# (versitygw), and a look for Debian's docker-registry. Versions are pinned; what
# is there already in its version is left alone. Prints what to set.
set -eu

cosign=v2.6.5
versitygw=v1.8.0

if [ $# -ne 1 ]; then
	echo "usage: $0 DIR" >&2
	exit 2
fi
mkdir -p "$1/bin"
dir=$(cd "$1" && pwd)

# gotool NAME VERSION MODULE PACKAGE: built with the module's own go.sum.
gotool() {
	if [ -x "$dir/bin/$1" ] && [ "$(cat "$dir/$1.version" 2>/dev/null)" = "$2" ]; then return 0; fi
	src=$(cd / && go mod download -json "$3@$2" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
	(cd "$src" && GOFLAGS= CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/bin/$1" "./$4")
	echo "$2" >"$dir/$1.version"
}

gotool cosign $cosign github.com/sigstore/cosign/v2 cmd/cosign
gotool versitygw $versitygw github.com/versity/versitygw cmd/versitygw
echo "VITALSIGN_COSIGN=$dir/bin/cosign"
echo "VITALSIGN_S3_SERVER=$dir/bin/versitygw"
if ! registry=$(command -v "${VITALSIGN_REGISTRY:-docker-registry}"); then
	echo "$0: docker-registry is missing: apt-get install -y docker-registry" >&2
	exit 1
fi
echo "VITALSIGN_REGISTRY=$registry"
