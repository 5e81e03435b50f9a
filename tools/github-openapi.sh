#!/bin/sh
# Brings GitHub's own description of its API (OpenAPI, from the npm package
# @octokit/openapi, MIT) into DIR, for the tests of internal/forge. The version
# is pinned by its SHA-512; what is there already is left alone. Prints what to
# set.
set -eu

version=23.0.2
sha512=pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==

if [ $# -ne 1 ]; then
	echo "usage: $0 DIR" >&2
	exit 2
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
file=$dir/github-openapi-$version.json

if [ ! -f "$file" ]; then
	if ! command -v npm >/dev/null; then
		echo "$0: npm is missing: apt-get install -y npm" >&2
		exit 1
	fi
	tmp=$(mktemp -d "$dir/github-openapi.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	(cd "$tmp" && npm pack --silent "@octokit/openapi@$version" >/dev/null)
	got=$(openssl dgst -sha512 -binary "$tmp"/*.tgz | openssl base64 -A)
	if [ "$got" != "$sha512" ]; then
		echo "$0: @octokit/openapi $version has SHA-512 $got, not $sha512" >&2
		exit 1
	fi
	tar -xzf "$tmp"/*.tgz -C "$tmp" package/generated/api.github.com.json
	mv "$tmp/package/generated/api.github.com.json" "$file"
fi
echo "VITALSIGN_GITHUB_OPENAPI=$file"
