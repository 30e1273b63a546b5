#!/usr/bin/env bash
# Fuzzes each parser for a while, by hand: `make fuzz`, or scripts/fuzz.sh [SECONDS [TARGET...]]. It starts from
# node/fuzz/corpus and from what it found before, thousands of inputs in node/fuzz/target/found; an input worth keeping, such
# as one that broke a parser (node/fuzz/artifacts), is committed to the corpus, and `make test` mutates it from then on. Needs
# cargo-fuzz.
set -euo pipefail
cd "$(dirname "$0")/../node/fuzz"
PATH=$PWD/../../target/tools/bin:$PATH

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
  found=target/found/$target
  mkdir -p "$found"
  # New inputs go to the first folder. Without --fuzz-dir cargo-fuzz looks for a folder `fuzz` beside the root of the
  # repository.
  cargo fuzz run --fuzz-dir . "${options[@]}" "$target" "$found" "corpus/$target" -- \
    -max_total_time="$seconds" -max_len=65536
done
