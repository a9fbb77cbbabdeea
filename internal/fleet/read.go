package fleet

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"strings"

	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/discovery"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/plan"
)

const (
	etcdManifest   = "/etc/kubernetes/manifests/etcd.yaml"
	kubeletConf    = "/etc/kubernetes/kubelet.conf"
	superAdminConf = "/etc/kubernetes/super-admin.conf"
)

// look finds out what part of a cluster the machine is already.
func (n *node) look(ctx context.Context) error {
	h := n.machine.Host
	text, err := observe.ReadText(ctx, h, kubeletConf)
	n.node, n.asked = err == nil, err == nil
	if named := clientCertificate(text); named != "" {
		_, err = h.Stat(ctx, named)
		n.node = err == nil
	}
	if !n.main() && !n.etcdAlone() {
		return nil
	}
	text, err = observe.ReadText(ctx, h, etcdManifest)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n.member = err == nil
	n.added = strings.Contains(text, "--initial-cluster-state=existing")
	n.joined = n.added
	n.initial = initialOf(text)
	if n.etcdAlone() {
		n.serving = n.member && healthy(ctx, h, desired.EtcdHealth(n.model, 0))
		return nil
	}
	_, err = h.Stat(ctx, superAdminConf)
	n.made = err == nil
	// Of those that began together, the first has the emergency key.
	n.joined = n.added || strings.Contains(n.initial, ",") && !n.made
	if n.begun, err = begun(ctx, h); err != nil {
		return err
	}
	n.begun = n.begun || n.added
	_, err = h.Stat(ctx, kube.AdminConf)
	n.serving = err == nil && healthy(ctx, h, n.url()+"/readyz")
	n.running = !n.serving && n.member && n.model.Cluster.Etcd.Local != nil && healthy(ctx, h, desired.EtcdHealth(n.model, 0))
	return nil
}

// clientCertificate is the file that a kubeconfig names. The kubelet names it
// before it has it.
func clientCertificate(kubeconfig string) string {
	found := regexp.MustCompile(`(?m)^\s*client-certificate:\s*(\S+)`).FindStringSubmatch(kubeconfig)
	if found == nil {
		return ""
	}
	return found[1]
}

func healthy(ctx context.Context, h host.Host, url string) bool {
	ok, _ := kube.Healthz(ctx, h, url)
	return ok
}

// parts says which machine is the first, and which serves.
func (f *Fleet) parts() {
	f.seed = nil
	var list []plan.Standing
	var planes []*node
	external := f.documents.Cluster.Etcd.External != nil
	for _, n := range f.nodes {
		switch {
		case n.main():
			n.part = plan.Control
			made := n.made
			if !external {
				made = n.member
			}
			list = append(list, plan.Standing{Made: made, Joined: n.joined, Serving: n.serving, Present: n.node})
			planes = append(planes, n)
		case n.isNode():
			n.part = plan.Node
		case n.etcdAlone():
			n.part = plan.Member
		default:
			n.part = plan.Balancer
		}
	}
	if i := plan.FirstOf(list, external); i >= 0 {
		planes[i].part = plan.First
	}
	for _, n := range planes {
		if n.serving && (f.seed == nil || n.part == plan.First) {
			f.seed = n
		}
	}
	if n := f.founder(); n != nil {
		n.part = plan.Founder
	}
}

// desire makes what each reachable machine must hold, from what the others have.
func (f *Fleet) desire(ctx context.Context) error {
	f.parts()
	f.begins()
	if f.seed != nil && f.asked != f.seed {
		f.api, f.asked = f.admin(), f.seed
	}
	shared, err := f.shared(ctx)
	if err != nil {
		return err
	}
	for _, n := range f.nodes {
		if n.lost != nil {
			continue
		}
		if n.part == plan.Balancer {
			n.want = desired.Balance(n.model, 0)
			continue
		}
		if n.etcdAlone() {
			n.want = f.etcdHost(n, shared)
			continue
		}
		if n.part == plan.First {
			n.machine.Client.Use("", n.url())
			n.want = desired.For(n.model, 0)
			if n.model.OwnEtcd {
				n.want = n.want.WithEtcdAuthority(n.model, shared)
			}
			continue
		}
		if f.seed != nil {
			n.machine.Through(f.api)
		}
		// A kubelet may tell the API of an etcd member's pod a minute late.
		through := f.through(n, func(other *node) bool { return other.main() && other.serving })
		if n.want, err = f.join(n, shared, through); err != nil {
			return err
		}
	}
	return nil
}

// join is what a machine must hold that is part of a cluster and not its first;
// through are the client URLs of etcd members, for a control plane.
func (f *Fleet) join(n *node, shared map[string][]byte, through []string) (desired.Host, error) {
	all, err := phase.Select(phase.Join(), nil, nil)
	if err != nil {
		return desired.Host{}, err
	}
	o := desired.JoinOptions{Run: all, CA: shared["ca.crt"], Shared: shared, Pods: true}
	switch {
	case n.main():
		o.Through, o.Initial, o.Began = through, n.initial, !n.added
	case !n.node:
		if o.Bootstrap, err = f.bootstrap(n, shared["ca.crt"]); err != nil {
			return desired.Host{}, err
		}
	}
	return desired.Join(n.model, 0, o)
}

// unmade stands in a plan for what only the first control plane makes.
const unmade = "made on the first control plane\n"

// shared are the keys and certificates of the cluster; while there is none,
// each is a word that says so.
func (f *Fleet) shared(ctx context.Context) (map[string][]byte, error) {
	return f.sharedOn(ctx, f.seed)
}

// sharedOn are those that a control plane has, and etcd's hosts.
func (f *Fleet) sharedOn(ctx context.Context, main *node) (map[string][]byte, error) {
	shared := map[string][]byte{}
	for _, file := range desired.Shared(f.anyModel()) {
		from := main
		if holder := f.etcdHolder(); holder != nil && strings.HasPrefix(file.Name, "etcd-ca.") {
			from = holder
		}
		if from == nil {
			shared[file.Name] = []byte(unmade)
			continue
		}
		data, err := read(ctx, from, file.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the key of an external authority
		}
		if err != nil {
			return nil, err
		}
		shared[file.Name] = data
	}
	return shared, nil
}

func read(ctx context.Context, n *node, path string) ([]byte, error) {
	r, err := n.machine.Host.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// bootstrap is the kubeconfig with which a worker's kubelet asks for its
// certificate. A plan that is only shown has no token.
func (f *Fleet) bootstrap(n *node, ca []byte) ([]byte, error) {
	serving := f.issuer
	if serving == nil {
		serving = f.first()
	}
	server := n.model.Cluster.ControlPlaneURL(serving.Init.LocalAPIEndpoint)
	return discovery.Kubeconfig(server, ca, "tls-bootstrap-token-user", &clientapi.AuthInfo{Token: f.token})
}

// first is the machine whose endpoint stands where the file names none.
func (f *Fleet) first() *node {
	if f.seed != nil {
		return f.seed
	}
	for _, n := range f.nodes {
		if n.main() {
			return n
		}
	}
	return f.nodes[0]
}
