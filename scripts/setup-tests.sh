#!/usr/bin/env bash
# Installs what the tests need beside Rust, if it is missing: Node.js with npm, Python with venv, Chromium, NATS, the
# packages of the judges, and the programs that deploy/ is for. The system is touched only by apt-get; everything else
# stays in this repository.
set -euo pipefail
cd "$(dirname "$0")/.."

node_major_min=20 # asked for by playwright-core, which drives the browser
# Packages put servers there, where not everybody looks.
PATH="$PATH:/usr/sbin:/sbin"
node_home=target/node/node_modules/node/bin
judge=node/tests/judge

system_packages() {
  local missing=()
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  # ensurepip is what Debian leaves out of python3 and puts into python3-venv.
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
  [[ -x ${CHROMIUM:-/usr/bin/chromium} ]] || missing+=(chromium)
  command -v haproxy >/dev/null || missing+=(haproxy)
  command -v nginx >/dev/null || missing+=(nginx-light)
  # promtool is in it.
  command -v prometheus >/dev/null || missing+=(prometheus)
  command -v systemd-analyze >/dev/null || missing+=(systemd)
  if ((${#missing[@]})); then
    scripts/install-packages.sh "${missing[@]}"
  fi
}

# Debian 12 has Node.js 18. npm has newer ones, as a package.
recent_node() {
  local major
  major=$(node --print 'process.versions.node.split(".")[0]')
  if ((major < node_major_min)) && [[ ! -x $node_home/node ]]; then
    echo "Node.js $major is too old for the browser test: installing a newer one into target/node"
    mkdir -p target/node
    npm install --prefix target/node --no-save --no-audit --no-fund --loglevel=error node@22
    "$node_home/node" --version
  fi
  export PATH="$PWD/$node_home:$PATH"
}

judge_packages() {
  npm_packages "$judge" "the official clients, the official server and playwright-core"
  npm_packages "$judge/emitter" "what the emitter in JavaScript needs"
}

npm_packages() {
  if [[ ! $1/node_modules/.package-lock.json -nt $1/package-lock.json ]]; then
    echo "Installing $2"
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error)
  fi
}

python_packages() {
  python_environment requirements.txt venv "python-socketio, the Autobahn cases, nats-server and checkers of schemas"
  python_environment requirements-old.txt venv-old "python-socketio as a client of Socket.IO 2"
}

python_environment() {
  if ! cmp --silent "$judge/$1" "target/$2/$1"; then
    echo "Installing $3 into target/$2"
    python3 -m venv --clear "target/$2"
    "target/$2/bin/pip" install --quiet --disable-pip-version-check --requirement "$judge/$1"
    cp "$judge/$1" "target/$2/$1"
  fi
}

system_packages
recent_node
judge_packages
python_packages
