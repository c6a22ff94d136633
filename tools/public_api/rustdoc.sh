#!/usr/bin/env bash
# rustdoc with its unstable output in JSON. Cargo starts it in place of rustdoc. The variable is not
# set for cargo, because the dependencies would then be compiled again, with other features.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
