#!/bin/sh
# Brings schemas of the formats that are written for others into DIR, for the
# tests of internal/report: OCSF's (from the Python package ocsf-json-schema, MIT;
# the schema itself is Apache-2.0). Versions are pinned, packages by their
# SHA-256; what is there already is left alone. Prints what to set.
set -eu

ocsf=1.8.0
python='ocsf-json-schema==1.2.0 --hash=sha256:64d819042d20c3c04bc0d024c7c47c41006ebbe0209ce768ba6efa1240106708'

if [ $# -ne 1 ]; then
	echo "usage: $0 DIR" >&2
	exit 2
fi
mkdir -p "$1/report-schemas"
dir=$(cd "$1/report-schemas" && pwd)

if [ "$(cat "$dir/made" 2>/dev/null)" != "$ocsf $python" ]; then
	rm -rf "$dir/python" "$dir/made"
	python3 -m venv "$dir/python"
	echo "$python" >"$dir/requirements.txt"
	"$dir/python/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r "$dir/requirements.txt" >&2
	"$dir/python/bin/python" - "$ocsf" "$dir" <<'END'
import json, sys
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

version, into = sys.argv[1:]
schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
for uid in 2002, 2007, 6007:
    name = schemas.lookup_class_name_from_uid(class_uid=uid)
    with open(f"{into}/ocsf-{version}-{uid}.json", "w") as out:
        json.dump(schemas.get_class_schema(class_name=name, profiles=[]), out)
END
	echo "$ocsf $python" >"$dir/made"
fi
echo "VITALSIGN_REPORT_SCHEMAS=$dir"
