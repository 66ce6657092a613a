#!/usr/bin/env bash
# Installs an S3 server for the test of remote copies, s3s-fs, from its source into the tests' cache; some minutes, once. Without it that one
# test is skipped and says so.
set -euo pipefail

pin=0.14.1 # builds with the Rust that the workspace asks for
if [ "$(id -u)" = 0 ]; then cache=/var/cache/pgreeve-tests; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/pgreeve-tests; fi
if [ -x "$cache/s3s-fs/bin/s3s-fs" ]; then exit 0; fi
echo "setup: installing s3s-fs $pin from its source (some minutes, once)"
cargo install --quiet --locked --features binary --root "$cache/s3s-fs" "s3s-fs@$pin"
