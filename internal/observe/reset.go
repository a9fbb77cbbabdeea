package observe

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/prior"
)

// Kubeadm's places.
const (
	kubernetesDir = "/etc/kubernetes"
	manifestsDir  = kubernetesDir + "/manifests"
	kubeletDir    = "/var/lib/kubelet"
	defaultCerts  = kubernetesDir + "/pki"
)

// ResetWish is what `reset` is asked to look at beside the usual.
type ResetWish struct {
	// Socket is the runtime's, "" for containerd's usual one; Certs the folder of
	// certificates.
	Socket, Certs string
	// Temporary is true when kubeadm's backups in /etc/kubernetes/tmp go too.
	Temporary bool
}

// Reset looks for what a node's part in a cluster has left on the host, but not
// at its etcd member; was is the record of what the host was before Keelway.
func (o *Observer) Reset(ctx context.Context, was prior.Record, w ResetWish) (observed.Reset, error) {
	var left observed.Reset
	for _, name := range desired.ServicesToStop() {
		st, err := o.Services.Status(ctx, name)
		if err != nil {
			return left, err
		}
		if st.Running || st.State == "activating" {
			left.Services = append(left.Services, name)
		}
	}
	left.Pods, left.OtherNamespaces = sandboxes(ctx, o.Host, w.Socket)
	mounts, err := ReadMounts(ctx, o.Host)
	if err != nil {
		return left, err
	}
	left.Mounts = pointsBelow(mounts, []string{kubeletDir})
	left.Cgroups = o.podCgroups(ctx, mounts)
	if !o.runtimeAnswers(ctx, w.Socket) { // else it ends them itself
		if left.Processes, err = PodProcesses(ctx, o.Host); err != nil {
			return left, err
		}
	}
	if kernel, ok := o.Host.(host.Kernel); ok {
		if err := resetNetwork(ctx, kernel, &left); err != nil {
			return left, err
		}
	}
	if filter, ok := o.Host.(host.Filter); ok {
		if left.Rules, err = podChains(ctx, filter); err != nil {
			return left, err
		}
	}
	left.Paths = o.resetPaths(ctx, was, w)
	for _, dir := range desired.VolumeFolders() {
		if w, known := was.Paths[dir]; known && !w.Existed {
			left.Empty = append(left.Empty, o.Hollow(ctx, dir)...)
		}
	}
	return left, nil
}

// Hollow lists a folder and those below it, the deepest first, if they hold
// nothing but each other.
func (o *Observer) Hollow(ctx context.Context, dir string) []string {
	inside, err := o.Host.List(ctx, dir)
	if err != nil {
		return nil
	}
	var all []string
	for _, e := range inside {
		var below []string
		if e.Mode.IsDir() {
			below = o.Hollow(ctx, e.Path)
		}
		if len(below) == 0 {
			return nil
		}
		all = append(all, below...)
	}
	return append(all, dir)
}

func resetNetwork(ctx context.Context, k host.Kernel, left *observed.Reset) error {
	var err error
	if left.Links, left.Tables, err = network(ctx, k); err != nil {
		return err
	}
	if len(left.OtherNamespaces) > 0 {
		// The bridge may carry containers of others.
		left.Links = slices.DeleteFunc(left.Links, func(l string) bool { return l == desired.PodBridge })
	}
	all, err := k.Links(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(all, desired.ProxyLink) {
		left.Links = append(left.Links, desired.ProxyLink)
	}
	return nil
}

func podChains(ctx context.Context, f host.Filter) ([]string, error) {
	all, err := f.Chains(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c string) bool {
		name := c[strings.LastIndexByte(c, ' ')+1:]
		return !slices.ContainsFunc(desired.ChainPrefixes(), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}), nil
}

// resetPaths lists what goes: what lies in kubeadm's folders, which stay
// themselves, the kubeconfig files, and what Keelway remembers of the cluster.
func (o *Observer) resetPaths(ctx context.Context, was prior.Record, w ResetWish) []string {
	var found []string
	add := func(paths ...string) {
		for _, p := range paths {
			if o.exists(ctx, p) {
				found = append(found, p)
			}
		}
	}
	found = append(found, o.inside(ctx, manifestsDir)...)
	found = append(found, o.inside(ctx, kubeletDir)...)
	if w.Certs == defaultCerts {
		found = append(found, o.inside(ctx, w.Certs)...)
	} else {
		// Somebody's own folder may hold more than this cluster's.
		for _, s := range pki.Table(pki.Input{Dir: w.Certs, NodeName: "any", AdvertiseAddress: "127.0.0.1", ServiceSubnets: []string{"10.96.0.0/12"}}) {
			add(s.CertPath(), s.KeyPath())
		}
		add(path.Join(w.Certs, "sa.key"), path.Join(w.Certs, "sa.pub"))
	}
	for _, name := range []string{"admin", "super-admin", "kubelet", "bootstrap-kubelet", "controller-manager", "scheduler"} {
		add(path.Join(kubernetesDir, name+".conf"))
	}
	if w.Temporary {
		found = append(found, o.inside(ctx, kubernetesDir+"/tmp")...)
	}
	for _, p := range o.inside(ctx, kubernetesDir) {
		// Such as the keys that encrypt Secrets, which `keelway up` makes.
		if r, known := was.Paths[p]; known && !r.Existed && !slices.Contains([]string{manifestsDir, defaultCerts, kubernetesDir + "/tmp"}, p) {
			add(p)
		}
	}
	add("/run/flannel", "/var/lib/cni/flannel", "/var/lib/cni/networks/cbr0")
	if _, known := was.Paths[cni.ConfFile]; !known {
		// Not what came with the runtime: flannel's pod wrote it.
		if text, err := ReadText(ctx, o.Host, cni.ConfFile); err == nil && text == cni.Config() {
			add(cni.ConfFile)
		}
	}
	add(prior.Dir+"/options.json", prior.Dir+"/init", prior.Dir+"/unproven", AppliedPath)
	slices.Sort(found)
	return slices.Compact(found)
}

// inside lists what lies in a folder, nothing where there is none.
func (o *Observer) inside(ctx context.Context, dir string) []string {
	entries, err := o.Host.List(ctx, dir)
	if err != nil {
		return nil
	}
	var paths []string
	for _, e := range entries {
		paths = append(paths, e.Path)
	}
	return paths
}

func (o *Observer) runtimeAnswers(ctx context.Context, socket string) bool {
	_, err := o.sandboxes(ctx, socket, nil)
	return err == nil
}

// etcdRuns tells whether the runtime has a sandbox of etcd's static pod.
func (o *Observer) etcdRuns(ctx context.Context, socket string) bool {
	pods, err := o.sandboxes(ctx, socket, EtcdPod())
	return err == nil && len(pods) > 0
}

func (o *Observer) sandboxes(ctx context.Context, socket string, filter *cri.PodSandboxFilter) ([]*cri.PodSandbox, error) {
	conn, err := DialRuntimeAt(o.Host, socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	list, err := cri.NewRuntimeServiceClient(conn).ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: filter})
	return list.GetItems(), err
}

// EtcdPod is the filter for the sandbox of etcd's static pod.
func EtcdPod() *cri.PodSandboxFilter {
	return &cri.PodSandboxFilter{LabelSelector: map[string]string{"component": "etcd", "tier": "control-plane"}}
}
