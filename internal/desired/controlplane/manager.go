package controlplane

import (
	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/staticpod"
)

const (
	managerPort   = 10257
	schedulerPort = 10259
	loopback      = "127.0.0.1"
)

// Manager is the host's kube-controller-manager.
func Manager(m *cluster.Model, h cluster.Host) corev1.Pod {
	const kubeconfig = "/etc/kubernetes/controller-manager.conf"
	c := m.Cluster
	target := probeTarget(c.ControllerManager.ExtraArgs, managerPort)
	mounts := append(certMounts(c, h), kubeconfigMount(kubeconfig))
	if m.Release.Minor() == "v1.35" {
		mounts = append(mounts, flexVolumes(c))
	}
	volumes, in := staticpod.Mounts(append(mounts, staticpod.Extra(c.ControllerManager.ExtraVolumes)...))
	return staticpod.Pod(corev1.Container{
		Name:            "kube-controller-manager",
		Image:           m.Image("kube-controller-manager"),
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         staticpod.Command("kube-controller-manager", managerArgs(m, kubeconfig), c.ControllerManager.ExtraArgs),
		VolumeMounts:    in,
		LivenessProbe:   target.Liveness("/healthz"),
		StartupProbe:    target.Startup("/healthz", h.Init.Timeouts.ControlPlaneComponentHealthCheck.Duration),
		Resources:       staticpod.Requests("200m", ""),
		Env:             staticpod.Env(h.Facts.ProxyEnvironment, c.ControllerManager.ExtraEnvs),
		Ports:           target.Ports(),
	}, volumes, nil)
}

func managerArgs(m *cluster.Model, kubeconfig string) []config.Arg {
	c := m.Cluster
	pki := c.CertificatesDir + "/"
	signingCert, signingKey := pki+"ca.crt", pki+"ca.key"
	if m.Theirs.Authority {
		// Without the authority's key no signer may start (kubeadm's UsingExternalCA).
		signingCert, signingKey = "", ""
	}
	args := append(loopbackArgs(kubeconfig),
		config.Arg{Name: "client-ca-file", Value: pki + "ca.crt"},
		config.Arg{Name: "requestheader-client-ca-file", Value: pki + "front-proxy-ca.crt"},
		config.Arg{Name: "root-ca-file", Value: pki + "ca.crt"},
		config.Arg{Name: "service-account-private-key-file", Value: pki + "sa.key"},
		config.Arg{Name: "cluster-signing-cert-file", Value: signingCert},
		config.Arg{Name: "cluster-signing-key-file", Value: signingKey},
		config.Arg{Name: "use-service-account-credentials", Value: "true"},
		config.Arg{Name: "controllers", Value: "*,bootstrapsigner,tokencleaner"},
	)
	if c.Networking.PodSubnet != "" {
		args = append(args,
			config.Arg{Name: "allocate-node-cidrs", Value: "true"},
			config.Arg{Name: "cluster-cidr", Value: c.Networking.PodSubnet},
			config.Arg{Name: "service-cluster-ip-range", Value: c.Networking.ServiceSubnet},
		)
	}
	if c.ClusterName != "" {
		args = append(args, config.Arg{Name: "cluster-name", Value: c.ClusterName})
	}
	return args
}

// flexVolumes is the folder of FlexVolume drivers, which left kubeadm with 1.36.
func flexVolumes(c config.ClusterConfiguration) staticpod.Mount {
	folder := "/usr/libexec/kubernetes/kubelet-plugins/volume/exec"
	if own, ok := staticpod.Value(c.ControllerManager.ExtraArgs, "flex-volume-plugin-dir"); ok {
		folder = own
	}
	return staticpod.Mount{Name: "flexvolume-dir", Path: folder, Type: corev1.HostPathDirectoryOrCreate}
}

// Scheduler is the host's kube-scheduler.
func Scheduler(m *cluster.Model, h cluster.Host) corev1.Pod {
	const kubeconfig = "/etc/kubernetes/scheduler.conf"
	c := m.Cluster
	target := probeTarget(c.Scheduler.ExtraArgs, schedulerPort)
	volumes, in := staticpod.Mounts(append([]staticpod.Mount{kubeconfigMount(kubeconfig)}, staticpod.Extra(c.Scheduler.ExtraVolumes)...))
	return staticpod.Pod(corev1.Container{
		Name:            "kube-scheduler",
		Image:           m.Image("kube-scheduler"),
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         staticpod.Command("kube-scheduler", loopbackArgs(kubeconfig), c.Scheduler.ExtraArgs),
		VolumeMounts:    in,
		LivenessProbe:   target.Liveness("/livez"),
		ReadinessProbe:  target.Readiness("/readyz"),
		StartupProbe:    target.Startup("/livez", h.Init.Timeouts.ControlPlaneComponentHealthCheck.Duration),
		Resources:       staticpod.Requests("100m", ""),
		Env:             staticpod.Env(h.Facts.ProxyEnvironment, c.Scheduler.ExtraEnvs),
		Ports:           target.Ports(),
	}, volumes, nil)
}

func loopbackArgs(kubeconfig string) []config.Arg {
	return []config.Arg{
		{Name: "bind-address", Value: loopback},
		{Name: "leader-elect", Value: "true"},
		{Name: "kubeconfig", Value: kubeconfig},
		{Name: "authentication-kubeconfig", Value: kubeconfig},
		{Name: "authorization-kubeconfig", Value: kubeconfig},
	}
}

// probeTarget follows a user's bind-address.
func probeTarget(extra []config.Arg, port int32) staticpod.Target {
	host := loopback
	if bind, ok := staticpod.Value(extra, "bind-address"); ok {
		host = staticpod.Address(bind)
	}
	return staticpod.Target{Host: host, Scheme: corev1.URISchemeHTTPS, Port: port}
}
