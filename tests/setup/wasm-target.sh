#!/usr/bin/env bash
# Makes a compiler for wasm32-unknown-unknown available, once; says what it does and does nothing when there is one.
#   1. The toolchain in use already has the target: nothing to do.
#   2. rustup can fetch it: rustup target add.
#   3. Debian: packages rustc-web and rust-web-src, and std built once from its sources (needs root).
# `pgreeve plugin build` looks for the results of 1 and 2 first, then for those of 3.
set -euo pipefail

target=wasm32-unknown-unknown
has_std() { compgen -G "$("$1" --print sysroot)/lib/rustlib/$target/lib/libcore-*.rlib" >/dev/null; }

if has_std rustc; then exit 0; fi
stamp=/usr/lib/rustlib/$target/pgreeve-built-by
if [ -x /usr/bin/rustc ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(/usr/bin/rustc --version)" ]; then exit 0; fi

if command -v rustup >/dev/null && timeout 60 rustup target add "$target" >/dev/null 2>&1 && has_std rustc; then
  echo "setup: added the target $target with rustup"
  exit 0
fi

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  cat >&2 <<MSG
setup: no standard library for $target, and rustup could not fetch one.
  Run 'rustup target add $target' where its server can be reached,
  or run this script as root on Debian: it installs rustc-web and rust-web-src and builds std from them.
MSG
  exit 1
fi

if ! dpkg -s rustc-web rust-web-src >/dev/null 2>&1; then
  echo "setup: installing Debian's rustc-web and rust-web-src (rustup's server is out of reach)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rustc-web rust-web-src >/dev/null
fi

echo "setup: building std for $target from Debian's sources (about 40 s, once)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/empty/src"
cat >"$work/empty/Cargo.toml" <<TOML
[package]
name = "empty"
version = "0.0.0"
edition = "2021"
TOML
echo '#![no_std]' >"$work/empty/src/lib.rs"
# Embedded bitcode lets plugins be linked with LTO.
(cd "$work/empty" && RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
  cargo build --quiet --release -Zbuild-std=std,panic_abort --target "$target" --target-dir "$work/target")
lib=/usr/lib/rustlib/$target/lib
rm -rf "$lib" && mkdir -p "$lib"
for rlib in "$work/target/$target/release/deps"/lib*.rlib; do
  case "$rlib" in */libempty-*) ;; *) cp "$rlib" "$lib/" ;; esac
done
/usr/bin/rustc --version >"$stamp"
echo "setup: $target is ready ($(cat "$stamp"))"
