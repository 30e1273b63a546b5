#!/usr/bin/env bash
# Every check of this repository. Installs what is missing first; says what it does and how long it took.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
  local what=$1 start=$SECONDS
  shift
  echo "==> $what"
  "$@"
  echo "    done in $((SECONDS - start)) s"
}

step "Installing what the tests need, if it is missing" scripts/setup-tests.sh

# A recent Node.js, if the system's is too old for the browser test; see setup-tests.sh.
export PATH="$PWD/target/node/node_modules/node/bin:$PATH"
export JUDGE_PYTHON="$PWD/target/venv/bin/python"
export RUSTDOCFLAGS="-D warnings"
# rustc 1.95 now and then trips over its own incremental state at the async closures of the tests.
export CARGO_INCREMENTAL=0

step "Is the code formatted?" cargo fmt --all --check
step "Does the linter agree?" cargo clippy --workspace --all-targets -- -D warnings
step "Is the documentation sound?" cargo doc --workspace --no-deps
step "Do the tests pass? They judge the server with official clients and a browser" cargo test --workspace
echo "==> Everything passed in $SECONDS s"
