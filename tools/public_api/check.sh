#!/usr/bin/env bash
# Compares the public items of each published library, with all features, with the committed lists in
# tests/public_api. With --accept it writes the lists.
set -euo pipefail
cd "$(dirname "$0")/../.."

accept=false
if [ "${1-}" = --accept ]; then accept=true; fi
lists=tests/public_api
# The format of rustdoc's JSON that the tool reads.
format=57
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
failed=0

for manifest in crates/*/Cargo.toml; do
  folder=$(dirname "$manifest")
  # The libraries that are published. That of the relay, which has a workspace of its own, is only for its
  # program.
  if grep -q '^publish = false\|^\[workspace\]' "$manifest" || [ ! -f "$folder/src/lib.rs" ]; then continue; fi
  crate=$(sed -n 's/^name = "\(.*\)"/\1/p' "$manifest" | head -n 1)
  RUSTDOC=$PWD/tools/public_api/rustdoc.sh cargo rustdoc -q -p "$crate" --lib --all-features -- \
    -Z unstable-options --output-format json --cap-lints allow
  json=target/doc/${crate//-/_}.json
  written=$(grep -o '"format_version":[0-9]*' "$json" | grep -o '[0-9]*$')
  if [ "$written" != "$format" ]; then
    echo "skipped: $(rustdoc --version) writes format $written, and tools/public_api reads $format"
    exit 0
  fi
  cargo run -q --manifest-path tools/public_api/Cargo.toml --target-dir target/public-api -- \
    "$json" >"$fresh/$crate.txt"
  if "$accept"; then
    cp "$fresh/$crate.txt" "$lists/"
  elif ! diff -u "$lists/$crate.txt" "$fresh/$crate.txt"; then
    failed=1
  fi
done

if [ "$failed" = 1 ]; then
  echo "The public items differ from the lists in $lists. If this is intended, describe the change in"
  echo "CHANGELOG.md and run: tools/public_api/check.sh --accept"
  exit 1
fi
