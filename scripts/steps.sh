# What check.sh, test.sh and torture.sh share: the surroundings of the checks, and checks that do not hide the ones after
# them. To be sourced, in the folder of the repository.

# A recent Node.js, if the system's is too old for the browser test (see setup-tests.sh), and the tools of tools.sh.
export PATH="$PWD/target/node/node_modules/node/bin:$PWD/target/tools/bin:$PATH"
export JUDGE_PYTHON="$PWD/target/venv/bin/python"
export RUSTDOCFLAGS="-D warnings"
# rustc 1.95 now and then trips over its own incremental state at the async closures of the tests.
export CARGO_INCREMENTAL=0

# Whoever interrupts wants no further steps.
trap 'exit 130' INT

failed=() left_out=()

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

# step_with PROGRAM WHAT COMMAND...: the same with a program that not everybody has. Says so if it is missing.
step_with() {
  local program=$1 what=$2
  shift
  if command -v "$program" >/dev/null; then
    step "$@"
  else
    echo "==> NOT CHECKED, since $program is missing (scripts/tools.sh installs it): $what"
    left_out+=("$what")
  fi
}

# What needs no build: the same in check.sh and test.sh.
dependency_steps() {
  step_with cargo-machete "Is every dependency used?" cargo machete
  step_with cargo-deny "Are licences, versions and sources of the dependencies as deny.toml says?" \
    cargo deny --log-level error check licenses bans sources
}

# Tells what failed and what was left out, and ends accordingly.
verdict() {
  if ((${#left_out[@]})); then
    echo "==> Left out:"
    printf '      %s\n' "${left_out[@]}"
  fi
  if ((${#failed[@]} == 0)); then
    echo "==> Everything that was checked passed in $SECONDS s"
    exit 0
  fi
  echo "==> Not everything passed in $SECONDS s. The answer was no to:"
  printf '      %s\n' "${failed[@]}"
  exit 1
}
