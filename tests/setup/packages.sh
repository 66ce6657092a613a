#!/usr/bin/env bash
# What building needs from the system: Rust as recent as the workspace asks, and a C compiler for SQLite and ring.
# Does nothing where both are there.
set -euo pipefail
cd "$(dirname "$0")"
. ./debian.sh

needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' ../../Cargo.toml)
found=none
if command -v cargo >/dev/null && command -v rustc >/dev/null; then
  found=$(rustc --version | cut -d ' ' -f 2)
fi
if [ "$found" = none ] || ! sort --version-sort --check=quiet <<<"$needed"$'\n'"$found"; then
  cat >&2 <<MSG
setup: Rust $needed or later is needed, found: $found. Install it with rustup (https://rustup.rs),
  or on Debian 12, as root: apt-get install cargo-web rustc-web
MSG
  exit 1
fi

# With the headers of libc: Debian's gcc alone comes without them.
if cc -fsyntax-only -x c - <<<'#include <stdlib.h>' 2>/dev/null; then exit 0; fi
if ! may_install; then
  echo "setup: no C compiler with the headers of libc found; install one (on Debian, as root: apt-get install gcc libc6-dev)" >&2
  exit 1
fi
echo "setup: installing a C compiler and the headers of libc"
install_packages gcc libc6-dev
