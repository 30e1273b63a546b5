#!/usr/bin/env bash
# What Fanfare costs beside the floor, a bare server without features: each row RUNS times in turn, medians and ranges
# printed as a Markdown table. Nothing else should run meanwhile. Usage: measure.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}

cargo build --release --package fanfare-server --package fanfare-loadtest
ulimit -n "$(ulimit -Hn)"
bin=$PWD/target/release
results=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$results"' EXIT

# serve PORT COMMAND...: starts a server and waits until it listens; its process id is in $server.
serve() {
  local port=$1
  shift
  "$@" 2>/dev/null >&2 &
  server=$!
  servers+=("$server")
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 "$server"; done
}

# The first figure of the server's cost that a load test prints.
cost() {
  local port=$1
  shift
  "$bin/loadtest" "$@" --url "ws://127.0.0.1:$port" --server-pid "$server" |
    awk '/server CPU per|memory per connection/ { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9.]+$/) { print $i; exit } }'
}

median() {
  sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] " (" v[1] "–" v[NR] ")" }'
}

row() {
  local name=$1 file=$results/row
  shift
  rm -f "$file".*
  for ((run = 0; run < runs; run++)); do
    serve 3191 "$bin/floor" --mode direct --listen 127.0.0.1:3191
    cost 3191 "$@" >>"$file.direct"
    kill "$server" && wait "$server" 2>/dev/null || true
    serve 3192 "$bin/floor" --mode batched --listen 127.0.0.1:3192
    cost 3192 "$@" >>"$file.batched"
    kill "$server" && wait "$server" 2>/dev/null || true
    for reactors in 1 2; do
      serve 3193 "$bin/fanfare" --listen 127.0.0.1:3193 --reactors "$reactors"
      cost 3193 "$@" >>"$file.$reactors"
      kill "$server" && wait "$server" 2>/dev/null || true
    done
  done
  echo "| $name | $(median "$file.direct") | $(median "$file.batched") | $(median "$file.1") | $(median "$file.2") |"
}

seconds=(--warmup 1s --duration 3s)
echo "| | floor, direct | floor, batched | Fanfare, 1 reactor | Fanfare, 2 reactors |"
echo "|---|---|---|---|---|"
row "delivery, W=1, µs" fanout --clients 1000 --window 1 "${seconds[@]}"
row "delivery, W=8, µs" fanout --clients 1000 --window 8 "${seconds[@]}"
row "delivery, 4 KiB, W=1, µs" fanout --clients 1000 --window 1 --payload 4096 "${seconds[@]}"
row "delivery, 100 rooms of 10, µs" fanout --clients 1000 --rooms 100 --window 1 "${seconds[@]}"
row "ack round trip, 100 clients, µs" echo --clients 100 "${seconds[@]}"
row "WebSocket connect and close, µs" connect --count 4000 --concurrency 50
row "idle connection, 8,000 of them, KiB" idle --clients 8000 --hold 3s
