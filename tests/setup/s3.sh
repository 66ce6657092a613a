#!/usr/bin/env bash
# Installs an S3 server for the tests of remote copies, s3s-fs, from its source into the tests' cache: three minutes on two cores, once.
# Without it those tests are skipped and say so. PGREEVE_S3S_FS names one of your own.
# With --no-retry what could not be installed is not tried again for a day, unless the pin has changed.
set -euo pipefail

retry=yes
for option in "$@"; do
  case "$option" in
    --no-retry) retry= ;;
    *) echo "usage: tests/setup/s3.sh [--no-retry]" >&2 && exit 2 ;;
  esac
done

pin=0.14.1 # builds with the Rust that the workspace asks for
if [ "$(id -u)" = 0 ]; then cache=/var/cache/pgreeve-tests; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/pgreeve-tests; fi
if [ -x "${PGREEVE_S3S_FS:-$cache/s3s-fs/bin/s3s-fs}" ]; then exit 0; fi

failure=$cache/s3s-fs.failed # the pin that could not be had, and why; as old as the attempt
if [ -z "$retry" ] && [ "$(head -n 1 "$failure" 2>/dev/null)" = "$pin" ] && [ -n "$(find "$failure" -mmin -1440)" ]; then
  echo "setup: the tests will skip object storage: $(sed 1d "$failure") (on $(date -r "$failure" '+%F at %R'); tried again after a day, or by 'make setup')" >&2
  exit 0
fi
echo "setup: installing s3s-fs $pin from its source (three minutes, once)"
mkdir -p "$cache"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if cargo install --quiet --locked --features binary --root "$cache/s3s-fs" "s3s-fs@$pin" 2>"$log"; then
  rm -f "$failure"
else
  why="cargo could not install s3s-fs: $({ grep -E -m 1 '^error' "$log" || grep -m 1 . "$log" || echo "it said nothing"; } | cut -c 1-300)"
  printf '%s\n' "$pin" "$why" >"$failure"
  echo "setup: the tests will skip object storage: $why" >&2
fi
