# The compiler for WebAssembly and its flags, for the scripts beside this file, which source it from
# the root of the repository.

# `cargo` alone could start another `rustc`, which the standard library would not fit.
export CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc
# For `-Zbuild-std` and for the unstable flag in `panics`.
export RUSTC_BOOTSTRAP=1
rust_source=/usr/lib/rustlib/src/rust
linker=wasm-ld-19
sysroot=$PWD/target/wasm-sysroot
panics=(-Zunstable-options -Cpanic=immediate-abort)
# No path of the machine that builds is in the result. The last match counts.
remapped=(
  "--remap-path-prefix=$HOME=/home"
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
  "--remap-path-prefix=$PWD=/websocket-heartbeat"
  "--remap-path-prefix=$(realpath -m $rust_source)=/rust"
)

encoded() { # FLAG... as the value of CARGO_ENCODED_RUSTFLAGS, which permits spaces in a path.
  local IFS=$'\x1f'
  printf '%s' "$*"
}
