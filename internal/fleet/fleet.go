// Package fleet is the story of a cluster of many machines: what is read, decided and done on them, in order.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/cluster/addon"
	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/service"
)

// Options are what a cluster file came with.
type Options struct {
	File file.Cluster
	// Connect returns the machine of a host; it connects to nothing yet.
	Connect func(h file.Host) (host.Host, error)
	// OpenBundle opens the bundle for a Kubernetes version; nil where nothing is
	// installed.
	OpenBundle func(ctx context.Context, kubernetes string) (*bundle.Bundle, error)
	// Who is what another operator is told of this one.
	Who string
	// Self is the path of this program, which is installed on hosts.
	Self    string
	Patcher cluster.Patcher
	// Addons are the objects that the owner adds, in the order of the file.
	Addons []addon.Object
	Events report.Sink
	Now    func() time.Time
	// Built is when the program was built, if known.
	Built time.Time
	// Concurrency is how many hosts are worked on at once.
	Concurrency int
	// IgnorePreflight are checks whose errors become warnings.
	IgnorePreflight []string
}

// Fleet is the machines of one cluster, as they were found.
type Fleet struct {
	Options
	documents file.Documents
	models    *cluster.Models
	etcds     *cluster.Models           // of hosts for etcd alone
	kits      map[string]*operation.Kit // by roles
	kitting   sync.Mutex
	bundle    *bundle.Bundle
	nodes     []*node
	// together are the control planes that make a new cluster's etcd side by side;
	// none are where there is one, or is to be one of a single member.
	together []*node
	// broken says why those that began together cannot go on; "" where they can.
	broken string
	// seed is a control plane that serves the API; nil while there is none.
	seed *node
	// api is the way to its API, one for all machines; asked is the seed that it
	// goes through.
	api   *kube.Admin
	asked *node
	// token is what workers bootstrap with during an apply, made by issuer; "" is
	// none yet.
	token  string
	issuer *node
	hooks  hooks
}

// node is one machine, with what is known of it.
type node struct {
	file.Node
	part    plan.Part
	machine *operation.Machine
	model   *cluster.Model
	kit     *operation.Kit
	want    desired.Host
	// lost is why the machine cannot be reached, nil when it can.
	lost error
	// member is true with an etcd member here, added of one that was added to
	// others, joined also of one that began with others and is not their first;
	// serving and running are as in plan.HostPlan.
	member, added, joined, serving, running bool
	// initial is --initial-cluster of the member.
	initial string
	// made is true of a control plane that the cluster was made on, begun of one
	// whose etcd may hold what must not be lost.
	made, begun bool
	// node is true of a machine whose kubelet has its certificate, asked of one
	// whose kubelet has begun to ask for it.
	node, asked bool
}

// Open reaches every machine of the file and finds out what it is. A machine
// that cannot be reached is no error: the plan says what follows.
func Open(ctx context.Context, o Options) (*Fleet, error) {
	f := &Fleet{Options: o, kits: map[string]*operation.Kit{}}
	var err error
	if f.documents, err = o.File.Documents(); err != nil {
		return nil, err
	}
	shape := cluster.Fleet{
		Profile: o.File.Spec.Profile, Cluster: f.documents.Cluster, Kubelet: f.documents.Kubelet, Proxy: f.documents.Proxy,
		Balancer: f.documents.Balancer, Registries: f.documents.Registries, OwnEtcd: o.File.OwnEtcd(), Patcher: o.Patcher, Now: o.Now(),
	}
	f.models = cluster.NewModels(shape)
	shape.Cluster.Etcd = f.documents.Etcd
	f.etcds = cluster.NewModels(shape)
	if o.OpenBundle != nil {
		if f.bundle, err = o.OpenBundle(ctx, o.File.Spec.KubernetesVersion); err != nil {
			return nil, err
		}
	}
	for _, d := range slices.Concat(f.documents.Nodes, f.documents.Balancers, f.documents.Members) {
		f.nodes = append(f.nodes, &node{Node: d})
	}
	return f, f.Retry(ctx)
}

// Retry reaches, side by side, the machines that are not reached yet.
func (f *Fleet) Retry(ctx context.Context) error {
	g, reach := errgroup.WithContext(ctx)
	g.SetLimit(f.limit())
	for _, n := range f.nodes {
		if n.machine != nil && n.lost == nil {
			continue
		}
		g.Go(func() error {
			n.lost = f.reach(reach, n)
			var wish *operation.WishError
			if errors.As(n.lost, &wish) {
				return n.lost // the file's mistake, not the machine's
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// Lost says of each machine that is not reached why.
func (f *Fleet) Lost() []error {
	var all []error
	for _, n := range f.nodes {
		if n.lost != nil {
			all = append(all, n.lost)
		}
	}
	return all
}

func (f *Fleet) limit() int {
	if f.Concurrency > 0 {
		return f.Concurrency
	}
	return 30
}

// reach connects, and reads what the machine is and has.
func (f *Fleet) reach(ctx context.Context, n *node) error {
	h, err := f.Connect(n.Host)
	if err != nil {
		return err
	}
	if _, err := h.Stat(ctx, "/proc"); err != nil {
		return err
	}
	services, err := service.DetectRemote(ctx, h)
	if err != nil {
		return err
	}
	if n.machine, err = operation.NewMachine(ctx, h, services, f.Events); err != nil {
		return err
	}
	facts, err := observe.Facts(ctx, h)
	if err != nil {
		return err
	}
	models := f.models
	if n.etcdAlone() {
		models = f.etcds
	}
	n.model, err = models.Model(cluster.Host{Init: n.Init, Roles: n.Roles, Labels: n.Labels, Marked: true, Facts: facts})
	if err != nil {
		return err
	}
	if f.bundle != nil {
		if n.kit, err = f.kit(n.model); err != nil {
			return err
		}
	}
	return n.look(ctx)
}

// kit is what hosts of a model's roles are installed from; it is made once.
func (f *Fleet) kit(m *cluster.Model) (*operation.Kit, error) {
	f.kitting.Lock()
	defer f.kitting.Unlock()
	roles := fmt.Sprint(m.Hosts[0].Roles)
	if k := f.kits[roles]; k != nil {
		return k, nil
	}
	k, err := operation.NewKit(f.bundle, f.Self, m)
	if err == nil {
		f.kits[roles] = k
	}
	return k, err
}

// etcdAlone is true of a host of etcd's own.
func (n *node) etcdAlone() bool { return slices.Contains(n.Roles, cluster.EtcdMember) }

// isNode is false of a load balancer, and of a host of etcd's own.
func (n *node) isNode() bool { return n.Host.IsNode() }

func (n *node) main() bool { return n.Host.Is(file.ControlPlane) }

func (n *node) name() string { return n.Init.NodeRegistration.Name }

// url is where the machine's own API server is.
func (n *node) url() string { return "https://" + n.Init.LocalAPIEndpoint.HostPort() }
