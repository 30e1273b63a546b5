#!/usr/bin/env bash
# Builds a node and starts it, with the official JavaScript client for its page. Arguments go to `fanfare serve`.
set -euo pipefail
cd "$(dirname "$0")/.."

# The version that the tests use.
client_version=4.8.4
client=target/client/node_modules/socket.io/client-dist

if [[ ! -f $client/socket.io.js ]] && command -v npm >/dev/null; then
  echo "Installing the npm package socket.io $client_version, for the page that the node serves"
  mkdir -p target/client
  npm install --prefix target/client --no-save --no-audit --no-fund --loglevel=error "socket.io@$client_version" ||
    echo "npm could not install it"
fi

options=()
if [[ -f $client/socket.io.js ]]; then
  options=(--client-dist "$client")
else
  echo "Going on without the JavaScript client, which takes npm to install. The node works all the same: its page tells how"
  echo "to install the client, and your own clients do not need it."
fi

echo "Building: 4 to 5 minutes the first time on two cores, seconds after that"
cargo build --release --package fanfare-server
echo "When the node says so, look at http://127.0.0.1:3000 (unless you named another address). Ctrl-C ends it."
exec cargo run --quiet --release --package fanfare-server -- serve "${options[@]}" "$@"
