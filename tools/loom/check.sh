#!/usr/bin/env bash
# check.sh [MODEL | OPTION...]: runs the models of core with the locks and atomics of loom. Options are
# those of a test binary.
set -euo pipefail
cd "$(dirname "$0")/../.."
# With other flags for the compiler, all crates are compiled again, so they have a folder of their own.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg wsh_loom" CARGO_TARGET_DIR=target/loom
case "${1:-}" in
  '' | -*) set -- models:: "$@" ;;
esac
exec cargo test -q --locked -p websocket-heartbeat --lib -- "$@"
