#!/usr/bin/env bash
# Checks the model checker: it must find each fault in mutations.txt. The faults are put into a copy
# of the machine. With an argument, only the faults whose line contains it are checked.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0

copy=$PWD/target/model-mutations
rm -rf "$copy/crates" "$copy/tests"
mkdir -p "$copy/crates/core" "$copy/tests"
cp -r tests/model "$copy/tests/"
cp Cargo.lock rustfmt.toml "$copy/"
sed 's/^members = .*/members = ["tests\/model"]/; /^exclude = /d' Cargo.toml >"$copy/Cargo.toml"

# Puts the sources of the machine into the copy again, without a fault.
restore() {
  rm -rf "$copy/crates/core/src"
  cp -r crates/core/src "$copy/crates/core/"
}

check() { # SETTING
  cargo run -q --manifest-path "$copy/Cargo.toml" --target-dir "$copy/target" -p model -- "$@" 2>&1
}

restore
check misses >/dev/null
missed=0 number=0
mapfile -t lines <tools/model/mutations.txt
for line in "${lines[@]}"; do
  case $line in '' | '#'*) continue ;; esac
  if [[ $line != *"${1-}"* ]]; then continue; fi
  IFS=$'\t' read -r file setting rule substitution < <(perl -ne 'print join "\t", split / \| /, $_, 4' <<<"$line")
  number=$((number + 1))
  restore
  perl -0pi -e "$substitution" "$copy/crates/core/src/$file"
  if cmp -s "crates/core/src/$file" "$copy/crates/core/src/$file"; then
    echo "$number: the substitution changes nothing: $substitution"
    missed=$((missed + 1))
    continue
  fi
  start=$SECONDS
  if output=$(check "$setting"); then
    echo "$number: not found: $substitution"
    missed=$((missed + 1))
  elif ! found=$(grep '^The rule is broken: ' <<<"$output"); then
    echo "$number: the check did not run: $substitution"
    echo "$output" | head -20
    missed=$((missed + 1))
  elif ! grep -qF "The rule is broken: $rule" <<<"$found"; then
    echo "$number: another rule was broken: $found"
    missed=$((missed + 1))
  else
    echo "$number: found in $((SECONDS - start)) s, by the rule \"$rule\""
  fi
done
echo "$number faults, $missed not found"
exit $((missed > 0))
