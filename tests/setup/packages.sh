#!/usr/bin/env bash
# What building needs from the system: a C compiler for SQLite and ring. Does nothing where there is one.
set -euo pipefail
if ! command -v cargo >/dev/null; then
  echo "setup: no cargo found; install Rust 1.95 or later with rustup (https://rustup.rs), or on Debian: apt-get install cargo-web rustc-web" >&2
  exit 1
fi
command -v cc >/dev/null && exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "setup: no C compiler found; install one (Debian: apt-get install build-essential)" >&2
  exit 1
fi
echo "setup: installing a C compiler"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev make >/dev/null
