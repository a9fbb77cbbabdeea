#!/bin/sh
# Installs the Debian packages and the Go toolchain that a build and the tests
# need and this machine lacks. With nothing missing it changes nothing and
# needs no root.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
packages='
ca-certificates  # TLS to the module proxy
git              # the version that a build is stamped with
gcc              # runc, flanneld and pause are C or call C
libc6-dev
libseccomp-dev   # runc
iproute2         # ip, for the addresses and routes of this machine
mount            # mount and losetup, which the kubelet calls
debootstrap        # the root of the hosts of a lab
systemd-container  # systemd-nspawn, which boots them
openssh-client     # keelway lab ssh, and the agent of tests
openssh-server     # tests start an sshd of their own
nftables           # a host over SSH lists its tables with nft
sudo               # tests log in over SSH as somebody else than root
'

missing=
for name in $(echo "$packages" | sed 's/#.*//'); do
	case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
	installed) ;;
	*) missing="$missing $name" ;;
	esac
done
if [ -z "$("$here/toolchain.sh")" ] && ! command -v go >/dev/null && [ ! -x /usr/lib/go/bin/go ]; then
	missing="$missing golang-go" # fetches the Go that go.mod asks for
fi
# The bundle's Debian packages are downloaded by apt, which needs its lists.
lists=$(find /var/lib/apt/lists -name '*_Packages*' -mtime -7 2>/dev/null | head -n 1)

if [ -n "$missing" ] && [ "$(id -u)" != 0 ]; then
	echo "missing on this machine:$missing; as root, run: make deps" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ] && { [ -n "$missing" ] || [ -z "$lists" ]; }; then
	apt-get -qq update || [ -z "$missing" ]
fi
if [ -n "$missing" ]; then
	# The SSH server is for tests: it must not begin to listen on this machine.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
		trap 'rm -f $policy' EXIT
	fi
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $missing
	case $missing in *openssh-server*) systemctl --quiet disable ssh.service 2>/dev/null || : ;; esac
fi
"$here/toolchain.sh" --fetch >/dev/null
