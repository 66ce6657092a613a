#!/usr/bin/env bash
# Installs an S3 server for the tests of remote copies, s3s-fs, from its source into the tests' cache: three minutes on two cores, once.
# Without it those tests are skipped and say so. PGREEVE_S3S_FS names one of your own.
# With --no-retry what could not be installed is not tried again for a day, unless the pin has changed.
set -euo pipefail
shopt -s inherit_errexit
. "$(dirname "$0")/cache.sh"
take_options "$@"

pin=0.14.1 # builds with the Rust that the workspace asks for
if [ -x "${PGREEVE_S3S_FS:-$cache/s3s-fs/bin/s3s-fs}" ]; then exit 0; fi

failure=$cache/s3s-fs.failed # the pin that could not be had, and why; as old as the attempt
if [ -z "$retry" ] && failed_lately "$failure" "$pin"; then
  echo "setup: the tests will skip object storage: $(failure_of "$failure")" >&2
  exit 0
fi
echo "setup: installing s3s-fs $pin from its source (three minutes, once)"
mkdir -p "$cache"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
why=
if ! cargo install --quiet --locked --features binary --root "$cache/s3s-fs" "s3s-fs@$pin" 2>"$log"; then
  why="cargo could not install s3s-fs: $({ grep -E -m 1 '^error' "$log" || grep -m 1 . "$log" || echo "it said nothing"; } | cut -c 1-300)"
  echo "setup: the tests will skip object storage: $why" >&2
fi
note_failure "$failure" "$pin" "$why"
