# What test.sh and torture.sh share: the surroundings of the checks, and checks that do not hide the ones after them.
# To be sourced, in the folder of the repository.

echo "==> Installing what the tests need, if it is missing"
scripts/setup-tests.sh

# A recent Node.js, if the system's is too old for the browser test; see setup-tests.sh.
export PATH="$PWD/target/node/node_modules/node/bin:$PATH"
export JUDGE_PYTHON="$PWD/target/venv/bin/python"
export RUSTDOCFLAGS="-D warnings"
# rustc 1.95 now and then trips over its own incremental state at the async closures of the tests.
export CARGO_INCREMENTAL=0

# Whoever interrupts wants no further steps.
trap 'exit 130' INT

failed=()

# step WHAT COMMAND...: says what is checked, and how long it took.
step() {
  local what=$1 start=$SECONDS
  shift
  echo "==> $what"
  if "$@"; then
    echo "    done in $((SECONDS - start)) s"
  else
    echo "    FAILED after $((SECONDS - start)) s: $*"
    failed+=("$what")
  fi
}

# Tells what failed, and ends accordingly.
verdict() {
  if ((${#failed[@]} == 0)); then
    echo "==> Everything passed in $SECONDS s"
    exit 0
  fi
  echo "==> Not everything passed in $SECONDS s. The answer was no to:"
  printf '      %s\n' "${failed[@]}"
  exit 1
}
