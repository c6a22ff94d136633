#!/usr/bin/env bash
# Searches for inputs that break a rule: fuzz/run.sh SECONDS [TARGET...]. It needs nightly Rust and a
# C++ compiler, and no cargo-fuzz. New inputs are in target/fuzz/corpus; fuzz/merge.sh keeps those that
# reach new code. An input that breaks a rule is in target/fuzz/artifacts: move it to fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?the seconds for each target}
shift
. fuzz/build.sh
if [ "$#" = 0 ]; then set -- $targets; fi
failed=0
for target in "$@"; do
  new=target/fuzz/corpus/$target
  artifacts=target/fuzz/artifacts/$target
  mkdir -p "$new" "$artifacts"
  echo "fuzz target $target"
  log=target/fuzz/$target.log
  nice -n 10 "$programs/$target" "$new" "fuzz/corpus/$target" -artifact_prefix="$artifacts/" \
    -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
    >"$log" 2>&1 || { tail -n 60 "$log"; failed=1; }
  grep -E '^(Done|stat::number_of_executed)' "$log" || true
done
exit "$failed"
