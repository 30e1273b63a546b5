#!/usr/bin/env bash
# Every check of this repository. Installs what is missing first; says what it does and how long it took. A check that fails
# does not hide those after it. What takes long is in torture.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/steps.sh
source scripts/steps.sh

echo "==> Installing what the tests need, if it is missing"
scripts/setup-tests.sh

step "Is the code formatted?" cargo fmt --all --check
step "Does the linter agree?" cargo clippy --workspace --all-targets -- -D warnings
# The tests switch fault injection on for the whole workspace; a release is without it.
step "Does it without fault injection?" cargo clippy -p fanfare-server -- -D warnings
dependency_steps
step "Is the documentation sound?" cargo doc --workspace --no-deps
step "Can every crate be packaged?" scripts/package.sh
# Many tests wait for a clock or for another process; the others need the processors all the same.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))}
step "Do the tests pass? They judge the server with official clients and a browser" \
  cargo test --workspace --no-fail-fast
verdict
