#!/bin/sh
# build.sh KUBERNETES [FOLDER]
#
# Builds keelway_<version>_<arch>.deb from bin/keelway, and a package of the
# bundle of that Kubernetes version if it is in dist/, in the folder, which is
# dist/ by default. The same inputs give the same bytes: every date is
# SOURCE_DATE_EPOCH, the last commit's by default.
set -eu

cd "$(dirname "$0")/.."
kubernetes=${1:?the Kubernetes version, such as v1.37.0}
folder=${2:-dist}
arch=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
umask 022

# v1.2.0 is 1.2.0; v1.2.0-3-gabc, three commits later, is 1.2.0+3.gabc;
# v1.3.0-rc.1 and v0.1.0-dev sort before the release.
version=$(bin/keelway version --output short |
	sed -E 's/^v//; s/-([0-9]+)-(g[0-9a-f]+)/+\1.\2/; s/-dirty$/+dirty/; s/-(dev|alpha|beta|rc)/~\1/; s/-/./g')
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# finish ROOT PACKAGE CONTROL FLAGS...: adds the control files and packs ROOT.
finish() {
	root=$1 package=$2 control=$3
	shift 3
	doc=$root/usr/share/doc/$package
	{
		echo "$package ($version) unstable; urgency=medium"
		echo
		echo "  * Built from the source repository, whose history is the list of changes."
		echo
		echo " -- Keelway developers <developers@keelway.dev>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")"
	} | gzip -9n >"$doc/changelog.gz"
	chmod 0644 "$doc"/*
	mkdir "$root/DEBIAN"
	(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
	size=$(du -sk --apparent-size "$root/usr" | cut -f1)
	sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/; s/@KUBERNETES@/$kubernetes/" "$control" >"$root/DEBIAN/control"
	find "$root" -print0 | xargs -0 touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
	dpkg-deb --root-owner-group --threads-max=1 "$@" --build "$root" "$folder/${package}_${version}_$arch.deb"
}

# keelway itself.
root=$stage/keelway
mkdir -p "$root/usr/bin" "$root/usr/lib/systemd/system" "$root/usr/share/man/man1" "$root/usr/share/doc/keelway" \
	"$root/usr/share/lintian/overrides" "$root/usr/share/bash-completion/completions" \
	"$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
install -m 0755 bin/keelway "$root/usr/bin/keelway"
install -m 0644 packaging/keelway/keelway-up.service "$root/usr/lib/systemd/system/"
install -m 0644 packaging/keelway/overrides "$root/usr/share/lintian/overrides/keelway"
install -m 0644 packaging/keelway/copyright "$root/usr/share/doc/keelway/copyright"
bin/keelway completion bash >"$root/usr/share/bash-completion/completions/keelway"
bin/keelway completion zsh >"$root/usr/share/zsh/vendor-completions/_keelway"
bin/keelway completion fish >"$root/usr/share/fish/vendor_completions.d/keelway.fish"
bin/keelway docs --format man --dir "$root/usr/share/man/man1"
gzip -9n "$root"/usr/share/man/man1/*.1
finish "$root" keelway packaging/keelway/control -Zxz

# The bundle, which is compressed already.
file=keelway-bundle-$kubernetes-linux-$arch.tar.zst
if [ -e "dist/$file" ]; then
	package=keelway-bundle-$kubernetes
	root=$stage/bundle
	mkdir -p "$root/usr/share/keelway" "$root/usr/share/doc/$package"
	install -m 0644 "dist/$file" "$root/usr/share/keelway/$file"
	install -m 0644 packaging/bundle/copyright "$root/usr/share/doc/$package/copyright"
	finish "$root" "$package" packaging/bundle/control -Zgzip -z1
fi
