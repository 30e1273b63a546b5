#!/usr/bin/env bash
# Makes the packages of every crate that is meant to be published, in the order of their dependencies, and looks into them:
# licences are there, nothing large is. With --verify each is also built from its package, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

package_kib_max=512
verify=(--no-verify)
if [[ ${1:-} == --verify ]]; then
  verify=()
fi

target=${CARGO_TARGET_DIR:-target}
rm -f "$target"/package/*.crate
cargo package --quiet --locked --workspace --exclude fanfare-test-support \
  --exclude fanfare-parser-tests --allow-dirty "${verify[@]}"

faults=0
fault() {
  echo "$1" >&2
  faults=1
}

for package in "$target"/package/*.crate; do
  files=$(tar --list --gzip --file "$package")
  for file in LICENSE-MIT LICENSE-APACHE Cargo.toml src/; do
    grep --quiet "^[^/]*/$file" <<<"$files" || fault "$package lacks $file"
  done
  kib=$(($(stat --format=%s "$package") / 1024))
  ((kib <= package_kib_max)) || fault "$package has $kib KiB: more than $package_kib_max"
  echo "${package##*/}: $(wc --lines <<<"$files") files, $kib KiB"
done
exit "$faults"
