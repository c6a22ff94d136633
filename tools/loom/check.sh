#!/usr/bin/env bash
# Runs the models of core with the locks and atomics of loom. Arguments are those of a test binary.
set -euo pipefail
cd "$(dirname "$0")/../.."
# With other flags for the compiler, all crates are compiled again, so they have a folder of their own.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg wsh_loom" CARGO_TARGET_DIR=target/loom
cargo test -q --locked -p websocket-heartbeat --lib -- models:: "$@"
