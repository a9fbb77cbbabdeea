package foreign

import (
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/foreign/ansible"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/document"
	"keelway.dev/keelway/internal/config/load"
)

// Kubeadm makes a cluster file of a kubeadm configuration (v1beta3 or v1beta4):
// of its one machine, and of what it says of the cluster. The profile is
// kubeadm, because that is what the file describes.
func Kubeadm(f ansible.File) (*Imported, error) {
	set, err := load.Read(f.Path, f.Text, load.Options{})
	if err != nil {
		return nil, err
	}
	m := start("the kubeadm configuration "+f.Path, "cluster")
	m.Cluster.Spec.Profile = cluster.Kubeadm
	for _, w := range set.Warnings {
		m.leave(f.Path, w.Kind+" "+w.Path, "%s", w.Message)
	}
	k := kubeadm{m, f.Path}
	if c := set.Cluster; c != nil {
		k.cluster(c)
	}
	if i := set.Init; i != nil {
		k.registration(i.NodeRegistration, i.LocalAPIEndpoint, true)
		k.leave("InitConfiguration.bootstrapTokens", len(i.BootstrapTokens) > 0, "tokens are secrets, made when a host joins")
		k.leave("InitConfiguration.certificateKey", i.CertificateKey != "", "it is a secret, made when a control plane joins")
		k.leave("InitConfiguration.skipPhases", len(i.SkipPhases) > 0, "a cluster file says what should be, not what is left out")
		k.leave("InitConfiguration.timeouts", i.Timeouts != nil, "Keelway has its own")
		if i.Patches != nil {
			m.Cluster.Spec.Patches.Directory = i.Patches.Directory
		}
	}
	if j := set.Join; j != nil {
		endpoint := config.APIEndpoint{}
		if j.ControlPlane != nil {
			endpoint = j.ControlPlane.LocalAPIEndpoint
		}
		k.registration(j.NodeRegistration, endpoint, j.ControlPlane != nil)
		k.leave("JoinConfiguration.discovery", true, "the cluster's hosts are known from the file itself")
	}
	k.leave("ResetConfiguration", set.Reset != nil, "it is about a command, not about a cluster")
	k.leave("UpgradeConfiguration", set.Upgrade != nil, "it is about a command, not about a cluster")
	documents, _ := document.Split(f.Path, f.Text)
	for _, d := range documents {
		switch d.Kind {
		case "KubeletConfiguration":
			m.Cluster.Spec.Kubelet.Config = embedded(d.JSON)
		case "KubeProxyConfiguration":
			m.Cluster.Spec.KubeProxy.Config = embedded(d.JSON)
		}
	}
	return m, nil
}

type kubeadm struct {
	m    *Imported
	file string
}

func (k kubeadm) leave(name string, is bool, why string) {
	if is {
		k.m.leave(k.file, name, "%s", why)
	}
}

// embedded is a document without its apiVersion and kind, which the field says.
func embedded(text []byte) json.RawMessage {
	t := tree{}
	if yaml.Unmarshal(text, &t) != nil {
		return nil
	}
	delete(t, "apiVersion")
	delete(t, "kind")
	short, err := json.Marshal(t)
	if err != nil || len(t) == 0 {
		return nil
	}
	return short
}

func (k kubeadm) cluster(c *config.ClusterConfiguration) {
	s := &k.m.Cluster.Spec
	if c.ClusterName != "" {
		k.m.Cluster.Metadata.Name = dnsLabel(c.ClusterName)
		k.leave("ClusterConfiguration.clusterName", c.ClusterName != k.m.Cluster.Metadata.Name, "the name of a cluster is a DNS label, and was made one")
	}
	if c.KubernetesVersion != "" {
		s.KubernetesVersion = version(c.KubernetesVersion)
	}
	s.Endpoint = c.ControlPlaneEndpoint
	s.Network = file.Network{Pods: c.Networking.PodSubnet, Services: c.Networking.ServiceSubnet, DNSDomain: c.Networking.DNSDomain}
	k.leave("ClusterConfiguration.networking.podSubnet", c.Networking.PodSubnet == "", "it is not there, and flannel needs one: the default is taken")
	s.ImageRepository = c.ImageRepository
	s.Certificates = file.Certificates{Algorithm: c.EncryptionAlgorithm, Validity: c.CertificateValidityPeriod, CAValidity: c.CACertificateValidityPeriod, ExtraSANs: c.APIServer.CertSANs}
	s.APIServer = component(c.APIServer.ControlPlaneComponent)
	s.ControllerManager, s.Scheduler = component(c.ControllerManager), component(c.Scheduler)
	if l := c.Etcd.Local; l != nil {
		s.Etcd.DataDir, s.Etcd.ExtraArgs = l.DataDir, l.ExtraArgs
		k.leave("ClusterConfiguration.etcd.local.imageRepository", l.ImageRepository != "", "the image is the bundle's")
		k.leave("ClusterConfiguration.etcd.local.imageTag", l.ImageTag != "", "the image is the bundle's")
		k.leave("ClusterConfiguration.etcd.local.extraEnvs", len(l.ExtraEnvs) > 0, "there is no field for it in a cluster file")
		k.leave("ClusterConfiguration.etcd.local.serverCertSANs", len(l.ServerCertSANs) > 0, "there is no field for it in a cluster file")
		k.leave("ClusterConfiguration.etcd.local.peerCertSANs", len(l.PeerCertSANs) > 0, "there is no field for it in a cluster file")
	}
	if x := c.Etcd.External; x != nil {
		s.Etcd.External = &file.ExternalEtcd{Endpoints: x.Endpoints, CAFile: x.CAFile, CertFile: x.CertFile, KeyFile: x.KeyFile}
		k.leave("ClusterConfiguration.etcd.external.httpEndpoints", len(x.HTTPEndpoints) > 0, "there is no field for it in a cluster file")
	}
	k.leave("ClusterConfiguration.dns.imageRepository", c.DNS.ImageRepository != "", "the image is the bundle's")
	k.leave("ClusterConfiguration.dns.imageTag", c.DNS.ImageTag != "", "the image is the bundle's")
	k.leave("ClusterConfiguration.dns.disabled", c.DNS.Disabled, "CoreDNS is installed always")
	k.leave("ClusterConfiguration.proxy.disabled", c.Proxy.Disabled, "kube-proxy is installed always")
	k.leave("ClusterConfiguration.certificatesDir", c.CertificatesDir != "" && c.CertificatesDir != config.DefaultCertificatesDir, "certificates lie in "+config.DefaultCertificatesDir)
	k.leave("ClusterConfiguration.featureGates", len(c.FeatureGates) > 0, "they are kubeadm's own")
}

func component(c config.ControlPlaneComponent) file.Component {
	return file.Component{ExtraArgs: c.ExtraArgs, ExtraVolumes: c.ExtraVolumes, ExtraEnvs: c.ExtraEnvs}
}

// registration makes a host of the machine that the configuration is for.
func (k kubeadm) registration(n config.NodeRegistrationOptions, e config.APIEndpoint, plane bool) {
	h := file.Host{Name: n.Name, Address: e.AdvertiseAddress, Kubelet: file.HostKubelet{ExtraArgs: n.KubeletExtraArgs}}
	own := cluster.ControlPlaneTaint()
	if plane {
		h.Roles = []file.Role{file.ControlPlane}
		tainted := slices.ContainsFunc(n.Taints, func(t corev1.Taint) bool { return t.Key == own.Key })
		if n.Taints != nil && !tainted {
			h.Roles = append(h.Roles, file.Worker)
		}
	} else {
		h.Roles = []file.Role{file.Worker}
	}
	h.Taints = slices.DeleteFunc(slices.Clone(n.Taints), func(t corev1.Taint) bool { return t.Key == own.Key })
	if len(h.Taints) == 0 {
		h.Taints = nil
	}
	kind := map[bool]string{true: "cp", false: "w"}[plane]
	if h.Name == "" {
		h.Name = fmt.Sprintf("%s%d", kind, len(k.m.Cluster.Spec.Hosts)+1)
		k.m.leave(k.file, "nodeRegistration.name", "it is not said: the host is called %s here, and so is its node", h.Name)
	}
	if h.Address == "" {
		k.m.leave(k.file, "localAPIEndpoint.advertiseAddress", "it is not said: give the host %s an address", h.Name)
	}
	k.leave("localAPIEndpoint.bindPort", e.BindPort != 0 && e.BindPort != config.DefaultBindPort, "the API server's port is 6443")
	k.leave("nodeRegistration.criSocket", n.CRISocket != "" && n.CRISocket != config.DefaultCRISocket, "Keelway's runtime is containerd, at "+config.DefaultCRISocket)
	k.leave("nodeRegistration.ignorePreflightErrors", len(n.IgnorePreflightErrors) > 0, "name them to the command that should go on")
	k.leave("nodeRegistration.imagePullPolicy", n.ImagePullPolicy != "" && n.ImagePullPolicy != corev1.PullIfNotPresent, "images are the bundle's")
	k.m.Cluster.Spec.Hosts = append(k.m.Cluster.Spec.Hosts, h)
}
