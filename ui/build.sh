#!/bin/bash
# Builds the console into the Python package, compressed beforehand so that the server need not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./node.sh ci --ignore-scripts --no-audit --no-fund --loglevel=error
./node.sh run --silent build -- --logLevel warn
find ../cloudwright/web/static/ui -type f \( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' \) -exec gzip -9 -k -n -f {} +
