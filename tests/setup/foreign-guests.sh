#!/usr/bin/env bash
# Builds the plugins that are not made with the SDK for Rust: tests/foreign/{wasip2,python,javascript} into target/plugins/NAME.wasm.
# Says what it does and does nothing where sources, contract and this script are as they were when the component was built.
#   wasip2      the target wasm32-wasip2 of the toolchain in use, fetched with rustup; Debian has no std and no linker for it.
#   python      componentize-py, pinned in requirements.txt, in a virtual environment in the tests' cache.
#   javascript  componentize-js, it and all that it needs pinned in package-lock.json (made by `npm install --package-lock-only
#               --omit-lockfile-registry-resolved`), in a directory of the same cache.
# Where a tool cannot be had there is no component but target/plugins/NAME.skipped with the reason: the tests skip that language and
# say so. With --no-retry such a tool is not tried again for a day. A tool that is there and fails ends this script with an error.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../.."

retry=yes
for option in "$@"; do
  case "$option" in
    --no-retry) retry= ;;
    *) echo "usage: tests/setup/foreign-guests.sh [--no-retry]" >&2 && exit 2 ;;
  esac
done

if [ "$(id -u)" = 0 ]; then
  cache=/var/cache/pgreeve-tests
else
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/pgreeve-tests
fi
out=target/plugins
mkdir -p "$cache" "$out"

# The digest of everything that a component is made of.
digest_of() {
  local sources=("tests/foreign/$1" wit tests/setup/foreign-guests.sh)
  if [ "$1" = wasip2 ]; then sources+=(Cargo.toml Cargo.lock); fi
  find "${sources[@]}" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
}

# The line of a tool's complaint that says most.
reason_in() {
  { grep -E -m 1 '^(npm error|ERROR:|error:|error\[)' "$1" || grep -m 1 . "$1" || echo "it ran into its time limit"; } | cut -c 1-300
}

# Each prints why its tool cannot be had, or nothing when it is there.

wasip2_problem() {
  local log has='compgen -G '"$(rustc --print sysroot)/lib/rustlib/wasm32-wasip2/lib/libstd-*.rlib"
  if $has >/dev/null; then return; fi
  if ! command -v rustup >/dev/null; then
    echo "there is no rustup to fetch the target wasm32-wasip2, and Debian's rustc has none"
    return
  fi
  echo "setup: adding the target wasm32-wasip2 with rustup" >&2
  log=$(mktemp)
  if ! timeout 120 rustup target add wasm32-wasip2 >"$log" 2>&1 || ! $has >/dev/null; then
    echo "rustup could not fetch the target wasm32-wasip2: $(reason_in "$log")"
  fi
  rm -f "$log"
}

venv=$cache/componentize-py
python_problem() {
  local pins=tests/foreign/python/requirements.txt log
  if cmp -s "$pins" "$venv/installed"; then return; fi
  if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "python3, 3.10 or later, with its venv module is needed (on Debian: apt-get install python3-venv)"
    return
  fi
  echo "setup: installing componentize-py into $venv" >&2
  log=$(mktemp)
  if ! python3 -m venv --clear "$venv" >"$log" 2>&1; then
    echo "python3 could not make a virtual environment: $(reason_in "$log")"
  elif ! timeout 300 "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input --retries 1 --only-binary :all: \
    --require-hashes --requirement "$pins" >"$log" 2>&1; then
    echo "pip could not fetch componentize-py: $(reason_in "$log")"
  else
    cp "$pins" "$venv/installed" # last: it says that the environment is whole
  fi
  rm -f "$log"
}

modules=$cache/componentize-js
javascript_problem() {
  local pins=tests/foreign/javascript/package-lock.json log
  if cmp -s "$pins" "$modules/installed"; then return; fi
  if ! command -v npm >/dev/null || ! node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null; then
    echo "npm and node, 20 or later, are needed"
    return
  fi
  echo "setup: installing componentize-js into $modules (200 MB)" >&2
  log=$(mktemp)
  rm -rf "$modules"
  mkdir -p "$modules"
  cp tests/foreign/javascript/package{,-lock}.json "$modules/"
  if ! (cd "$modules" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1 \
    --fetch-retry-mintimeout=1000) >"$log" 2>&1; then
    echo "npm could not fetch componentize-js: $(reason_in "$log")"
  else
    cp "$pins" "$modules/installed" # last: it says that the directory is whole
  fi
  rm -f "$log"
}

# Each makes the component $1. Python and JavaScript are built from copies, so that nothing but sources stands beside the sources.

build_wasip2() {
  cargo build --quiet --release -p wasip2 --target wasm32-wasip2 --target-dir target/foreign \
    --config profile.release.debug=false --config profile.release.strip=true --config profile.release.opt-level='"s"'
  cp target/foreign/wasm32-wasip2/release/wasip2.wasm "$1"
}

build_python() {
  cp tests/foreign/python/*.py "$work/"
  (cd "$work" && "$venv/bin/componentize-py" --quiet --wit-path "$OLDPWD/wit" --world plugin componentize app --output component.wasm)
  mv "$work/component.wasm" "$1"
}

build_javascript() {
  cp tests/foreign/javascript/*.{js,json} "$work/"
  ln -s "$modules/node_modules" "$work/node_modules"
  (cd "$work" && node build.js "$OLDPWD/wit" component.wasm)
  mv "$work/component.wasm" "$1"
}

work=
trap 'rm -rf "$work"' EXIT
for name in wasip2 python javascript; do
  digest=$(digest_of "$name")
  skipped=$out/$name.skipped # the digest, then why; as old as the attempt
  if [ -e "$out/$name.wasm" ] && [ "$(cat "$out/$name.digest" 2>/dev/null)" = "$digest" ]; then continue; fi
  rm -f "$out/$name.wasm" "$out/$name.digest" # a component of other sources is none
  if [ -z "$retry" ] && [ "$(head -n 1 "$skipped" 2>/dev/null)" = "$digest" ] && [ -n "$(find "$skipped" -mmin -1440)" ]; then
    why="$(sed 1d "$skipped") (on $(date -r "$skipped" '+%F at %R'); tried again after a day, or by 'make setup')"
  else
    why=$("${name}_problem")
    if [ -n "$why" ]; then printf '%s\n' "$digest" "$why" >"$skipped"; fi
  fi
  if [ -n "$why" ]; then
    echo "setup: the tests will skip plugins of the kind $name: $why" >&2
    continue
  fi
  echo "setup: building the plugin tests/foreign/$name"
  work=$(mktemp -d)
  "build_$name" "$work/$name.wasm"
  mv "$work/$name.wasm" "$out/$name.wasm"
  echo "$digest" >"$out/$name.digest"
  rm -rf "$work" "$skipped"
done
