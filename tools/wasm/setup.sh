#!/usr/bin/env bash
# Prepares the compiler for WebAssembly: installs Debian's, and builds its standard library for
# wasm32-unknown-unknown into target/wasm-sysroot. The second run of one compiler does nothing.
#
# The library is optimized for size, and a panic traps at once and without a text. Its bitcode is
# kept, because link-time optimization needs it.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tools/wasm/compiler.sh

install() { # Debian's cargo and rustc have the source of their own standard library.
  if [ -x "$RUSTC" ] && [ -x "$CARGO" ] && [ -d "$rust_source/library/std" ] &&
    command -v "$linker" >/dev/null; then return; fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing: rustc-web, cargo-web, rust-web-src, lld-19. Only root with apt-get can install them here." >&2
    exit 1
  fi
  local get=(apt-get -o DPkg::Lock::Timeout=300 -qq)
  export DEBIAN_FRONTEND=noninteractive
  "${get[@]}" update
  "${get[@]}" install -y --no-install-recommends rustc-web cargo-web rust-web-src lld-19 >/dev/null
}

build_library() {
  local build=target/wasm-library target=wasm32-unknown-unknown
  local libraries=$sysroot/lib/rustlib/$target/lib
  rm -rf "$sysroot" "$build"
  mkdir -p "$build/src" "$libraries"
  printf '%s\n' '[package]' 'name = "empty"' 'version = "0.0.0"' 'edition = "2024"' '[workspace]' \
    '[profile.release]' 'opt-level = "z"' 'codegen-units = 1' >"$build/Cargo.toml"
  : >"$build/src/lib.rs"
  CARGO_ENCODED_RUSTFLAGS=$(encoded -Cembed-bitcode=yes "${panics[@]}" "${remapped[@]}") \
    "$CARGO" build -q --release --manifest-path "$build/Cargo.toml" --target-dir "$build/target" \
    -Z build-std=std,panic_abort,test -Z build-std-features=optimize_for_size --target "$target"
  rm -f "$build/target/$target"/release/deps/libempty*
  mv "$build/target/$target"/release/deps/*.rlib "$libraries/"
  # Cargo does not notice that the library is another one.
  rm -rf "$build" target/wasm
  id_of_library >"$sysroot/id"
}

id_of_library() { # The compiler, and the two files that say how the library is built.
  "$RUSTC" -vV
  cat tools/wasm/setup.sh tools/wasm/compiler.sh
}

install
if ! cmp -s "$sysroot/id" <(id_of_library); then build_library; fi
