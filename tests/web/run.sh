#!/usr/bin/env bash
# Builds the scenarios and runs them in headless Chromium, after tools/wasm/setup.sh:
#   tests/web/run.sh [WORDS]
# WORDS choose the scenarios whose names contain them.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v chromium >/dev/null; then
  echo 'missing: chromium' >&2
  if [ "${CI:-}" = false ]; then exit 0; else exit 1; fi
fi
if ! [ -d npm/node_modules ]; then (cd npm && npm ci --silent --no-audit --no-fund); fi
CARGO_PROFILE_DEV_DEBUG=0 tools/wasm/cargo.sh build -q -p websocket-heartbeat-web-tests
cargo build -q --locked --manifest-path tools/bindgen/Cargo.toml --target-dir target/bindgen
target/bindgen/debug/bindgen web target/web-tests \
  target/wasm/wasm32-unknown-unknown/debug/web_tests.wasm
# The server of the rules, in the same folder, since other builds lock theirs.
cargo build -q --locked -p websocket-heartbeat-conformance --no-default-features --features server \
  --target-dir target/bindgen
NODE_PATH=npm/node_modules node tests/web/run.js target/web-tests \
  target/bindgen/debug/websocket-heartbeat-conformance "$@"
