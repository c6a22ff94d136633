#!/usr/bin/env bash
# cargo for wasm32-unknown-unknown, at the root of the repository, after tools/wasm/setup.sh:
#   tools/wasm/cargo.sh build --release -p CRATE
# The results are in target/wasm/wasm32-unknown-unknown. `--release` makes the smallest code.
# WASM_RUSTFLAGS are further flags of rustc, separated by spaces.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tools/wasm/compiler.sh
read -ra further <<<"${WASM_RUSTFLAGS:-}"
CARGO_ENCODED_RUSTFLAGS=$(encoded --sysroot "$sysroot" "${panics[@]}" "${remapped[@]}" "${further[@]}")
export CARGO_ENCODED_RUSTFLAGS
export CARGO_BUILD_TARGET=wasm32-unknown-unknown CARGO_TARGET_DIR=$PWD/target/wasm
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker
export CARGO_PROFILE_RELEASE_OPT_LEVEL=z CARGO_PROFILE_RELEASE_LTO=true \
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_PANIC=abort
exec "$CARGO" "$@"
