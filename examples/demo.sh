#!/bin/sh
# What `make demo` shows: a scan of the clinic with the few advisories beside
# it, its application started and probed, and that the result is the one in
# EXPECTED.md. Everything it writes is in a temporary directory, or Go's cache.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
GOCACHE=$(${GO:-go} env GOCACHE) # Go's own would move along with the next line
export GOCACHE
export XDG_STATE_HOME="$tmp/state" XDG_CACHE_HOME="$tmp/cache" XDG_CONFIG_HOME="$tmp/config"
unset CI_MERGE_REQUEST_DIFF_BASE_SHA GITHUB_EVENT_NAME

say() { printf '\n$ %s\n' "$*"; "$@"; }

say bin/vitalsign db import examples/osv
echo
echo "(The clinic's application is built and started for the scan. It answers on this machine only, and ends with it.)"
(cd examples/clinic/services/api && CGO_ENABLED=0 ${GO:-go} build -o "$tmp/bin/clinic-api" .)
export PATH="$tmp/bin:$PATH"
# Who logs in there: nobody but this demo.
export VITALSIGN_DAST_ALICE_NAME=alice VITALSIGN_DAST_ALICE_PASSWORD=alpha-alpha-alpha
export VITALSIGN_DAST_BOB_NAME=bob VITALSIGN_DAST_BOB_PASSWORD=beta-beta-beta
echo '(The advisories are a few old ones, so the question of their age is switched off here: --max-data-age off.)'
code=0
say bin/vitalsign scan --max-data-age off --allow-exec dast --output json="$tmp/result.json" examples/clinic || code=$?

cat <<END

The scan's own exit code is $code: complete, and the gate failed. That is right: the clinic's flaws were put there.

What next:
  bin/vitalsign explain G701                  what a rule is about and what to do
  bin/vitalsign scan ../your-repository       your own code
  bin/vitalsign scan http://127.0.0.1:8080    your own application, while it runs
  bin/vitalsign db update Go npm              advisories of today for what it uses
  bin/vitalsign doctor                        what would not run here, and why

END
${GO:-go} run ./examples/expected examples/clinic/EXPECTED.md "$tmp/result.json"
