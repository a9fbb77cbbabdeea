package operation

import (
	"context"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
)

// expectation is what a machine is, or would be, and what it holds for that.
type expectation struct {
	model *cluster.Model
	want  desired.Host
	basis Basis
	// by is the command that makes a machine so.
	by string
	// programs are the checksums of those that were installed, where they are known.
	programs map[string]string
	// told is true where the cluster itself has said what it is, or a control
	// plane's files do.
	told bool
	// given is what a command wrote down that it gave the machine; nothing where
	// none has, as where `up` or kubeadm made it.
	given observed.Applied
}

func (e *expectation) host() cluster.Host { return e.model.Hosts[0] }

// main is true of a control plane, and of a machine that is nothing yet: `up`
// would make it one.
func (e *expectation) main() bool { return e.host().Has(cluster.ControlPlane) }

// up is true where what `up` makes is the measure: nothing says what else the
// machine was given, and it is a control plane, or nothing yet.
func (e *expectation) up() bool { return e.given.Empty() && e.main() }

// kubernetes is the cluster's version, "" where nothing here says it.
func (e *expectation) kubernetes() string {
	if !e.node() {
		return ""
	}
	return e.model.Release.Kubernetes
}

// profile is the cluster's, "" where nothing here says it.
func (e *expectation) profile() cluster.Profile {
	if !e.node() || !e.told {
		return ""
	}
	return e.model.Profile
}

// node is false of a host of etcd or of a load balancer alone.
func (e *expectation) node() bool { return e.host().Has(cluster.Worker) }

// expected finds out what this machine is; with options it is what `up` would
// make with them. The API is called from now on as the machine itself can.
func (m *Machine) expected(ctx context.Context, chosen *cluster.Options) (*expectation, error) {
	if chosen != nil {
		model, err := m.model(ctx, *chosen)
		if err != nil {
			return nil, err
		}
		return &expectation{model: model, want: desired.For(model, 0), basis: Defaulted, by: byUp, told: true}, nil
	}
	roles := rolesOf(m.has(ctx))
	given, err := observe.Applied(ctx, m.Host)
	if err != nil {
		return nil, err
	}
	if given.By == "" && !given.Empty() {
		given.By = byApply
	}
	var e *expectation
	switch {
	case len(roles) == 0 || roles[0] == cluster.ControlPlane:
		e, err = m.expectMain(ctx, roles, given)
	case roles[0] == cluster.Worker:
		m.Client.Use(kubeletConf, "")
		e, err = m.expectWorker(ctx, roles, given)
	default:
		e, err = m.expectOther(ctx, roles)
	}
	if err != nil {
		return nil, err
	}
	if e.given = given; given.By != "" {
		e.by = given.By
	}
	return e, nil
}

// expectMain is a control plane, as `up` wrote it down or as its static pods
// have it; or what `up` makes by default.
func (m *Machine) expectMain(ctx context.Context, roles []cluster.Role, given observed.Applied) (*expectation, error) {
	o, basis, err := m.LoadOptions(ctx)
	if err != nil {
		return nil, err
	}
	if basis == Recorded && (!given.Empty() || !m.madeByUp(ctx)) {
		if o, basis, err = m.foundOptions(ctx); err != nil {
			return nil, err
		}
	}
	if o.NodeName == "" {
		o.NodeName = nodeName(ctx, m.Host)
	}
	model, err := m.model(ctx, o.Cluster())
	if err != nil && basis == Found {
		// A version that this keelway does not know is no reason to say nothing.
		o.KubernetesVersion = ""
		if other, retry := m.model(ctx, o.Cluster()); retry == nil {
			model, err = other, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if basis != Recorded && len(roles) > 0 {
		m.fitModel(ctx, model, roles)
		if etcd := m.externalEtcd(ctx); etcd != nil {
			model.Cluster.Etcd = config.Etcd{External: etcd}
			model.OwnEtcd = etcd.CAFile == model.Cluster.CertificatesDir+"/etcd/ca.crt"
		}
	}
	return &expectation{model: model, want: desired.For(model, 0), basis: basis, by: byUp, programs: o.Programs, told: true}, nil
}

// expectWorker is a worker, as the cluster describes itself to it; where that
// does not answer, as its own files do.
func (m *Machine) expectWorker(ctx context.Context, roles []cluster.Role, given observed.Applied) (*expectation, error) {
	facts, err := observe.Facts(ctx, m.Host)
	if err != nil {
		return nil, err
	}
	var j config.JoinConfiguration
	j.NodeRegistration.Name = nodeName(ctx, m.Host)
	f := m.joinedFiles(ctx)
	told := false
	if m.serves(ctx, f.server) {
		if by := m.joined(ctx, j, 3*time.Second); by != nil {
			f, told = by, true
		}
	}
	if !told {
		f.cluster.KubernetesVersion = m.kubeletVersion(ctx)
	}
	var theirs cluster.Theirs
	if given.Empty() || given.By == byJoin {
		theirs = m.owned(ctx, f.cluster, false)
	}
	// The server that it calls is its cluster's endpoint, whatever others call.
	f.cluster.ControlPlaneEndpoint = strings.TrimPrefix(f.server, "https://")
	join := cluster.Join{Join: j, Cluster: f.cluster, Kubelet: f.kubelet, Proxy: f.proxy, Theirs: theirs, Facts: facts, Now: m.Now()}
	model, err := cluster.FromJoin(join)
	if err != nil {
		join.Cluster.KubernetesVersion = "" // one that this keelway does not know
		if model, err = cluster.FromJoin(join); err != nil {
			return nil, err
		}
	}
	m.fitModel(ctx, model, roles)
	model.Cluster.Proxy.Disabled = model.Cluster.Proxy.Disabled || f.noProxy
	model.Hosts[0].Marked = given.By == byApply
	all, err := phase.Select(phase.Join(), nil, nil)
	if err != nil {
		return nil, err
	}
	want, err := desired.Join(model, 0, desired.JoinOptions{Run: all, CA: f.ca, Bootstrap: []byte{}})
	return &expectation{model: model, want: want, basis: Found, by: byJoin, told: told}, err
}

// serves says whether anybody answers at a URL; who does not is not asked twice.
func (m *Machine) serves(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	ok, _ := kube.Serves(ctx, m.Host, url+"/readyz")
	return ok
}

// joinedFiles is what the files of a worker say of its cluster.
func (m *Machine) joinedFiles(ctx context.Context) *joinTarget {
	f := &joinTarget{}
	if c, err := m.readConfig(ctx, kubeletConf); err == nil {
		if at := c.Contexts[c.CurrentContext]; at != nil && c.Clusters[at.Cluster] != nil {
			f.server, f.ca = c.Clusters[at.Cluster].Server, c.Clusters[at.Cluster].CertificateAuthorityData
		}
	}
	if text, err := observe.ReadText(ctx, m.Host, kubelet.ConfigFile); err == nil {
		_ = yaml.Unmarshal([]byte(text), &f.kubelet) // what cannot be read has the defaults
	}
	return f
}

// kubeletVersion is the installed kubelet's, "" where it does not say.
func (m *Machine) kubeletVersion(ctx context.Context) string {
	r, err := m.Host.Run(ctx, host.Command{Argv: []string{"/usr/bin/kubelet", "--version"}})
	if err != nil || r.Code != 0 {
		return ""
	}
	return strings.TrimPrefix(strings.TrimSpace(string(r.Stdout)), "Kubernetes ")
}

// expectOther is a host of etcd alone, or a load balancer.
func (m *Machine) expectOther(ctx context.Context, roles []cluster.Role) (*expectation, error) {
	o := Options{Profile: cluster.Kubeadm}
	if slices.Contains(roles, cluster.EtcdMember) {
		var err error
		if o, err = m.etcdOptions(ctx); err != nil {
			return nil, err
		}
	}
	model, err := m.model(ctx, o.Cluster())
	if err != nil {
		return nil, err
	}
	m.fitModel(ctx, model, roles)
	e := &expectation{model: model, basis: Found, by: byApply}
	if e.host().Has(cluster.EtcdMember) {
		e.want = desired.For(model, 0)
	} else {
		e.want = desired.Balance(model, 0)
	}
	return e, nil
}
