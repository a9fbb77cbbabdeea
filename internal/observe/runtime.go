package observe

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/host"
)

// CRISocket is where containerd serves the container runtime interface.
const CRISocket = "/run/containerd/containerd.sock"

// DialRuntime opens a gRPC connection to containerd through the host. The
// socket's file permissions are what guards it, so there is no TLS.
func DialRuntime(h host.Host) (*grpc.ClientConn, error) { return DialRuntimeAt(h, "") }

// DialRuntimeAt is DialRuntime for a runtime whose socket is elsewhere; "" is
// containerd's usual place.
func DialRuntimeAt(h host.Host, socket string) (*grpc.ClientConn, error) {
	if socket == "" {
		socket = CRISocket
	}
	return grpc.NewClient("passthrough:///containerd",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return h.Dial(ctx, "unix", socket)
		}))
}

// Images lists the references in the runtime's store. The error says that the
// runtime does not answer.
func Images(ctx context.Context, h host.Host) (map[string]bool, error) {
	if _, err := h.Stat(ctx, CRISocket); err != nil {
		return nil, err
	}
	conn, err := DialRuntime(h)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	list, err := cri.NewImageServiceClient(conn).ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return nil, err
	}
	images := map[string]bool{}
	for _, i := range list.Images {
		for _, ref := range i.RepoTags {
			images[ref] = true
		}
	}
	return images, nil
}

// runtimeReady asks the runtime for its own conditions; the network's is left
// out, since it comes true only when a network is there.
func runtimeReady(ctx context.Context, h host.Host) (bool, string) {
	if _, err := h.Stat(ctx, CRISocket); err != nil {
		return false, CRISocket + " is not there yet"
	}
	conn, err := DialRuntime(h)
	if err != nil {
		return false, err.Error()
	}
	defer conn.Close()
	st, err := cri.NewRuntimeServiceClient(conn).Status(ctx, &cri.StatusRequest{})
	if err != nil {
		return false, err.Error()
	}
	for _, c := range st.GetStatus().GetConditions() {
		if c.Type == "RuntimeReady" && !c.Status {
			return false, fmt.Sprintf("%s: %s %s", c.Type, c.Reason, c.Message)
		}
	}
	return true, ""
}

// CgroupDriver asks the runtime how it manages cgroups: "cgroupfs" or
// "systemd", "" when it does not say.
func CgroupDriver(ctx context.Context, h host.Host) string {
	if _, err := h.Stat(ctx, CRISocket); err != nil {
		return ""
	}
	conn, err := DialRuntime(h)
	if err != nil {
		return ""
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := cri.NewRuntimeServiceClient(conn).RuntimeConfig(ctx, &cri.RuntimeConfigRequest{})
	if err != nil || c.Linux == nil {
		return ""
	}
	return strings.ToLower(c.Linux.CgroupDriver.String())
}
