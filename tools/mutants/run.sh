#!/usr/bin/env bash
# Tests the mutants of cargo-mutants in core's machine, outbox and driver, or in some of them: a mutant
# that no test finds must be in survivors.txt with a reason. `--shard K/N` tests every Nth mutant,
# beginning with the Kth, and 0 is the first.
# `--resume` continues an earlier run: only mutants that were not tested yet, or survived without a
# reason, are tested.
# Usage: run.sh [machine|outbox|driver]... [--shard K/N] [--resume]
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_INCREMENTAL=0

PATH=$PWD/target/tools/bin:$PATH
if ! command -v cargo-mutants >/dev/null; then
  cargo install -q --locked --version "~27.1" --root target/tools cargo-mutants
fi
cargo build -q --locked --manifest-path tools/mutants/Cargo.toml --target-dir target/mutants/tool
exec target/mutants/tool/debug/mutants "$@"
