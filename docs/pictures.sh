#!/bin/sh
# Draws the pictures of the documentation (make pictures): real screens of the
# program, over the clinic in examples/ and a few repositories cut from it. All
# it makes besides is in a temporary directory; what differs from one machine or
# day to the next (times, ids) is drawn as something that does not.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bin=$root/bin
CGO_ENABLED=0 ${GO:-go} build -o "$tmp/picture" ./docs/picture
export HOME="$tmp/home" TERM=xterm-256color LC_ALL=C.UTF-8 COSIGN_PASSWORD=correct-horse
export VITALSIGN_MAX_DATA_AGE=off VITALSIGN_ENGINE=local GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME='A Developer' GIT_AUTHOR_EMAIL=dev@clinic.example GIT_AUTHOR_DATE=2026-03-02T08:00:00Z
export GIT_COMMITTER_NAME="$GIT_AUTHOR_NAME" GIT_COMMITTER_EMAIL="$GIT_AUTHOR_EMAIL" GIT_COMMITTER_DATE="$GIT_AUTHOR_DATE"
unset NO_COLOR XDG_STATE_HOME XDG_CACHE_HOME XDG_CONFIG_HOME GITHUB_EVENT_NAME CI_MERGE_REQUEST_DIFF_BASE_SHA || :
mkdir -p "$HOME/.config/vitalsign" "$tmp/src"

# repository NAME: what lies in src/NAME becomes one commit.
repository() {
    git init -q -b main "$tmp/src/$1"
    git -C "$tmp/src/$1" remote add origin "https://forge.example/clinic/$1.git"
    git -C "$tmp/src/$1" add -A
    git -C "$tmp/src/$1" commit -q -m first
}
cp -R examples/clinic "$tmp/src/portal"
for part in batch infra services web; do cp -R "examples/clinic/$part" "$tmp/src/$part"; done
mkdir "$tmp/src/consent"
printf 'package main\n\nfunc main() {}\n' > "$tmp/src/consent/main.go"
printf 'echo consent\n' > "$tmp/src/consent/consent.sh"
printf 'artifacts:\n  - {name: cli, files: [consent.sh]}\n' > "$tmp/src/consent/vitalsign.yaml"
for name in portal batch infra services web consent; do repository "$name"; done

cd "$tmp"
{
    "$bin/vitalsign" key create ci
    "$bin/vitalsign" policy init --builder ci.pub --out policy.yaml
    sed -i.bak 's/data_max_age: 7d/data_max_age: 3650d/' policy.yaml # the advisories in examples/ are old ones
    cp policy.yaml "$HOME/.config/vitalsign/policy.yaml"
    "$bin/vitalsign" db import "$root/examples/osv"
    for name in batch infra services web portal; do
        "$bin/vitalsign" scan --skip dast --output json="$name.json" "src/$name" || [ $? -eq 1 ]
    done
    cd src/consent
    "$bin/vitalsign" scan --sign --key ../../ci.key
    # Its runs are kept apart: what was built is no repository of the fleet.
    XDG_STATE_HOME="$tmp/built" "$bin/vitalsign" build --sign --key ../../ci.key --evidence "$HOME/.local/state/vitalsign/evidence"
    cd ../..
} > log 2>&1 || { cat log >&2; exit 1; }

year=$(date -u +%Y)
# picture NAME SIZE STEP ...: the dashboard after the steps.
picture() {
    name=$1 size=$2
    shift 2
    "$tmp/picture" screen -size "$size" \
        -say '\d\d:\d\d UTC=09:30 UTC' -say "$year-\d\d-\d\d=2026-03-02" -say "$((year + 1))-\d\d-\d\d=2027-03-02" -say "$year-\d\d-\d\dT\d\d=2026-03-02T09" -say 'T\d\d:\d\d:\d\dZ=T09:30:00Z' -say ' \d\d:\d\d, exit= 09:30, exit' \
        "$@" -- "$bin/vitalsign" --theme dark > "$tmp/$name.svg"
    mv "$tmp/$name.svg" "$root/docs/$name.svg"
}
cd "$tmp/src/portal"
enter=$(printf '\r')
picture fleet 120x14 '?6 repositories' 'av' '?verified the evidence' 'Aj' '?enter open'
picture findings 120x26 '?6 repositories' '3' '? of ' '/' '?/_' 'sev:high+ is:open' "$enter" '?filter'
picture finding 120x50 '?6 repositories' '3' '? of ' '/' '?/_' 'rule:G701' "$enter" '?filter' "$enter" '?What to do'
picture chain 120x18 '?6 repositories' '4' '?artifact' "$enter" '?gate'
"$tmp/picture" scan "$tmp/portal.json" > "$root/docs/scan.svg"
