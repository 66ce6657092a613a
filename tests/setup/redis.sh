#!/usr/bin/env bash
# Makes a Redis server available to the tests, once; says what it does and does nothing when one is there.
# PGREEVE_REDIS names a redis-server or valkey-server of your own. The tests look there, then in PATH, then in the cache:
# see host/src/grants/redis/tests/fixture.rs.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")"
. ./cache.sh
. ./debian.sh

if [ -n "${PGREEVE_REDIS:-}" ]; then
  if ! "$PGREEVE_REDIS" --version >/dev/null 2>&1; then
    echo "setup: PGREEVE_REDIS=$PGREEVE_REDIS is no redis-server or valkey-server that runs; correct or unset it" >&2
    exit 1
  fi
  exit 0
fi
if command -v redis-server >/dev/null || command -v valkey-server >/dev/null || "$cache/redis-server" --version >/dev/null 2>&1; then
  exit 0
fi

if ! may_install; then
  cat >&2 <<MSG
setup: no redis-server or valkey-server found in PATH.
  Set PGREEVE_REDIS to one, or run this script as root on Debian: it installs redis-tools, whose redis-check-rdb is the server's own program.
MSG
  exit 1
fi

# One program is server and checkers, told apart by the name that it is started under. Debian has it in redis-tools; redis-server adds a
# link to it and a service, which tests have no use for.
echo "setup: installing Debian's redis-tools, which holds the server's program (no service is installed)"
install_packages redis-tools
mkdir -p "$cache"
ln -sfn /usr/bin/redis-check-rdb "$cache/redis-server"
if ! "$cache/redis-server" --version | grep -q '^Redis server'; then
  rm -f "$cache/redis-server"
  echo "setup: the redis-check-rdb of this redis-tools is not the server's program: install redis-server, or set PGREEVE_REDIS" >&2
  exit 1
fi
