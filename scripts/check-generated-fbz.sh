#!/usr/bin/env bash
# Generates the FlatBuffers accessors of crates/akida-fbz again and compares them with those that are checked in.
#
# Usage: scripts/check-generated-fbz.sh [--write]
#
# FLATC names the FlatBuffers compiler (default: flatc on the PATH); other versions generate other text, so only the
# one below is asked. Without it, nothing is checked and the script succeeds. --write replaces the checked-in file.
set -euo pipefail

readonly version="23.5.26"

cd "$(dirname "${BASH_SOURCE[0]}")/../crates/akida-fbz"
readonly schema="schema/akida.fbs"
readonly checked_in="src/generated/akida_generated.rs"

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
if [[ "${1:-}" == "--write" ]]; then
    cp "$folder/akida_generated.rs" "$checked_in"
    echo "written: crates/akida-fbz/$checked_in"
elif diff -u "$checked_in" "$folder/akida_generated.rs"; then
    echo "crates/akida-fbz/$checked_in agrees with its schema"
else
    echo "crates/akida-fbz/$checked_in must be what flatc gives for $schema: run $0 --write" >&2
    exit 1
fi
