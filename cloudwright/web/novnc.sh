#!/bin/sh
# Fetch the noVNC client (MPL-2.0) into static/novnc, unchanged, at the version and checksum pinned here.
set -eu
version=1.7.0
sha512=ucEJOx4T2avIRCleodk7YobZj5O2Ga2AeLfQ69A/yjG9HHba2+PDgwSkN3FttrmG+70ZGx21sElNFouK13RzyA==
target="$(dirname "$0")/static/novnc"
if [ "$(cat "$target/.version" 2>/dev/null)" = "$version" ]; then exit 0; fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
node="$(cd "$(dirname "$0")/../../ui" && pwd)/node.sh"
(cd "$work" && "$node" pack --silent "@novnc/novnc@$version" >/dev/null)
archive="$work/novnc-novnc-$version.tgz"
found="$(openssl dgst -sha512 -binary "$archive" | base64 | tr -d '\n')"
if [ "$found" != "$sha512" ]; then
    echo "noVNC $version has checksum $found, not $sha512: not installed" >&2
    exit 1
fi
tar -xzf "$archive" -C "$work"
rm -rf "$target"
mkdir -p "$target"
for part in core vendor docs AUTHORS LICENSE.txt; do
    if [ -e "$work/package/$part" ]; then cp -R "$work/package/$part" "$target/"; fi
done
chmod -R u+rwX,go+rX "$target"
echo "$version" >"$target/.version"
