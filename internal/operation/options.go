package operation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/staticpod"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/prior"
)

// optionsPath is where `up` writes down what the user chose, so that the next
// `up` without flags, status and explain mean the same cluster. Without it they
// take what they can from the static pods' files.
const optionsPath = prior.Dir + "/options.json"

// Options are what a user chose for the cluster of this machine.
type Options struct {
	KubernetesVersion    string          `json:"kubernetesVersion"`
	Profile              cluster.Profile `json:"profile"`
	NodeName             string          `json:"nodeName,omitempty"`
	AdvertiseAddress     string          `json:"advertiseAddress,omitempty"`
	BindPort             int32           `json:"bindPort,omitempty"`
	ControlPlaneEndpoint string          `json:"controlPlaneEndpoint,omitempty"`
	CertSANs             []string        `json:"certSANs,omitempty"`
	PodSubnet            string          `json:"podSubnet,omitempty"`
	ServiceSubnet        string          `json:"serviceSubnet,omitempty"`
	DNSDomain            string          `json:"dnsDomain,omitempty"`
	CertificatesDir      string          `json:"certificatesDir,omitempty"`
	ImageRepository      string          `json:"imageRepository,omitempty"`
	KeepTaint            bool            `json:"keepTaint,omitempty"`
	// Programs is the sha256, in hex, of each program that was installed, by
	// its name in the bundle.
	Programs map[string]string `json:"programs,omitempty"`
}

// Basis says where options come from.
type Basis string

// The sources of options, the surest first.
const (
	Recorded  Basis = "recorded"  // `keelway up` wrote them down
	Found     Basis = "found"     // read from the files of a cluster that is there
	Defaulted Basis = "defaulted" // there is no cluster
)

// SaveOptions writes down what the user chose and the checksums of the programs,
// for status and explain. It writes only what has changed, and no secret.
func (m *Machine) SaveOptions(ctx context.Context, chosen cluster.Options, model *cluster.Model, programs map[string]string) error {
	net := model.Cluster.Networking
	o := Options{
		KubernetesVersion: model.Release.Kubernetes, Profile: model.Profile,
		NodeName: model.Hosts[0].Init.NodeRegistration.Name, AdvertiseAddress: chosen.AdvertiseAddress, BindPort: chosen.BindPort,
		ControlPlaneEndpoint: chosen.ControlPlaneEndpoint, CertSANs: chosen.CertSANs,
		PodSubnet: net.PodSubnet, ServiceSubnet: net.ServiceSubnet, DNSDomain: net.DNSDomain,
		CertificatesDir: chosen.CertificatesDir, ImageRepository: chosen.ImageRepository,
		KeepTaint: chosen.KeepTaint, Programs: programs,
	}
	data, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if old, err := observe.ReadText(ctx, m.Host, optionsPath); err == nil && old == string(data) {
		return nil
	}
	return m.Host.Put(ctx, host.Entry{Path: optionsPath, Mode: 0o644}, bytes.NewReader(data))
}

// LoadOptions returns what is written down; else what the files of a cluster
// that is there say; else the defaults.
func (m *Machine) LoadOptions(ctx context.Context) (Options, Basis, error) {
	text, err := observe.ReadText(ctx, m.Host, optionsPath)
	if err == nil {
		var o Options
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			return Options{}, "", fmt.Errorf("%s on %s cannot be read: %w; delete it: `keelway up` writes it anew", optionsPath, m.Host.Name(), err)
		}
		return o, Recorded, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Options{}, "", err
	}
	return m.foundOptions(ctx)
}

// foundOptions are those of a cluster's own files.
func (m *Machine) foundOptions(ctx context.Context) (Options, Basis, error) {
	o, err := m.findOptions(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return Options{}, Defaulted, nil
	}
	return o, Found, err
}

// Cluster turns them into the options of a model.
func (o Options) Cluster() cluster.Options {
	return cluster.Options{
		KubernetesVersion: o.KubernetesVersion, Profile: o.Profile, NodeName: o.NodeName,
		AdvertiseAddress: o.AdvertiseAddress, BindPort: o.BindPort, ControlPlaneEndpoint: o.ControlPlaneEndpoint,
		CertSANs: o.CertSANs, PodSubnet: o.PodSubnet, ServiceSubnet: o.ServiceSubnet, DNSDomain: o.DNSDomain,
		CertificatesDir: o.CertificatesDir, ImageRepository: o.ImageRepository, KeepTaint: o.KeepTaint,
	}
}

// findOptions reads a cluster's options from the static pods' files, as of a
// cluster that kubeadm made. Names added to the certificate are not looked for.
func (m *Machine) findOptions(ctx context.Context) (Options, error) {
	image, flags, err := m.staticPod(ctx, "kube-apiserver")
	if err != nil {
		return Options{}, err
	}
	value := func(args []config.Arg, name string) string {
		v, _ := staticpod.Value(args, name)
		return v
	}
	port, _ := strconv.ParseInt(value(flags, "secure-port"), 10, 32)
	repository, version := cutLast(image, ":")
	o := Options{
		KubernetesVersion: version, Profile: cluster.Kubeadm,
		AdvertiseAddress: value(flags, "advertise-address"), BindPort: int32(port),
		ServiceSubnet:   value(flags, "service-cluster-ip-range"),
		DNSDomain:       strings.TrimPrefix(value(flags, "service-account-issuer"), "https://kubernetes.default.svc."),
		CertificatesDir: path.Dir(value(flags, "client-ca-file")),
		ImageRepository: path.Dir(repository),
	}
	if value(flags, "encryption-provider-config") == cluster.EncryptionFile {
		o.Profile = cluster.Hardened
	}
	if _, flags, err := m.staticPod(ctx, "kube-controller-manager"); err == nil {
		o.PodSubnet = value(flags, "cluster-cidr")
	}
	if _, flags, err := m.staticPod(ctx, "etcd"); err == nil {
		o.NodeName = value(flags, "name")
	}
	if admin, err := m.readConfig(ctx, kube.AdminConf); err == nil {
		local := "https://" + net.JoinHostPort(o.AdvertiseAddress, strconv.Itoa(int(o.BindPort)))
		for _, c := range admin.Clusters {
			if c.Server != local {
				o.ControlPlaneEndpoint = strings.TrimPrefix(c.Server, "https://")
			}
		}
	}
	return o, nil
}

// staticPod returns the image and the flags of a static pod's only container.
func (m *Machine) staticPod(ctx context.Context, name string) (image string, flags []config.Arg, err error) {
	file := "/etc/kubernetes/manifests/" + name + ".yaml"
	text, err := observe.ReadText(ctx, m.Host, file)
	if err != nil {
		return "", nil, err
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal([]byte(text), &pod); err != nil {
		return "", nil, fmt.Errorf("%s on %s is not a pod: %w", file, m.Host.Name(), err)
	}
	if len(pod.Spec.Containers) == 0 {
		return "", nil, fmt.Errorf("%s on %s has no container", file, m.Host.Name())
	}
	c := pod.Spec.Containers[0]
	for _, word := range append(c.Command, c.Args...) {
		if flag, value, ok := strings.Cut(strings.TrimPrefix(word, "--"), "="); ok && strings.HasPrefix(word, "--") {
			flags = append(flags, config.Arg{Name: flag, Value: value})
		}
	}
	return c.Image, flags, nil
}

func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return s, ""
}
