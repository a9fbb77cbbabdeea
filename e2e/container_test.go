package e2e

import (
	"bytes"
	"context"
	"syscall"
	"testing"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"

	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/observe"
)

// container is one that runs in a namespace of the runtime that is not Kubernetes'.
type container struct {
	pid int
	// end removes it, its image and its namespace. It may be called twice.
	end func()
}

// startContainer runs a pause container in the namespace "theirs".
func startContainer(t *testing.T) container {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	here, err := local.New("here")
	check(err)
	conn, err := observe.DialRuntime(here)
	check(err)
	client, err := containerd.NewWithConn(conn)
	check(err)
	t.Cleanup(func() { client.Close() })
	kube := namespaces.WithNamespace(t.Context(), "k8s.io")
	all, err := client.ListImages(kube, "name~=pause")
	check(err)
	if len(all) == 0 {
		t.Fatal("there is no pause image to copy")
	}
	var tar bytes.Buffer
	check(client.Export(kube, &tar, archive.WithImage(client.ImageService(), all[0].Name())))
	// It also serves the clean-up, when t.Context is over.
	ctx := namespaces.WithNamespace(context.Background(), "theirs")
	imported, err := client.Import(ctx, &tar)
	check(err)
	image := containerd.NewImage(client, imported[0])
	check(image.Unpack(ctx, ""))
	// One cgroup of one level: runc removes it with the container. The default,
	// a cgroup in one named after the namespace, would leave the outer one.
	spec := containerd.WithNewSpec(oci.WithImageConfig(image), oci.WithCgroup("/keelway-e2e-theirs"))
	made, err := client.NewContainer(ctx, "theirs", containerd.WithNewSnapshot("theirs", image), spec)
	check(err)
	task, err := made.NewTask(ctx, cio.NullIO)
	check(err)
	check(task.Start(ctx))
	ended := false
	end := func() {
		if ended {
			return
		}
		ended = true
		exit, err := task.Wait(ctx)
		check(err)
		check(task.Kill(ctx, syscall.SIGKILL))
		<-exit
		_, err = task.Delete(ctx)
		check(err)
		check(made.Delete(ctx, containerd.WithSnapshotCleanup))
		check(client.ImageService().Delete(ctx, image.Name()))
	}
	t.Cleanup(end)
	return container{int(task.Pid()), end}
}
