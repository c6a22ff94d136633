#!/usr/bin/env bash
# Adds a small set of new inputs to fuzz/corpus that reach code which no input there reaches. Inputs of
# more than 256 bytes are cut, since the corpus is a part of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
. fuzz/build.sh
for target in $targets; do
  if [ -d "target/fuzz/corpus/$target" ]; then
    "$programs/$target" -set_cover_merge=1 -max_len=256 "fuzz/corpus/$target" "target/fuzz/corpus/$target" \
      >"target/fuzz/$target.merge.log" 2>&1
  fi
  echo "$target: $(find "fuzz/corpus/$target" -type f | wc -l) inputs"
done
