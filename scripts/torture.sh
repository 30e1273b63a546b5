#!/usr/bin/env bash
# What test.sh leaves out because it takes long: tests that wait, storms, property tests with many cases; and the usual tests
# again and again on a machine that is kept busy, as they must pass there, too.
# By the environment: PROPTEST_CASES (20000) for each property, ROUNDS (3) of the usual tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/steps.sh
source scripts/steps.sh

echo "==> Installing what the tests need, if it is missing"
scripts/setup-tests.sh
step "Can the tools be installed that look at dependencies?" scripts/tools.sh
dependency_steps
# The database is a repository of its own, which not every machine may fetch from.
if command -v cargo-deny >/dev/null && timeout 120 cargo deny --log-level off fetch db; then
  step "Is there no known vulnerability in a dependency?" cargo deny --log-level error check advisories
else
  echo "==> NOT CHECKED, since the database cannot be had: is there no known vulnerability in a dependency?"
  left_out+=("Is there no known vulnerability in a dependency?")
fi

# For every core a process that never rests, bounded in case that nobody ends it.
burn() {
  local core
  for ((core = $(nproc); core > 0; core--)); do
    timeout 7200 bash -c 'while :; do :; done' &
    burners+=($!)
  done
}

burners=()
trap 'kill "${burners[@]}" 2>/dev/null || true' EXIT

step "Can every crate be built from its package?" scripts/package.sh --verify
step "Do all tests pass, those that take long too, with more of everything?" \
  env TORTURE=1 "PROPTEST_CASES=${PROPTEST_CASES:-20000}" \
  cargo test --workspace --lib --bins --tests --no-fail-fast -- --include-ignored
burn
for ((round = 1; round <= ${ROUNDS:-3}; round++)); do
  how=()
  # As in the background, or under nohup.
  ((round > 1)) || how=(env --ignore-signal=INT,QUIT,HUP)
  step "Do the tests pass beside $(nproc) busy processes? Round $round" \
    "${how[@]}" cargo test --workspace --no-fail-fast
done
verdict
