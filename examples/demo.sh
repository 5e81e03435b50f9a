#!/bin/sh
# What `make demo` shows: a scan of the clinic with the few advisories beside
# it, and that its result is the one in EXPECTED.md. Everything it writes is in
# a temporary directory.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export XDG_STATE_HOME="$tmp/state" XDG_CACHE_HOME="$tmp/cache" XDG_CONFIG_HOME="$tmp/config"
unset CI_MERGE_REQUEST_DIFF_BASE_SHA GITHUB_EVENT_NAME

say() { printf '\n$ %s\n' "$*"; "$@"; }

say bin/vitalsign db import examples/osv
echo
echo '(The advisories are a few old ones, so the question of their age is switched off here: --max-data-age off.)'
code=0
say bin/vitalsign scan --max-data-age off --output json="$tmp/result.json" examples/clinic || code=$?

cat <<END

The scan's own exit code is $code: complete, and the gate failed. That is right: the clinic's flaws were put there.

What next:
  bin/vitalsign explain G701                  what a rule is about and what to do
  bin/vitalsign scan ../your-repository       your own code
  bin/vitalsign db update Go npm              advisories of today for what it uses
  bin/vitalsign doctor                        what would not run here, and why

END
${GO:-go} run ./examples/expected examples/clinic/EXPECTED.md "$tmp/result.json"
