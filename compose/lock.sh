#!/bin/sh
# Makes compose/requirements.lock anew from requirements.in: the newest versions that fit together, with hashes.
# pip-tools lives in a virtual environment of its own for the moment. No address of an index is written down.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check pip-tools
"$work/venv/bin/pip-compile" --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file "$work/lock" compose/requirements.in
{
  echo '# Every version that Frontrow runs with, with hashes: made by `make lock` from requirements.in, for Python 3.11 and later.'
  grep -v '^ *#' "$work/lock"
} >"$work/whole"
mv "$work/whole" compose/requirements.lock
