#!/usr/bin/env bash
# The tests' cache, and notes on what could not be had; sourced by the scripts beside it. The tests look in the same directory: tests/src/testbed/majors.rs.

if [ "$(id -u)" = 0 ]; then
  cache=/var/cache/pgreeve-tests
else
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/pgreeve-tests
fi

# Takes the options of a script that has one: with --no-retry `retry` is empty.
take_options() {
  local option
  retry=yes
  for option in "$@"; do
    case "$option" in
      --no-retry) retry= ;;
      *) echo "usage: $0 [--no-retry]" >&2 && exit 2 ;;
    esac
  done
}

# A note is a file with the pin that could not be had in its first line, then why; it is as old as the attempt.

# Whether the note $1 is about the pin $2 and younger than a day.
failed_lately() { [ "$(head -n 1 "$1" 2>/dev/null)" = "$2" ] && [ -n "$(find "$1" -mmin -1440)" ]; }

# Why, in the words of the note $1, and when it is tried again.
failure_of() { echo "$(sed 1d "$1") (on $(date -r "$1" '+%F at %R'); tried again after a day, or by 'make setup')"; }

# Writes the note $1: the pin $2 could not be had, because of $3. Without a reason there is no note any more.
note_failure() {
  if [ -n "$3" ]; then printf '%s\n' "$2" "$3" >"$1"; else rm -f "$1"; fi
}
