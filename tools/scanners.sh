#!/bin/sh
# Installs external tools into DIR, programs in DIR/bin, for the tests that run
# them (VITALSIGN_TOOLS=DIR). Versions are pinned; what is there already in its
# version is left alone. Each Python tool gets an environment of its own,
# because they want different versions of the same libraries.
set -eu

semgrep=1.182.0
bandit=1.9.4
checkov=3.3.30
eslint=10.15.0
eslint_security=4.1.0
eslint_sarif=3.1.0
osv_scanner=v2.5.1
grype=v0.110.0
gitleaks=v8.30.1
trivy=v0.66.0
gosec=v2.30.0
all='semgrep bandit checkov eslint gitleaks osv-scanner grype trivy'
# gosec is timed beside ours (make bench-peers), and no tool of a test.

if [ $# -lt 1 ]; then
	echo "usage: $0 DIR [$(echo "$all" | tr ' ' '|')]..." >&2
	exit 2
fi
mkdir -p "$1/bin"
dir=$(cd "$1" && pwd)
shift

# fresh NAME VERSION: has it to be installed?
fresh() { [ "$(cat "$dir/$1.version" 2>/dev/null)" != "$2" ]; }
# installed NAME VERSION: keep in mind that it is there.
installed() { echo "$2" >"$dir/$1.version"; }

# python NAME VERSION REQUIREMENT
python() {
	fresh "$1" "$2" || return 0
	rm -rf "${dir:?}/$1"
	python3 -m venv "$dir/$1"
	"$dir/$1/bin/pip" install --quiet --disable-pip-version-check "$3"
	for p in "$dir/$1/bin/$1" "$dir/$1/bin/py$1"; do
		if [ -e "$p" ]; then ln -sf "$p" "$dir/bin/"; fi
	done
	installed "$1" "$2"
}

# gotool NAME VERSION MODULE PACKAGE: built with the module's own go.sum. Not by
# go install, which wants the module's list of versions besides.
gotool() {
	fresh "$1" "$2" || return 0
	src=$(cd / && go mod download -json "$3@$2" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
	(cd "$src" && GOFLAGS= CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/bin/$1" "./$4")
	installed "$1" "$2"
}

node() {
	v="$eslint $eslint_security $eslint_sarif"
	fresh eslint "$v" || return 0
	rm -rf "${dir:?}/eslint"
	mkdir "$dir/eslint"
	npm install --prefix "$dir/eslint" --no-audit --no-fund --ignore-scripts --loglevel=error \
		"eslint@$eslint" "eslint-plugin-security@$eslint_security" "@microsoft/eslint-formatter-sarif@$eslint_sarif" >/dev/null
	ln -sf "$dir/eslint/node_modules/.bin/eslint" "$dir/bin/"
	installed eslint "$v"
}

for name in ${*:-$all}; do
	echo "$name"
	case $name in
	semgrep) python semgrep $semgrep semgrep==$semgrep ;;
	bandit) python bandit $bandit "bandit[sarif]==$bandit" ;;
	checkov) python checkov $checkov checkov==$checkov ;;
	eslint) node ;;
	gitleaks) gotool gitleaks $gitleaks github.com/zricethezav/gitleaks/v8 . ;;
	osv-scanner) gotool osv-scanner $osv_scanner github.com/google/osv-scanner/v2 cmd/osv-scanner ;;
	grype) gotool grype $grype github.com/anchore/grype cmd/grype ;;
	gosec) gotool gosec $gosec github.com/securego/gosec/v2 cmd/gosec ;;
	trivy) gotool trivy $trivy github.com/aquasecurity/trivy cmd/trivy ;;
	*)
		echo "$0: there is no tool $name; known are: $all gosec" >&2
		exit 2
		;;
	esac
done
