#!/usr/bin/env bash
# Makes the things that this workload needs, in .holdfast/bench: a Python environment with the peers and the client,
# and the Go worker.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=bench/workloads/http-workers
made=.holdfast/bench
mkdir -p "$made"
if ! [[ -f $made/python/ready && ! $here/requirements.txt -nt $made/python/ready ]]; then
  python3 -m venv --clear "$made/python"
  "$made/python/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  touch "$made/python/ready"
fi
"$made/python/bin/pip" install --quiet --disable-pip-version-check --no-deps ./clients/python
(cd "$here/go" && go build -o "../../../../$made/go-worker" .)
