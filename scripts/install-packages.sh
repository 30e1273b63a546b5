#!/usr/bin/env bash
# Installs Debian packages. Usage: install-packages.sh PACKAGE...
set -euo pipefail

if ! command -v apt-get >/dev/null; then
  echo "Missing: $*. This is not a Debian system: please install what they are called here." >&2
  exit 1
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "Missing: $*. Please install them: apt-get install $*" >&2
    exit 1
  fi
  as_root=(sudo)
fi

# Another apt may be at work, which holds its locks for a while.
patiently() {
  local attempt
  for attempt in 1 2 3 4; do
    if "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; then
      return
    fi
    echo "apt-get $1 failed (attempt $attempt)" >&2
    sleep $((attempt * 5))
  done
  return 1
}

echo "Installing Debian packages: $*"
patiently update
patiently install --yes --no-install-recommends "$@" >/dev/null
