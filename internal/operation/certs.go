package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/release"
)

// CertsOptions say which control plane's certificates are meant.
type CertsOptions struct {
	// File and Text are the user's configuration; without it the cluster's is
	// read, then what `init` wrote down.
	File string
	Text []byte
	// Kubeconfig is what the cluster is called with, "" to not call it.
	Kubeconfig string
	// CertDir and KubeconfigDir win over the configuration, unless "".
	CertDir, KubeconfigDir string
	// Facts are the machine's.
	Facts cluster.Facts
}

// Certs are the certificates of this machine's control plane.
type Certs struct {
	host  host.Host
	now   func() time.Time
	input pki.Input
	// file is the user's configuration, "" for the cluster's own.
	file string
	// Configured is false when no configuration was found and kubeadm's defaults
	// stand for it; Warnings say so.
	Configured bool
	Warnings   []string
}

// clusterPatience is how long a cluster may take to tell its configuration:
// certificates must be renewable while it is down.
const clusterPatience = 5 * time.Second

// OpenCerts finds out what the certificates should be, and changes nothing.
func OpenCerts(ctx context.Context, h host.Host, now func() time.Time, o CertsOptions) (*Certs, error) {
	c := &Certs{host: h, now: now, file: o.File, Configured: true}
	file, text := o.File, o.Text
	if file == "" {
		file, text = c.findConfig(ctx, o)
	}
	set, err := load.Read(file, text, load.Options{})
	if err == nil && o.File != "" && set.Init == nil && set.Cluster == nil {
		err = fmt.Errorf("%s: there is no ClusterConfiguration or InitConfiguration in it", file)
	}
	if err != nil {
		return nil, &WishError{err}
	}
	if set.Init == nil {
		set.Init = &config.InitConfiguration{}
	}
	c.local(ctx, set.Init)
	on := load.Host{Name: o.Facts.Hostname, Address: "0.0.0.0", Version: release.Default().Kubernetes, Token: NewToken}
	if len(o.Facts.Addresses) > 0 {
		on.Address = o.Facts.Addresses[0]
	}
	if err := set.Complete(on, load.Options{}); err != nil {
		return nil, &WishError{err}
	}
	for _, w := range set.Warnings {
		c.Warnings = append(c.Warnings, w.String())
	}
	if o.CertDir != "" {
		set.Cluster.CertificatesDir = o.CertDir
	}
	c.input = desired.PKI(&cluster.Model{Cluster: *set.Cluster}, cluster.Host{Init: *set.Init})
	c.input.ConfDir = o.KubeconfigDir
	if err := c.input.Validate(); err != nil {
		return nil, &WishError{err}
	}
	return c, nil
}

// findConfig reads the cluster's configuration, or what `init` wrote down.
func (c *Certs) findConfig(ctx context.Context, o CertsOptions) (file string, text []byte) {
	why := errors.New("it was not asked for")
	if o.Kubeconfig != "" {
		if text, why = c.clusterConfig(ctx, o.Kubeconfig); why == nil {
			return "ConfigMap kube-system/kubeadm-config", text
		}
	}
	saved, err := observe.ReadText(ctx, c.host, initDir+"/config.yaml")
	if err == nil {
		if o.Kubeconfig != "" {
			c.Warnings = append(c.Warnings, fmt.Sprintf("the cluster's configuration cannot be read (%v): what `keelway init` wrote down is used", why))
		}
		return initDir + "/config.yaml", []byte(saved)
	}
	c.Configured = false
	if o.Kubeconfig != "" {
		c.Warnings = append(c.Warnings, fmt.Sprintf("the cluster's configuration cannot be read (%v): kubeadm's defaults are used; --config names a file", why))
	}
	return "defaults", nil
}

func (c *Certs) clusterConfig(ctx context.Context, kubeconfig string) ([]byte, error) {
	text, err := observe.ReadText(ctx, c.host, kubeconfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist", kubeconfig)
	}
	if err != nil {
		return nil, err
	}
	client, err := kube.New([]byte(text), c.host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, clusterPatience)
	defer cancel()
	cm, err := client.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubeadm-config", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return []byte(cm.Data["ClusterConfiguration"]), nil
}

// local fills in what only this machine knows: the node's name and where its
// API server listens, from the files that run it.
func (c *Certs) local(ctx context.Context, init *config.InitConfiguration) {
	if init.NodeRegistration.Name == "" {
		init.NodeRegistration.Name = nodeName(ctx, c.host)
	}
	e := &init.LocalAPIEndpoint
	if e.AdvertiseAddress != "" {
		return
	}
	text, err := observe.ReadText(ctx, c.host, "/etc/kubernetes/manifests/kube-apiserver.yaml")
	if err != nil {
		return
	}
	var pod metav1.PartialObjectMetadata
	if yaml.Unmarshal([]byte(text), &pod) != nil {
		return
	}
	address, port, err := net.SplitHostPort(pod.Annotations["kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"])
	if err != nil {
		return
	}
	e.AdvertiseAddress = address
	if n, err := strconv.ParseInt(port, 10, 32); err == nil && e.BindPort == 0 {
		e.BindPort = int32(n)
	}
}

// nodeName is the name of the Node that a machine's kubelet is, "" if nothing
// says it.
func nodeName(ctx context.Context, h host.Host) string {
	if text, err := observe.ReadText(ctx, h, "/etc/kubernetes/kubelet.conf"); err == nil {
		if name := nodeOf([]byte(text)); name != "" {
			return name
		}
	}
	// A joined machine's file names no node; its kubelet's certificate does.
	text, err := observe.ReadText(ctx, h, kubelet.ClientFile)
	if err != nil {
		return ""
	}
	cert, err := pki.ParseCert([]byte(text))
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(cert.Subject.CommonName, "system:node:")
}

// nodeOf is the node's name in a kubelet's kubeconfig, "" if it says none.
func nodeOf(data []byte) string {
	c, err := clientcmd.Load(data)
	if err != nil {
		return ""
	}
	for _, in := range c.Contexts {
		if name, ok := strings.CutPrefix(in.AuthInfo, "system:node:"); ok {
			return name
		}
	}
	return ""
}

// read is a file's content, nil without one.
func (c *Certs) read(ctx context.Context, path string) ([]byte, error) {
	text, err := observe.ReadText(ctx, c.host, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return []byte(text), err
}

// HostFacts are the facts of a machine.
func HostFacts(ctx context.Context, h host.Host) (cluster.Facts, error) { return observe.Facts(ctx, h) }

// Exclusive does something while no other keelway changes the machine.
func Exclusive(ctx context.Context, h host.Host, do func() error) error {
	release, err := Lock(ctx, &Machine{Host: h})
	if err != nil {
		return err
	}
	defer release()
	return do()
}
