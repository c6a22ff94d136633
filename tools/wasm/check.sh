#!/usr/bin/env bash
# Checks core on wasm32-unknown-unknown, after tools/wasm/setup.sh: it compiles without features and
# with its default features, and the tests of its machine pass in Node.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tools/wasm/compiler.sh

check_core() {
  tools/wasm/cargo.sh check -q -p websocket-heartbeat --no-default-features
  tools/wasm/cargo.sh check -q -p websocket-heartbeat
}

# The test harness of core, with our runner in place of the standard one. Prints its path.
build_tests() {
  local runner=$PWD/target/wasm/librunner.rlib
  mkdir -p target/wasm
  "$RUSTC" --edition 2024 --crate-type rlib --crate-name runner -o "$runner" \
    --target wasm32-unknown-unknown --sysroot "$sysroot" "${panics[@]}" "${remapped[@]}" \
    tools/wasm/runner/runner.rs
  # A dependency of the tests does not compile without a choice of its source of random numbers.
  # There is none, so the tests have a fixed seed.
  WASM_RUSTFLAGS='--cfg getrandom_backend="unsupported"' CARGO_PROFILE_TEST_DEBUG=0 \
    CARGO_PROFILE_DEV_DEBUG=0 tools/wasm/cargo.sh rustc -q -p websocket-heartbeat --lib \
    --profile test --message-format json -- -Zpanic_abort_tests --extern "runner=$runner" \
    -Zcrate-attr='feature(custom_test_frameworks)' -Zcrate-attr='test_runner(runner::start)' |
    node -e "
      const messages = require('node:fs').readFileSync(0, 'utf8').trim().split('\n').map(JSON.parse);
      for (const { message } of messages) if (message) process.stderr.write(message.rendered);
      console.log(messages.findLast((message) => message.executable).executable);
    "
}

test_machine() {
  local tests=machine::tests:: module list
  module=$(build_tests)
  # The same tests as on this machine, none left out.
  list=$(env -u CARGO -u RUSTC -u RUSTC_BOOTSTRAP cargo test -q -p websocket-heartbeat --lib -- --list "$tests")
  node tools/wasm/runner/run.js "$module" "$tests" "$(grep -c ': test$' <<<"$list")"
}

check_core
test_machine
