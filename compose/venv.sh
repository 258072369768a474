#!/bin/sh
# Makes .venv from compose/requirements.lock, or brings it up to date when the lock has changed.
# Needs a Python of 3.11 or later with its venv module; a Debian machine's root gets that module installed.
set -eu
cd "$(dirname "$0")/.."
lock=compose/requirements.lock
made=.venv/made

say() { echo "  $*"; }
fail() { echo; echo "  $*"; echo; exit 1; } >&2

# Two makes at once take turns.
if command -v flock >/dev/null 2>&1; then exec 9<"$lock"; flock 9; fi

wanted=$(cksum <"$lock")
if [ -f "$made" ] && [ "$(cat "$made")" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; then touch "$made"; exit 0; fi

python=
for candidate in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14; do
  if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    python=$candidate; break
  fi
done
if [ -z "$python" ]; then
  found=$(python3 --version 2>/dev/null || echo 'no python3 at all')
  fail "Frontrow needs Python 3.11 or later; this machine has $found. Install one, then: make PYTHON=/path/to/python3.11 …"
fi

if ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 ||
      fail "Python's venv module is missing. Install it, then try again: sudo apt-get install -y $package"
    say "installing the Debian package $package"
    { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$package"; } >/dev/null ||
      fail "$package could not be installed; see what apt-get says: apt-get install $package"
  fi
  rm -rf .venv
  "$python" -m venv .venv
fi
say "installing what $lock names into .venv (a minute, when it changed)"
.venv/bin/python -m pip install --disable-pip-version-check --require-hashes -qq -r "$lock" ||
  fail "pip could not install $lock; its words are above. Is the network there?"
echo "$wanted" >"$made"
