package cli

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
)

// initFlags are the flags of `init` and its phases.
type initFlags struct {
	config                        string
	init                          config.InitConfiguration
	cluster                       config.ClusterConfiguration
	token, gates                  string
	ttl                           time.Duration
	apiserver, manager, scheduler []config.Arg
	ignore, skip                  []string
	patches, kubeconfig, dir      string
	skipToken, skipKey            bool
	upload, dryRun, strict        bool
	printManifest                 bool
	bundle, output, rootfs        string
	verbose                       int
}

// add adds the flags that the phases of those paths take, all for nil.
func (o *initFlags) add(f *pflag.FlagSet, paths []string) {
	whole := paths == nil
	is := func(names ...string) bool { return takes(paths, names...) }
	if is("certs/apiserver", "kubeconfig", "control-plane/apiserver", "addon/kube-proxy") {
		f.StringVar(&o.init.LocalAPIEndpoint.AdvertiseAddress, "apiserver-advertise-address", "", "the API server's (default: the default route's)")
		f.StringVar(&o.cluster.ControlPlaneEndpoint, "control-plane-endpoint", "", "a stable name or address for all control planes")
	}
	if is("kubeconfig", "control-plane/apiserver", "addon/kube-proxy") {
		f.Int32Var(&o.init.LocalAPIEndpoint.BindPort, "apiserver-bind-port", config.DefaultBindPort, "the port of the API server")
	}
	if is("certs/apiserver") {
		f.StringSliceVar(&o.cluster.APIServer.CertSANs, "apiserver-cert-extra-sans", nil, "more names and addresses in its certificate")
	}
	if is("certs", "kubeconfig", "etcd", "control-plane", "kubelet-finalize") {
		f.StringVar(&o.cluster.CertificatesDir, "cert-dir", config.DefaultCertificatesDir, "keys and certificates")
	}
	if is("upload-certs") {
		f.StringVar(&o.init.CertificateKey, "certificate-key", "", "seals uploaded certificates (default: a new one)")
		f.BoolVar(&o.upload, "upload-certs", false, "store the shared certificates, sealed, in the cluster")
		f.BoolVar(&o.skipKey, "skip-certificate-key-print", false, "do not print that key")
	}
	if is("preflight", "kubelet-start", "upload-config") {
		f.StringVar(&o.init.NodeRegistration.CRISocket, "cri-socket", "", "the container runtime's socket (default containerd's)")
	}
	if is("control-plane/apiserver", "addon/coredns") {
		f.StringVar(&o.gates, "feature-gates", "", "kubeadm's own: name=true,other=false")
	}
	f.StringSliceVar(&o.ignore, "ignore-preflight-errors", nil, "checks whose errors become warnings, or 'all'")
	if is("preflight", "etcd", "control-plane", "kubelet-start", "addon") {
		f.StringVar(&o.cluster.ImageRepository, "image-repository", config.DefaultImageRepository, "the registry of images")
	}
	if is("certs", "kubeconfig", "control-plane", "addon") {
		f.StringVar(&o.cluster.KubernetesVersion, "kubernetes-version", "", "the Kubernetes version (default: the newest here)")
	}
	if is("kubeconfig/kubelet", "kubelet-start", "mark-control-plane") {
		f.StringVar(&o.init.NodeRegistration.Name, "node-name", "", "the node's name (default: the host name)")
	}
	if is("etcd", "control-plane", "kubelet-start") {
		f.StringVar(&o.patches, "patches", "", "folder of target[suffix][+strategic|merge|json].yaml")
	}
	if is("control-plane/controller-manager", "addon/kube-proxy", "addon/flannel") {
		f.StringVar(&o.cluster.Networking.PodSubnet, "pod-network-cidr", "", "the range of pod addresses")
	}
	if is("certs/apiserver", "control-plane/apiserver", "addon/coredns") {
		f.StringVar(&o.cluster.Networking.ServiceSubnet, "service-cidr", config.DefaultServiceSubnet, "range of Service addresses")
	}
	if is("certs/apiserver", "addon/coredns") {
		f.StringVar(&o.cluster.Networking.DNSDomain, "service-dns-domain", config.DefaultDNSDomain, "the domain of Service names")
	}
	if is("bootstrap-token", "show-join-command") {
		f.BoolVar(&o.skipToken, "skip-token-print", false, "do not print the bootstrap token")
	}
	if whole {
		f.StringSliceVar(&o.skip, "skip-phases", nil, "phases to leave out")
		f.StringVar(&o.token, "token", "", "as [a-z0-9]{6}.[a-z0-9]{16} (default: a new one)")
		f.DurationVar(&o.ttl, "token-ttl", 24*time.Hour, "the token's life; 0 is for ever")
	}
	o.addPhaseOnly(f, whole, is)
	f.StringVar(&o.config, "config", "", "a kubeadm configuration file")
	f.BoolVar(&o.dryRun, "dry-run", false, "show every file and object, and change nothing")
	f.BoolVar(&o.strict, "strict", false, "refuse fields that nobody knows, not only warn")
	f.StringVar(&o.bundle, "bundle", "", "for what is missing (default: beside keelway)")
	f.StringVar(&o.rootfs, "rootfs", "", "the root of another system, to write files there")
	addVerbose(f, &o.verbose)
	f.StringVarP(&o.output, "output", "o", "text", "text, or json for one event a line")
}

// addPhaseOnly adds what only single phases take.
func (o *initFlags) addPhaseOnly(f *pflag.FlagSet, whole bool, is func(...string) bool) {
	if whole {
		return
	}
	if is("kubeconfig") {
		f.StringVar(&o.dir, "kubeconfig-dir", "", "the folder of the kubeconfig files (default /etc/kubernetes)")
	}
	if is("upload-config", "upload-certs", "bootstrap-token", "addon", "mark-control-plane", "wait-control-plane", "show-join-command") {
		f.StringVar(&o.kubeconfig, "kubeconfig", "", "the kubeconfig to call the API with (default /etc/kubernetes/admin.conf)")
	}
	if is("addon/coredns", "addon/kube-proxy") {
		f.BoolVar(&o.printManifest, "print-manifest", false, "print the addon's objects instead of installing them")
	}
	if is("control-plane/apiserver") {
		f.Var((*argList)(&o.apiserver), "apiserver-extra-args", "more flags of the API server, as name=value")
	}
	if is("control-plane/controller-manager") {
		f.Var((*argList)(&o.manager), "controller-manager-extra-args", "more flags of the controller manager, as name=value")
	}
	if is("control-plane/scheduler") {
		f.Var((*argList)(&o.scheduler), "scheduler-extra-args", "more flags of the scheduler, as name=value")
	}
}

// documents are the flags as a configuration file, which is then read and
// checked as one.
func (o *initFlags) documents() ([]byte, error) {
	i, c := o.init, o.cluster
	t := config.BootstrapToken{Description: "The default bootstrap token generated by 'kubeadm init'."}
	if o.token != "" {
		token, err := config.ParseToken(o.token)
		if err != nil {
			return nil, err
		}
		t.Token = token
	}
	if o.ttl != 24*time.Hour {
		t.TTL = &metav1.Duration{Duration: o.ttl}
	}
	i.BootstrapTokens = []config.BootstrapToken{t}
	i.APIVersion, i.Kind = config.APIVersion, "InitConfiguration"
	c.APIVersion, c.Kind = config.APIVersion, "ClusterConfiguration"
	for gate := range strings.SplitSeq(o.gates, ",") {
		if gate == "" {
			continue
		}
		name, value, _ := strings.Cut(gate, "=")
		on, err := strconv.ParseBool(value)
		if err != nil {
			return nil, fmt.Errorf("--feature-gates: %q is not name=true or name=false", gate)
		}
		if c.FeatureGates == nil {
			c.FeatureGates = map[string]bool{}
		}
		c.FeatureGates[strings.TrimSpace(name)] = on
	}
	c.APIServer.ExtraArgs, c.ControllerManager.ExtraArgs, c.Scheduler.ExtraArgs = o.apiserver, o.manager, o.scheduler
	return bytes.Join([][]byte{config.Marshal(i), config.Marshal(c)}, []byte("---\n")), nil
}

// extra turns flags of a component into arguments, sorted by name.
