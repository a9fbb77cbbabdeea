package step

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/transfer/image"
	"github.com/containerd/containerd/v2/core/transfer/registry"

	"keelway.dev/keelway/internal/bundle/serve"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
)

// Near is a machine that serves the bundle to those beside it.
type Near struct {
	// Address is where, as host:port.
	Address string
	// Manifests are the sha256 of the images' manifests, in hex, by the
	// references that they have in the bundle.
	Manifests map[string]string
}

// get asks at host $1, port $2 for the program with the sha256 $3, writes it to
// $4 and, when it has that sum, gives it the mode $5 and the name $6. It is for
// hosts that have bash and coreutils alone.
const get = `set -euo pipefail
umask 077
mkdir -p -m 0755 "$(dirname "$6")"
trap 'rm -f "$4"' EXIT
exec 3<>"/dev/tcp/$1/$2"
printf 'GET /programs/%s HTTP/1.0\r\n\r\n' "$3" >&3
IFS= read -r status <&3
[[ "$status" == *' 200 '* ]] || { echo "the answer was $status" >&2; exit 1; }
while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do :; done
cat <&3 >"$4"
sum=$(sha256sum <"$4")
[ "${sum%% *}" = "$3" ] || { echo "what came has the sha256 ${sum%% *}" >&2; exit 1; }
chmod "$5" "$4"
sync "$4"
mv -fT "$4" "$6"`

// fetch makes the entry a program, out of what is served near the host.
func (r *Runner) fetch(ctx context.Context, e host.Entry, sum string) error {
	where, port, err := net.SplitHostPort(r.Near.Address)
	if err != nil {
		return err
	}
	res, err := r.Host.Run(ctx, host.Command{Argv: []string{
		"bash", "-c", get, "bash", where, port, sum, host.TempPath(e.Path), strconv.FormatUint(uint64(e.Mode.Perm()), 8), path.Clean(e.Path),
	}})
	if err == nil && res.Code != 0 {
		err = errors.New(strings.TrimSpace(string(res.Stderr)))
	}
	if err != nil {
		return r.notServed(e.Path, err)
	}
	return nil
}

// pullAll has the runtime fetch images by their digests from near the host,
// under the names that they are to have.
func (r *Runner) pullAll(ctx context.Context, client *containerd.Client, images []desired.Image) error {
	for _, i := range images {
		source, err := registry.NewOCIRegistry(ctx, r.Near.Address+"/"+serve.Repository+"@sha256:"+r.Near.Manifests[i.Bundled], registry.WithDefaultScheme("http"))
		if err != nil {
			return err
		}
		if err := client.Transfer(ctx, source, image.NewStore(i.Reference)); err != nil {
			return r.notServed(i.Reference, err)
		}
	}
	return nil
}

func (r *Runner) notServed(what string, err error) error {
	return fmt.Errorf("%s does not get %s from %s, which serves the bundle to its zone: %w; let the hosts of a zone reach each other there, or take bundleOncePerZone out of the cluster file", r.Host.Name(), what, r.Near.Address, err)
}
