// Package etcd builds the static pod of a control plane's etcd member.
package etcd

import (
	"cmp"
	"net"
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/staticpod"
)

const (
	clientPort  = "2379"
	peerPort    = "2380"
	metricsPort = 2381
)

// Pod is the member of the host as one that makes a new cluster, alone or with
// those that its Initial names.
func Pod(m *cluster.Model, h cluster.Host) corev1.Pod {
	return pod(m, h, args(m, h))
}

// Joining is the member of the host in a cluster that is there already, with
// --initial-cluster as given, and its peer URL.
func Joining(m *cluster.Model, h cluster.Host, initial string) (corev1.Pod, string) {
	base := args(m, h)
	for i, a := range base {
		if a.Name == "initial-cluster" {
			base[i].Value = initial
		}
	}
	base = append(base, config.Arg{Name: "initial-cluster-state", Value: "existing"})
	return pod(m, h, base), link(h.Init.LocalAPIEndpoint.AdvertiseAddress, peerPort)
}

func pod(m *cluster.Model, h cluster.Host, base []config.Arg) corev1.Pod {
	local := m.Cluster.Etcd.Local
	certs := m.Cluster.CertificatesDir + "/etcd"
	endpoint := h.Init.LocalAPIEndpoint
	target := probeTarget(local.ExtraArgs, endpoint)
	return staticpod.Pod(corev1.Container{
		Name:            "etcd",
		Image:           m.Image("etcd"),
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         staticpod.Command("etcd", base, local.ExtraArgs),
		// The data folder first, as kubeadm orders them.
		VolumeMounts: []corev1.VolumeMount{
			{Name: "etcd-data", MountPath: local.DataDir},
			{Name: "etcd-certs", MountPath: certs},
		},
		Resources:      staticpod.Requests("100m", "100Mi"),
		LivenessProbe:  target.Liveness("/livez"),
		ReadinessProbe: target.Readiness("/readyz"),
		StartupProbe:   target.Startup("/readyz", h.Init.Timeouts.ControlPlaneComponentHealthCheck.Duration),
		Env:            staticpod.Env(local.ExtraEnvs),
		Ports:          target.Ports(),
	}, volumes(local.DataDir, certs), map[string]string{
		"kubeadm.kubernetes.io/etcd.advertise-client-urls": link(endpoint.AdvertiseAddress, clientPort),
	})
}

func volumes(data, certs string) []corev1.Volume {
	list, _ := staticpod.Mounts([]staticpod.Mount{
		{Name: "etcd-data", Path: data, Type: corev1.HostPathDirectoryOrCreate},
		{Name: "etcd-certs", Path: certs, Type: corev1.HostPathDirectoryOrCreate},
	})
	return list
}

// Place is the host's part of --initial-cluster: its name and where others find
// its member.
func Place(h cluster.Host) string {
	return h.Init.NodeRegistration.Name + "=" + link(h.Init.LocalAPIEndpoint.AdvertiseAddress, peerPort)
}

func args(m *cluster.Model, h cluster.Host) []config.Arg {
	certs := m.Cluster.CertificatesDir + "/etcd/"
	endpoint := h.Init.LocalAPIEndpoint
	name := h.Init.NodeRegistration.Name
	client, peer := link(endpoint.AdvertiseAddress, clientPort), link(endpoint.AdvertiseAddress, peerPort)
	return []config.Arg{
		{Name: "name", Value: name},
		{Name: "data-dir", Value: m.Cluster.Etcd.Local.DataDir},
		{Name: "initial-cluster", Value: cmp.Or(h.Initial, Place(h))},
		{Name: "listen-client-urls", Value: link(endpoint.Loopback(), clientPort) + "," + client},
		{Name: "advertise-client-urls", Value: client},
		{Name: "listen-peer-urls", Value: peer},
		{Name: "initial-advertise-peer-urls", Value: peer},
		{Name: "listen-metrics-urls", Value: "http://" + net.JoinHostPort(endpoint.Loopback(), strconv.Itoa(metricsPort))},
		{Name: "cert-file", Value: certs + "server.crt"},
		{Name: "key-file", Value: certs + "server.key"},
		{Name: "trusted-ca-file", Value: certs + "ca.crt"},
		{Name: "client-cert-auth", Value: "true"},
		{Name: "peer-cert-file", Value: certs + "peer.crt"},
		{Name: "peer-key-file", Value: certs + "peer.key"},
		{Name: "peer-trusted-ca-file", Value: certs + "ca.crt"},
		{Name: "peer-client-cert-auth", Value: "true"},
		{Name: "snapshot-count", Value: "10000"},
		{Name: "feature-gates", Value: "InitialCorruptCheck=true"},
		{Name: "watch-progress-notify-interval", Value: "5s"},
	}
}

func link(address, port string) string { return "https://" + net.JoinHostPort(address, port) }

// probeTarget follows a user's listen-metrics-urls, its first URL.
func probeTarget(extra []config.Arg, endpoint config.APIEndpoint) staticpod.Target {
	t := staticpod.Target{Host: endpoint.Loopback(), Scheme: corev1.URISchemeHTTP, Port: metricsPort}
	list, ok := staticpod.Value(extra, "listen-metrics-urls")
	if !ok {
		return t
	}
	first, _, _ := strings.Cut(list, ",")
	u, err := url.Parse(first)
	if err != nil {
		return t
	}
	if u.Scheme == "https" {
		t.Scheme = corev1.URISchemeHTTPS
	}
	if u.Hostname() != "" {
		t.Host = u.Hostname()
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil && port > 0 {
		t.Port = int32(port)
	}
	return t
}
