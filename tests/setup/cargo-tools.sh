#!/usr/bin/env bash
# Installs the named cargo tools that are missing: nextest, deny.
set -euo pipefail
for tool in "$@"; do
  command -v "cargo-$tool" >/dev/null && continue
  echo "setup: installing cargo-$tool (some minutes, once)"
  cargo install --quiet --locked "cargo-$tool"
done
