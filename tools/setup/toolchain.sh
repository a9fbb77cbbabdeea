#!/bin/sh
# Prints the folder of a go command that is at least as new as go.mod asks for,
# or nothing. With --fetch it gets one first where there is none: Debian's own
# go, however old, downloads the Go toolchain as a module, checked against the
# public checksum database like every other module.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
want=$(awk '$1 == "go" { print $2; exit }' "$root/go.mod")
machine=linux-$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')

# new_enough GO tells whether that go command is at least at version $want.
new_enough() {
	have=$(cd / && GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
	have=${have#go}
	[ "$(printf '%s\n' "$want" "${have%% *}" | sort -V | head -n 1)" = "$want" ]
}

# toolchain is where a go command keeps the downloaded toolchain.
toolchain() {
	cache=${GOMODCACHE:-$(cd / && "$1" env GOMODCACHE 2>/dev/null)} || return 1
	echo "$cache/golang.org/toolchain@v0.0.1-go$want.$machine"
}

for go in $(command -v go || true) /usr/local/go/bin/go /usr/lib/go/bin/go; do
	[ -x "$go" ] || continue
	if new_enough "$go"; then
		dirname "$go"
		exit
	fi
	old=${old:-$go}
done
if [ -n "${old:-}" ]; then
	folder=$(toolchain "$old")
	if [ -x "$folder/bin/go" ] && new_enough "$folder/bin/go"; then
		echo "$folder/bin"
		exit
	fi
fi
[ "${1:-}" = --fetch ] || exit 0
if [ -z "${old:-}" ]; then
	echo "no go command to fetch Go $want with: as root, apt-get install golang-go" >&2
	exit 1
fi

echo "fetching Go $want as the module golang.org/toolchain" >&2
# Outside the repository: an old go cannot read its go.mod.
(cd / && GO111MODULE=on GOFLAGS=-mod=mod GOTOOLCHAIN=local "$old" mod download "golang.org/toolchain@v0.0.1-go$want.$machine")
# What go 1.21 and newer do with a toolchain they have downloaded: modules
# carry neither the right to be executed nor a second go.mod.
chmod u+w "$folder/src"
chmod a+x "$folder"/bin/* "$folder"/pkg/tool/*/*
[ -e "$folder/src/go.mod" ] || cp "$folder/src/_go.mod" "$folder/src/go.mod"
chmod u-w "$folder/src"
echo "$folder/bin"
