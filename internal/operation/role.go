package operation

import (
	"context"
	"path"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/desired/flannel"
	"keelway.dev/keelway/internal/desired/haproxy"
	"keelway.dev/keelway/internal/desired/staticpod"
	"keelway.dev/keelway/internal/observe"
)

// rolesOf finds out by a machine's files what it is of a cluster; none where it
// is nothing yet. One that lacks its API server's file is a control plane still
// by what that needs.
func rolesOf(has func(path string) bool) []cluster.Role {
	var roles []cluster.Role
	switch {
	case has(apiserverYAML), has("/etc/kubernetes/controller-manager.conf"), has(config.DefaultCertificatesDir + "/ca.key"):
		roles = append(roles, cluster.ControlPlane, cluster.Worker)
	case has(manifestDir + "etcd.yaml"):
		roles = append(roles, cluster.EtcdMember)
	case has(kubeletConf), has("/etc/kubernetes/bootstrap-kubelet.conf"):
		roles = append(roles, cluster.Worker)
	}
	if has(haproxy.UnitFile) {
		roles = append(roles, cluster.LoadBalancer)
	}
	return roles
}

// has says whether there is something at a path.
func (m *Machine) has(ctx context.Context) func(path string) bool {
	return func(path string) bool {
		_, err := m.Host.Stat(ctx, path)
		return err == nil
	}
}

// madeByUp says whether what `up` wrote down still is what the machine was made
// with: it may only have prepared it for another.
func (m *Machine) madeByUp(ctx context.Context) bool {
	_, wrote := m.Prior.Record().Paths[apiserverYAML]
	return wrote || !m.has(ctx)(apiserverYAML)
}

// balancer is the load balancer that runs here, the zero value for none.
func (m *Machine) balancer(ctx context.Context) cluster.Balancer {
	for _, file := range []string{haproxy.ConfigFile, haproxy.HostConfig} {
		if text, err := observe.ReadText(ctx, m.Host, file); err == nil {
			b := haproxy.Parse(text)
			b.Local = file == haproxy.ConfigFile
			return b
		}
	}
	return cluster.Balancer{}
}

// fitModel gives a model that others' words made what the machine's own files
// say: its roles, its load balancer, and whether its pod network is flannel.
func (m *Machine) fitModel(ctx context.Context, model *cluster.Model, roles []cluster.Role) {
	has := m.has(ctx)
	if len(roles) > 0 {
		model.Hosts[0].Roles = roles
	}
	model.Balancer = m.balancer(ctx)
	model.Theirs.Network = !has(flannel.SubnetFile) && !has(cni.ConfFile)
}

// externalEtcd is the etcd that the API server here is told of, nil where that
// is on this machine.
func (m *Machine) externalEtcd(ctx context.Context) *config.ExternalEtcd {
	_, flags, err := m.staticPod(ctx, "kube-apiserver")
	if err != nil || m.has(ctx)(manifestDir+"etcd.yaml") {
		return nil
	}
	value := func(name string) string {
		v, _ := staticpod.Value(flags, name)
		return v
	}
	servers := value("etcd-servers")
	if servers == "" || strings.Contains(servers, "//127.0.0.1:") || strings.Contains(servers, "//[::1]:") {
		return nil
	}
	return &config.ExternalEtcd{
		Endpoints: strings.Split(servers, ","), CAFile: value("etcd-cafile"), CertFile: value("etcd-certfile"), KeyFile: value("etcd-keyfile"),
	}
}

// etcdOptions are those of a host of etcd alone, from its static pod.
func (m *Machine) etcdOptions(ctx context.Context) (Options, error) {
	_, flags, err := m.staticPod(ctx, "etcd")
	if err != nil {
		return Options{}, err
	}
	o := Options{Profile: cluster.Kubeadm, CertificatesDir: config.DefaultCertificatesDir}
	o.NodeName, _ = staticpod.Value(flags, "name")
	if ca, _ := staticpod.Value(flags, "trusted-ca-file"); strings.HasSuffix(ca, "/etcd/ca.crt") {
		o.CertificatesDir = path.Dir(path.Dir(ca))
	}
	peer, _ := staticpod.Value(flags, "listen-peer-urls")
	peer, _, _ = strings.Cut(strings.TrimPrefix(peer, "https://"), ",")
	host, _ := cutLast(peer, ":")
	o.AdvertiseAddress = strings.Trim(host, "[]")
	return o, nil
}
