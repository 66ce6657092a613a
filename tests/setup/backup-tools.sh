#!/usr/bin/env bash
# Installs pgBackRest and Barman, whose backups two tests look at; says what it does and does nothing where both are there. Without one of
# them its test is skipped and says so. Nothing of theirs runs afterwards: Debian enables no service of pgBackRest's, and the table by which
# cron would call Barman every minute is left out.
set -euo pipefail
cd "$(dirname "$0")"
. ./debian.sh

missing=()
for program in pgbackrest barman; do
  if ! [ -x "/usr/bin/$program" ]; then missing+=("$program"); fi
done
if [ "${#missing[@]}" = 0 ]; then exit 0; fi
if ! may_install; then
  echo "setup: the tests will skip ${missing[*]} (install them, or run this script as root on Debian)" >&2
  exit 0
fi
echo "setup: installing Debian's ${missing[*]} (without a service or a cron job)"
if ! install_packages -o DPkg::Options::=--path-exclude=/etc/cron.d/barman "${missing[@]}"; then
  echo "setup: the tests will skip ${missing[*]}" >&2
fi
