#!/usr/bin/env bash
# Fuzzes each parser for a while, by hand: `make fuzz`, or scripts/fuzz.sh [SECONDS [TARGET...]]. New inputs stay in
# node/fuzz/corpus; those worth keeping are committed, and `make test` mutates them from then on. Needs cargo-fuzz.
set -euo pipefail
cd "$(dirname "$0")/../node/fuzz"

seconds=${1:-60}
shift || true
if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "cargo-fuzz is missing. Install it with: cargo install --locked cargo-fuzz" >&2
  exit 1
fi
# Sanitizers are for nightly compilers; our code has no unsafe block that they would look into.
options=()
rustc --version | grep -q nightly || options+=(--sanitizer none)
targets=("$@")
if ((${#targets[@]} == 0)); then
  mapfile -t targets < <(sed -n 's/^path = "targets\/\(.*\)\.rs"$/\1/p' Cargo.toml)
fi
for target in "${targets[@]}"; do
  echo "==> $target for $seconds s"
  cargo fuzz run "${options[@]}" "$target" -- -max_total_time="$seconds" -max_len=65536
done
