#!/usr/bin/env bash
# Installs the tools that look at dependencies, cargo-machete and cargo-deny, into target/tools. They are built from source,
# which takes some ten minutes on two cores, so only `make torture` does this by itself; `make check` and `make test` use
# them if they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in cargo-machete cargo-deny; do
  if [[ ! -x target/tools/bin/$tool ]] && ! command -v "$tool" >/dev/null; then
    echo "Installing $tool into target/tools"
    cargo install --quiet --locked --root target/tools "$tool"
  fi
done
