#!/usr/bin/env bash
# Adds those new inputs to fuzz/corpus that reach code which no input there reaches, as far as the
# limits of a small corpus allow.
set -euo pipefail
cd "$(dirname "$0")/.."
. fuzz/build.sh
for target in $targets; do
  if [ -d "target/fuzz/corpus/$target" ]; then
    "$programs/$target" -merge=1 -max_len=1024 "fuzz/corpus/$target" "target/fuzz/corpus/$target" \
      >"target/fuzz/$target.merge.log" 2>&1
  fi
  echo "$target: $(find "fuzz/corpus/$target" -type f | wc -l) inputs"
done
