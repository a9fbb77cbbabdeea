package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/operation"
)

// joinFlags are the flags of `join` and its phases.
type joinFlags struct {
	config                 string
	join                   config.JoinConfiguration
	main                   config.JoinControlPlane
	controlPlane           bool
	file, token, discovery string
	pins                   []string
	unsafe, dryRun, strict bool
	ignore, skip           []string
	patches, endpoint      string
	bundle, output         string
	verbose                int
}

func newJoin(s streams) *cobra.Command {
	o := &joinFlags{}
	c := &cobra.Command{
		Use:   "join [API-SERVER-ENDPOINT]",
		Short: "Make this machine a node of a cluster, as kubeadm does",
		Long: `Make this machine a worker, or with --control-plane one more control plane, of a
cluster that kubeadm or Keelway made, with kubeadm's flags, configuration, phases
and files. A container runtime must be there; 'keelway up --until sysctl'
installs one with the pod network's plugins. Run again after it was interrupted,
it goes on where it was.`,
		Example: `  keelway join 192.0.2.10:6443 --token abcdef.0123456789abcdef \
      --discovery-token-ca-cert-hash sha256:...
  keelway join --config join.yaml
  keelway token create --print-join-command      # on a control plane: the whole line`,
	}
	workflow{
		tree: phase.Join(), flags: o.add, args: cobra.MaximumNArgs(1),
		run: func(c *cobra.Command, args, only []string) error { return s.join(c, o, args, only) },
	}.bind(c)
	return c
}

func (s streams) join(c *cobra.Command, o *joinFlags, args, only []string) error {
	opt := operation.JoinOptions{Workflow: operation.Workflow{
		File: o.config, Only: only, Skip: o.skip, Patches: o.patches,
		Load:            load.Options{Strict: o.strict, Ignore: o.ignore},
		IgnorePreflight: o.ignore, DryRun: o.dryRun, Self: s.self, Built: builtAt(),
		FindBundle: func(kubernetes string) (string, error) { return findBundle(o.bundle, s.self, kubernetes) },
	}}
	var err error
	switch {
	case o.config != "" && len(args) > 0:
		return usageError{errors.New("the configuration file names the API server: leave the argument out, or --config")}
	case o.config != "":
		opt.NodeName = o.join.NodeRegistration.Name
		if opt.Text, err = os.ReadFile(o.config); err != nil {
			return usageError{err}
		}
	default:
		opt.File = operation.FromFlags
		if len(args) > 0 {
			o.endpoint = args[0]
		}
		if opt.Text, err = o.document(c.Flags()); err != nil {
			return usageError{err}
		}
	}
	format := o.output
	if opt.DryRun && format == "text" {
		format = "quiet"
	}
	events, end, err := s.events(c, format, o.verbose)
	if err != nil {
		return usageError{err}
	}
	defer end()
	return s.onMachine(c.Context(), events, func(m *operation.Machine) error {
		if opt.Facts, err = operation.InitFacts(c.Context(), m); err != nil {
			return err
		}
		r, err := operation.Join(c.Context(), m, opt)
		if err != nil {
			return err
		}
		end()
		switch {
		case r.Plan != nil:
			printPlan(s.out, *r.Plan)
		case format != "json" && only == nil:
			printJoined(s.out, r)
		}
		return nil
	})
}

func printJoined(out *os.File, r *operation.JoinResult) {
	name := r.Model.Hosts[0].Init.NodeRegistration.Name
	if r.Model.Hosts[0].Has(cluster.ControlPlane) {
		fmt.Fprintf(out, "\nLook at it here or on any control plane:\n\n  kubectl --kubeconfig /etc/kubernetes/admin.conf get node %s\n", name)
		return
	}
	fmt.Fprintf(out, "\nLook at it on a control plane:\n\n  kubectl get node %s\n", name)
}

// add adds the flags that the phases of those paths take, all for nil.
func (o *joinFlags) add(f *pflag.FlagSet, paths []string) {
	whole := paths == nil
	is := func(names ...string) bool { return takes(paths, names...) }
	if is("preflight", "control-plane-prepare", "kubelet-start", "etcd-join", "kubelet-wait-bootstrap") {
		f.StringVar(&o.file, "discovery-file", "", "a kubeconfig, or its https URL, that says which cluster to trust")
		f.StringVar(&o.discovery, "discovery-token", "", "the token that cluster-info must be signed with")
		f.StringSliceVar(&o.pins, "discovery-token-ca-cert-hash", nil, "the hash that the cluster's authority must have, as sha256:<hex>; may be repeated")
		f.BoolVar(&o.unsafe, "discovery-token-unsafe-skip-ca-verification", false, "trust the token alone: whoever knows it could pose as the cluster")
		f.StringVar(&o.token, "token", "", "the token for both purposes, where they have none of their own")
		f.StringVar(&o.join.Discovery.TLSBootstrapToken, "tls-bootstrap-token", "", "the token with which the kubelet asks for its certificate")
	}
	if is("preflight", "control-plane-prepare", "etcd-join", "control-plane-join", "wait-control-plane") {
		f.BoolVar(&o.controlPlane, "control-plane", false, "make the machine one more control plane")
		f.StringVar(&o.main.LocalAPIEndpoint.AdvertiseAddress, "apiserver-advertise-address", "", "the address that this API server tells others (default: the default route's)")
	}
	if is("preflight", "control-plane-prepare") {
		f.Int32Var(&o.main.LocalAPIEndpoint.BindPort, "apiserver-bind-port", config.DefaultBindPort, "the port of this API server")
		f.StringVar(&o.main.CertificateKey, "certificate-key", "", "the key that opens the uploaded certificates: 32 bytes in hex")
	}
	if is("preflight", "kubelet-start", "kubelet-wait-bootstrap") {
		f.StringVar(&o.join.NodeRegistration.CRISocket, "cri-socket", "", "the container runtime's socket (default "+config.DefaultCRISocket+")")
	}
	if is("preflight") {
		f.StringSliceVar(&o.ignore, "ignore-preflight-errors", nil, "checks whose errors become warnings, or 'all'")
	}
	f.StringVar(&o.join.NodeRegistration.Name, "node-name", "", "the node's name (default: the host name)")
	if is("control-plane-prepare", "kubelet-start", "etcd-join", "control-plane-join") {
		f.StringVar(&o.patches, "patches", "", "a folder of patches: target[suffix][+strategic|merge|json].yaml or .json")
	}
	if whole {
		f.StringSliceVar(&o.skip, "skip-phases", nil, "phases to leave out")
	}
	f.StringVar(&o.config, "config", "", "a kubeadm configuration file")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, with every file and object, and do nothing")
	f.BoolVar(&o.strict, "strict", false, "refuse fields that nobody knows, instead of warning")
	f.StringVar(&o.bundle, "bundle", "", "the bundle that missing images and programs come from (default: looked for beside keelway)")
	addVerbose(f, &o.verbose)
	f.StringVarP(&o.output, "output", "o", "text", "text for people, json for one JSON event a line")
}

// document is the flags as a configuration file, which is then read and checked
// as one.
func (o *joinFlags) document(f *pflag.FlagSet) ([]byte, error) {
	j := o.join
	j.APIVersion, j.Kind = config.APIVersion, "JoinConfiguration"
	token := func(own string) string {
		if own != "" {
			return own
		}
		return o.token
	}
	switch {
	case o.file != "" && (o.discovery != "" || o.token != "" || o.endpoint != ""):
		return nil, errors.New("--discovery-file says where the cluster is and whom to trust: leave the API server and --token out; --tls-bootstrap-token may stand beside it")
	case o.file != "":
		j.Discovery.File = &config.FileDiscovery{KubeConfigPath: o.file}
	case o.endpoint == "":
		return nil, errors.New("which cluster? Name its API server, such as 192.0.2.10:6443, or a --discovery-file; on a control plane, `keelway token create --print-join-command` prints the whole line")
	default:
		j.Discovery.BootstrapToken = &config.BootstrapTokenDiscovery{
			Token: token(o.discovery), APIServerEndpoint: strings.TrimPrefix(o.endpoint, "https://"), CACertHashes: o.pins, UnsafeSkipCAVerification: o.unsafe,
		}
		j.Discovery.TLSBootstrapToken = token(j.Discovery.TLSBootstrapToken)
	}
	for _, name := range []string{"apiserver-advertise-address", "apiserver-bind-port", "certificate-key"} {
		if f.Changed(name) && !o.controlPlane {
			return nil, fmt.Errorf("--%s is of control planes: add --control-plane, or leave it out", name)
		}
	}
	if o.controlPlane {
		j.ControlPlane = &o.main
	}
	return bytes.TrimSpace(config.Marshal(j)), nil
}
