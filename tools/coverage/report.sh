#!/usr/bin/env bash
# report.sh: the lines of core's machine and driver that core's tests run, by file. Fails if a line is not
# run and has no reason in uncovered.txt beside this file. It needs llvm-cov and llvm-profdata of the
# LLVM version of rustc.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
exec </dev/null
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
results=$PWD/target/coverage
rm -rf "$results"
mkdir -p "$results"
RUSTC_WORKSPACE_WRAPPER=$here/rustc.sh cargo test -q --locked --no-run \
  --message-format=json -p websocket-heartbeat --lib --test session >"$results/build.json"
mapfile -t programs < <(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$results/build.json")
for program in "${programs[@]}"; do
  (cd crates/core && LLVM_PROFILE_FILE=$results/%p.profraw "$program" -q)
done
"llvm-profdata-$llvm" merge -sparse "$results"/*.profraw -o "$results/all.profdata"
"llvm-cov-$llvm" export -format=lcov -instr-profile="$results/all.profdata" \
  "${programs[@]/#/-object=}" -sources crates/core/src/{machine,supervisor} >"$results/lines.info"
awk -f "$here/report.awk" "$here/uncovered.txt" "$results/lines.info"
