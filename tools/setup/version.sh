#!/bin/sh
# Prints the version that a build is stamped with: the tag, with the number of
# commits since and the commit if it is not the tag's own. Before the first tag,
# v0.1.0-dev and the commit; outside a git checkout, nothing.
set -eu

cd "$(dirname "$0")/../.."
git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null && exit
commit=$(git describe --always --dirty --abbrev=12 2>/dev/null) || exit 0
echo "v0.1.0-dev+$commit"
