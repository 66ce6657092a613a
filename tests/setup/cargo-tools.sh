#!/usr/bin/env bash
# Installs the named cargo tools that are missing: nextest, deny. A version of one's own is used as it is.
set -euo pipefail

# Versions that build with the Rust that the workspace asks for.
declare -A pins=([nextest]=0.9.143 [deny]=0.20.2)

for tool in "$@"; do
  # cargo finds its tools in its own directory too, which need not be on the PATH.
  if command -v "cargo-$tool" >/dev/null || [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo-$tool" ]; then continue; fi
  echo "setup: installing cargo-$tool ${pins[$tool]} from its source (some minutes, once)"
  if ! cargo install --quiet --locked "cargo-$tool@${pins[$tool]}"; then
    echo "setup: cargo could not install cargo-$tool, see above; install it by other means and call again" >&2
    exit 1
  fi
done
