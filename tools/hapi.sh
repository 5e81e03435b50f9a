#!/bin/sh
# Builds a FHIR server with HAPI (tools/hapi) for the test of the check dast into
# DIRECTORY/hapi, unless it is there, and prints VITALSIGN_HAPI=DIRECTORY. It
# needs Maven 3.8 and a JDK 17.
#
#   tools/hapi.sh DIRECTORY
set -eu
cd "$(dirname "$0")"
[ $# -eq 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
case $1 in /*) into=$1/hapi ;; *) into=$(cd .. && pwd)/$1/hapi ;; esac
made=$(cat hapi/pom.xml hapi/src/main/java/example/hapi/Main.java | cksum)
if [ "$(cat "$into/made" 2>/dev/null)" != "$made" ]; then
    rm -rf "$into"
    mkdir -p "$into"
    cp -R hapi "$into/build"
    mvn -q -B -ntp -f "$into/build/pom.xml" package dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$into/lib" >&2
    cp "$into"/build/target/hapi-1.jar "$into/lib/"
    rm -rf "$into/build"
    echo "$made" > "$into/made"
fi
echo "VITALSIGN_HAPI=$into"
