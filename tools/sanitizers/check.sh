#!/usr/bin/env bash
# Tests of core, of the native connection and of the mock with the address sanitizer, which also finds
# leaks at the end of each test program. It needs nightly Rust. Arguments are filters and options of
# the test programs.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec </dev/null
triple=$(rustc -vV | sed -n 's/^host: //p')
# With other flags for the compiler, all crates are compiled again, so they have a folder of their own.
# Line tables are for the traces of a report.
export RUSTFLAGS="${RUSTFLAGS:-} -Zsanitizer=address" CARGO_TARGET_DIR=target/sanitizers
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
# Leaks that are intended.
export LSAN_OPTIONS=suppressions=$PWD/tools/sanitizers/leaks.txt
if symbolizer=$(ls /usr/lib/llvm-*/bin/llvm-symbolizer 2>/dev/null | sort -V | tail -n 1); then
  export ASAN_SYMBOLIZER_PATH=$symbolizer
fi
# A target that is named, so that build scripts and macros are compiled without the sanitizer.
exec cargo +nightly test -q --locked --target "$triple" -p websocket-heartbeat \
  -p websocket-heartbeat-tungstenite -p websocket-heartbeat-mock --lib --tests --no-fail-fast -- "$@"
