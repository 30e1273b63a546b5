#!/usr/bin/env bash
# What to run before each commit: format, linter, dependencies, unit tests. Under a minute once everything is built. It
# installs nothing. The rest is in test.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/steps.sh
source scripts/steps.sh

step "Is the code formatted?" cargo fmt --all --check
step "Does the linter agree?" cargo clippy --quiet --workspace --all-targets -- -D warnings
# The tests switch fault injection on for the whole workspace; a release is without it.
step "Does it without fault injection?" cargo clippy --quiet -p fanfare-server -- -D warnings
dependency_steps
step "Do the unit tests pass?" cargo test --quiet --workspace --lib --bins --no-fail-fast
verdict
