#!/usr/bin/env bash
# Makes a compiler for wasm32-unknown-unknown available, once; says what it does and does nothing when there is one.
#   1. The toolchain in use already has the target: nothing to do.
#   2. rustup can fetch it: rustup target add.
#   3. Debian: packages rustc-web and rust-web-src, and std built once from its sources (needs root).
# `pgreeve plugin build` looks for the results of 1 and 2 first, then for those of 3.
set -euo pipefail
cd "$(dirname "$0")"
. ./debian.sh

target=wasm32-unknown-unknown
built=/usr/lib/rustlib/$target
stamp=$built/pgreeve-built-by

sysroot=$(rustc --print sysroot)
has_std() { compgen -G "$sysroot/lib/rustlib/$target/lib/libcore-*.rlib" >/dev/null; }
# rustup's toolchains bring along the linker for this target, Debian's does not.
has_linker() { compgen -G "$sysroot/lib/rustlib/*/bin/rust-lld" || compgen -G "/usr/lib/rustlib/*/bin/rust-lld"; } >/dev/null
# Whether std was built here, and for the very compiler that Debian has now.
debian_has_std() { [ -x /usr/bin/rustc ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(/usr/bin/rustc --version)" ]; }

# Installs the lld of the LLVM that Debian's rustc is built with, where rustc looks for its own tools.
install_linker() {
  local version host llvm
  version=$(/usr/bin/rustc -vV)
  host=$(sed -n 's/^host: //p' <<<"$version")
  llvm=$(sed -n 's/^LLVM version: \([0-9]*\).*/\1/p' <<<"$version")
  echo "setup: installing the linker lld-$llvm for $target"
  install_packages "lld-$llvm"
  mkdir -p "/usr/lib/rustlib/$host/bin"
  ln -sf "/usr/lib/llvm-$llvm/bin/lld" "/usr/lib/rustlib/$host/bin/rust-lld"
}

build_std() {
  echo "setup: building std for $target from Debian's sources (about 40 s, once)"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/empty/src"
  cat >"$work/empty/Cargo.toml" <<'TOML'
[package]
name = "empty"
version = "0.0.0"
edition = "2021"
TOML
  echo '#![no_std]' >"$work/empty/src/lib.rs"
  # Embedded bitcode lets plugins be linked with LTO.
  (cd "$work/empty" && RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
    cargo build --quiet --release -Zbuild-std=std,panic_abort --target "$target" --target-dir "$work/target")
  mkdir -p "$work/lib"
  local rlib
  for rlib in "$work/target/$target/release/deps"/lib*.rlib; do
    case "$rlib" in */libempty-*) ;; *) cp "$rlib" "$work/lib/" ;; esac
  done
  rm -rf "$built"
  mkdir -p "$built"
  : >"$stamp" # names no compiler until all is there, so an interrupted run is done again
  cp -r "$work/lib" "$built/"
  /usr/bin/rustc --version >"$stamp"
}

# Without the stamp it is the toolchain's own.
if has_std && ! { [ -f "$stamp" ] && [ "$sysroot/lib/rustlib/$target" -ef "$built" ]; }; then exit 0; fi
if debian_has_std && has_linker; then exit 0; fi

why="there is no rustup to fetch one"
if command -v rustup >/dev/null; then
  echo "setup: adding the target $target with rustup"
  if log=$(timeout 60 rustup target add "$target" 2>&1) && has_std; then exit 0; fi
  why="rustup could not fetch one: $(grep -m 1 '^error' <<<"$log" | cut -c 1-200 || echo 'no answer within 60 s')"
fi

if ! may_install; then
  cat >&2 <<MSG
setup: no standard library for $target; $why.
  Run 'rustup target add $target' where its server can be reached,
  or run this script as root on Debian: it installs rustc-web and rust-web-src and builds std from them.
MSG
  exit 1
fi

if ! dpkg -s rustc-web rust-web-src >/dev/null 2>&1; then
  echo "setup: installing Debian's rustc-web and rust-web-src ($why)"
  install_packages rustc-web rust-web-src
fi
if ! debian_has_std; then build_std; fi
if ! has_linker; then install_linker; fi
echo "setup: $target is ready ($(cat "$stamp"))"
