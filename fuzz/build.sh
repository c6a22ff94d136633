# Builds the targets as cargo-fuzz does, with coverage and the address sanitizer, and sets `targets`
# and `programs`. For use by the other scripts here.
triple=$(rustc -vV | sed -n 's/^host: //p')
targets=$(sed -n 's/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml | tail -n +2 | tr '\n' ' ')
programs=target/fuzz/$triple/release
flags='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-trace-compares'
flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
# Without link-time optimisation, and with several units, so that the build is short.
RUSTFLAGS="$flags -Zsanitizer=address --cfg fuzzing -Ccodegen-units=4" CARGO_INCREMENTAL=0 \
  cargo +nightly build -q --release --locked --manifest-path fuzz/Cargo.toml --target "$triple" \
  --target-dir target/fuzz
