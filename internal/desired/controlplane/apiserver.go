// Package controlplane builds the static pods of the API server, the controller manager and the scheduler.
package controlplane

import (
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/staticpod"
)

// APIServer is the host's kube-apiserver.
func APIServer(m *cluster.Model, h cluster.Host) corev1.Pod {
	c, endpoint := m.Cluster, h.Init.LocalAPIEndpoint
	target := staticpod.Target{
		Host:   staticpod.Address(endpoint.AdvertiseAddress),
		Scheme: corev1.URISchemeHTTPS,
		Port:   endpoint.BindPort,
	}
	mounts := append(certMounts(c, h), etcdMounts(c)...)
	volumes, in := staticpod.Mounts(append(mounts, staticpod.Extra(c.APIServer.ExtraVolumes)...))
	return staticpod.Pod(corev1.Container{
		Name:            "kube-apiserver",
		Image:           m.Image("kube-apiserver"),
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         staticpod.Command("kube-apiserver", apiserverArgs(c, endpoint), c.APIServer.ExtraArgs),
		VolumeMounts:    in,
		LivenessProbe:   target.Liveness("/livez"),
		ReadinessProbe:  target.Readiness("/readyz"),
		StartupProbe:    target.Startup("/livez", h.Init.Timeouts.ControlPlaneComponentHealthCheck.Duration),
		Resources:       staticpod.Requests("250m", ""),
		Env:             staticpod.Env(h.Facts.ProxyEnvironment, c.APIServer.ExtraEnvs),
		Ports:           target.Ports(),
	}, volumes, map[string]string{
		"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": endpoint.HostPort(),
	})
}

func apiserverArgs(c config.ClusterConfiguration, endpoint config.APIEndpoint) []config.Arg {
	pki := c.CertificatesDir + "/"
	args := []config.Arg{
		{Name: "advertise-address", Value: endpoint.AdvertiseAddress},
		{Name: "secure-port", Value: strconv.Itoa(int(endpoint.BindPort))},
		{Name: "allow-privileged", Value: "true"},
		{Name: "enable-admission-plugins", Value: "NodeRestriction"},
		{Name: "enable-bootstrap-token-auth", Value: "true"},
		{Name: "service-cluster-ip-range", Value: c.Networking.ServiceSubnet},
		{Name: "service-account-issuer", Value: "https://kubernetes.default.svc." + c.Networking.DNSDomain},
		{Name: "service-account-key-file", Value: pki + "sa.pub"},
		{Name: "service-account-signing-key-file", Value: pki + "sa.key"},
		{Name: "client-ca-file", Value: pki + "ca.crt"},
		{Name: "tls-cert-file", Value: pki + "apiserver.crt"},
		{Name: "tls-private-key-file", Value: pki + "apiserver.key"},
		{Name: "kubelet-client-certificate", Value: pki + "apiserver-kubelet-client.crt"},
		{Name: "kubelet-client-key", Value: pki + "apiserver-kubelet-client.key"},
		{Name: "kubelet-preferred-address-types", Value: "InternalIP,ExternalIP,Hostname"},
		{Name: "requestheader-username-headers", Value: "X-Remote-User"},
		{Name: "requestheader-group-headers", Value: "X-Remote-Group"},
		{Name: "requestheader-extra-headers-prefix", Value: "X-Remote-Extra-"},
		{Name: "requestheader-client-ca-file", Value: pki + "front-proxy-ca.crt"},
		{Name: "requestheader-allowed-names", Value: "front-proxy-client"},
		{Name: "proxy-client-cert-file", Value: pki + "front-proxy-client.crt"},
		{Name: "proxy-client-key-file", Value: pki + "front-proxy-client.key"},
	}
	args = append(args, etcdArgs(c, endpoint)...)
	if _, ok := staticpod.Value(c.APIServer.ExtraArgs, "authorization-config"); !ok {
		args = append(args, config.Arg{Name: "authorization-mode", Value: "Node,RBAC"})
	}
	return args
}

// etcdArgs point at the member on the same machine, or at the user's own cluster.
func etcdArgs(c config.ClusterConfiguration, endpoint config.APIEndpoint) []config.Arg {
	e := c.Etcd.External
	if e == nil {
		servers := "https://" + net.JoinHostPort(endpoint.Loopback(), "2379")
		// The members' advertised URLs, when a user changes them, are the ones to call.
		if urls, ok := staticpod.Value(c.Etcd.Local.ExtraArgs, "advertise-client-urls"); ok {
			servers = urls
		}
		pki := c.CertificatesDir + "/"
		return []config.Arg{
			{Name: "etcd-servers", Value: servers},
			{Name: "etcd-cafile", Value: pki + "etcd/ca.crt"},
			{Name: "etcd-certfile", Value: pki + "apiserver-etcd-client.crt"},
			{Name: "etcd-keyfile", Value: pki + "apiserver-etcd-client.key"},
		}
	}
	args := []config.Arg{{Name: "etcd-servers", Value: strings.Join(e.Endpoints, ",")}}
	if e.CAFile != "" {
		args = append(args, config.Arg{Name: "etcd-cafile", Value: e.CAFile})
	}
	if e.CertFile != "" && e.KeyFile != "" {
		args = append(args,
			config.Arg{Name: "etcd-certfile", Value: e.CertFile},
			config.Arg{Name: "etcd-keyfile", Value: e.KeyFile})
	}
	return args
}

// etcdMounts are the folders of an external etcd's certificates that nothing
// else mounts, without those below another.
func etcdMounts(c config.ClusterConfiguration) []staticpod.Mount {
	e := c.Etcd.External
	if e == nil {
		return nil
	}
	var folders []string
	for _, file := range []string{e.CAFile, e.CertFile, e.KeyFile} {
		if file == "" {
			continue
		}
		folder := file[:max(strings.LastIndex(file, "/"), 0)]
		if !mounted(folder, c.CertificatesDir) {
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	var kept []string
	for _, f := range folders {
		if !slices.ContainsFunc(kept, func(k string) bool { return strings.HasPrefix(f, k) }) {
			kept = append(kept, f)
		}
	}
	var mounts []staticpod.Mount
	for i, f := range kept {
		mounts = append(mounts, staticpod.Mount{
			Name: "etcd-certs-" + strconv.Itoa(i), Path: f, ReadOnly: true, Type: corev1.HostPathDirectoryOrCreate,
		})
	}
	return mounts
}
