#!/usr/bin/env bash
# Installs Debian's packages; sourced by the scripts beside it.

# Whether this is root on a machine with apt; the scripts ask nobody to become root.
may_install() { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }

# Installs the named packages, and nothing that they merely recommend. What apt says on success is of no interest here.
install_packages() {
  local noninteractive='env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes'
  if ! apt-get update -qq >/dev/null ||
    ! $noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "$@" >/dev/null; then
    echo "setup: apt-get could not install $*, see above; repair that ('apt-get update' must reach a mirror) and call again" >&2
    return 1
  fi
}
