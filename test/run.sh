#!/usr/bin/env bash
# Runs the tests; what is given goes to Jest (test/run.sh test/shared -t "name"). The last line says how many passed.
# Some suites need Python: an environment of their own is made in .venv, once for each version of its requirements.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export PATH="$PWD/node_modules/.bin:$PATH"

prepare_python() {
  local requirements=test/python/requirements.txt mark=.venv/complete
  cmp -s "$requirements" "$mark" && .venv/bin/python -c '' 2>/dev/null && return 0
  command -v python3 >/dev/null || { echo "python3 is not installed"; return 1; }
  echo "Making a Python environment for the tests in .venv (once; a minute or so)" >&2
  rm -rf .venv
  # With the mark last, an environment that was left half made is made anew.
  python3 -m venv .venv 2>&1 | tail -n 1
  [ -x .venv/bin/pip ] || { echo "python3 has no working venv"; rm -rf .venv; return 1; }
  local log
  log=$(.venv/bin/pip install --quiet --disable-pip-version-check -r "$requirements" 2>&1) || {
    grep -m 1 -i 'error' <<<"$log" || tail -n 1 <<<"$log"
    rm -rf .venv
    return 1
  }
  cp "$requirements" "$mark"
}

if ! reason=$(prepare_python); then
  echo "No Python environment ($reason): the suites that compare with moto, pyarrow, fastavro and awswrangler are reported as skipped" >&2
fi

SLUICE_TEST_COUNT_FILE=$(mktemp)
export SLUICE_TEST_COUNT_FILE
trap 'rm -f "$SLUICE_TEST_COUNT_FILE"' EXIT
NODE_OPTIONS="${NODE_OPTIONS:-} --experimental-vm-modules --disable-warning=ExperimentalWarning" jest "$@"
code=$?
# Jest ended before it could count, for example for a wrong option.
[ -s "$SLUICE_TEST_COUNT_FILE" ] || [ "$code" -eq 0 ] || echo "0 passed, 1 failed" >"$SLUICE_TEST_COUNT_FILE"
cat "$SLUICE_TEST_COUNT_FILE"
exit "$code"
