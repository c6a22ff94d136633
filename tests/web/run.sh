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
# The same package, in the same version and folder, as for the tests of other backends.
ws=$(sed -n 's/^const WS: &str = "\(.*\)";$/\1/p' tests/src/software.rs)
modules=target/peers/node/node_modules
if [ "$(NODE_PATH=$modules node -p "require('ws/package.json').version" 2>/dev/null)" != "$ws" ]; then
  npm install --prefix target/peers/node --no-audit --no-fund --no-package-lock --ignore-scripts \
    --loglevel=error "ws@$ws"
fi
CARGO_PROFILE_DEV_DEBUG=0 tools/wasm/cargo.sh build -q -p websocket-heartbeat-web-tests
cargo build -q --locked --manifest-path tools/bindgen/Cargo.toml --target-dir target/bindgen
target/bindgen/debug/bindgen web target/web-tests \
  target/wasm/wasm32-unknown-unknown/debug/web_tests.wasm
NODE_PATH=$modules node tests/web/run.js target/web-tests "$@"
