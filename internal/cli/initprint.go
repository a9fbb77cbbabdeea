package cli

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/plan"
)

// withheld stands for a secret that the user did not want to be printed.
const withheld = "<value withheld>"

// afterInit says what a person needs next: nothing after a single phase but
// what it was called for.
func (s streams) afterInit(o *initFlags, only []string, r *operation.InitResult) {
	switch {
	case o.printManifest:
		printObjects(s.out, r.Desired)
		return
	case r.Plan != nil:
		printPlan(s.out, *r.Plan)
		return
	case o.output == "json":
		if r.Join != nil {
			_ = json.NewEncoder(s.out).Encode(map[string]any{"kind": "join", "join": o.hide(*r.Join)})
		}
		return
	}
	if r.CertificateKey != "" && !o.skipKey && r.Join == nil {
		fmt.Fprintf(s.out, "certificate key: %s\n", r.CertificateKey)
	}
	if len(only) > 0 && only[0] == "bootstrap-token" && !o.skipToken {
		for _, t := range r.Model.Hosts[0].Init.BootstrapTokens {
			fmt.Fprintf(s.out, "token: %s\n", t.Token)
		}
	}
	if r.Join == nil {
		return
	}
	if only == nil {
		printAccess(s.out)
	}
	printJoin(s.out, o.hide(*r.Join), r)
}

// hide withholds what the user does not want to be printed.
func (o *initFlags) hide(j operation.JoinCommand) operation.JoinCommand {
	if o.skipToken {
		j.Tokens = []string{withheld}
	}
	if o.skipKey && j.CertificateKey != "" {
		j.CertificateKey = withheld
	}
	return j
}

func printAccess(out *os.File) {
	fmt.Fprint(out, `
The control plane runs. To use it as an ordinary user:

  mkdir -p $HOME/.kube
  sudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
  sudo chown $(id -u):$(id -g) $HOME/.kube/config

Or as root:

  export KUBECONFIG=/etc/kubernetes/admin.conf
`)
}

func printJoin(out *os.File, j operation.JoinCommand, r *operation.InitResult) {
	if r.Model.Theirs.Network {
		fmt.Fprint(out, "\nInstall a pod network next: until then the node is not ready, and pods wait.\n")
	}
	for _, token := range j.Tokens {
		if j.Shared && j.CertificateKey != "" {
			fmt.Fprintf(out, "\nOther control planes join with this, as root, within two hours; the certificate\nkey opens the cluster's own keys, so keep it secret:\n\n  %s\n", j.ControlPlane(token, j.CertificateKey))
		} else if j.Shared {
			fmt.Fprintf(out, "\nOther control planes join with this, as root, once the shared keys and\ncertificates have been copied there ('keelway init phase upload-certs\n--upload-certs' makes copying unnecessary):\n\n  %s\n", j.ControlPlane(token, ""))
		}
		fmt.Fprintf(out, "\nWorkers join with this, as root (kubeadm join takes the same):\n\n  %s\n", j.Worker(token))
	}
}

// printPlan shows what would be done, with what would be written. Secrets are
// not made, and so not shown.
func printPlan(out *os.File, p plan.Plan) {
	for _, refusal := range p.Refusals {
		fmt.Fprintln(out, "would refuse: "+refusal)
	}
	for _, note := range p.Notes {
		fmt.Fprintln(out, "note: "+note)
	}
	if p.Empty() {
		fmt.Fprintln(out, "nothing to do")
	}
	for _, step := range p.Steps {
		fmt.Fprintf(out, "%s: %s\n  because %s\n", step.ID(), step.Resource.What, step.Reason)
		for _, f := range step.Resource.Files {
			fmt.Fprintf(out, "  would write %s (%s)\n", f.Path, f.Mode)
			if f.Mode.Type() == fs.FileMode(0) && f.Binary == "" && !f.Secret {
				indented(out, f.Content)
			}
		}
		if len(step.Resource.Files) == 0 {
			for _, path := range step.Paths() {
				fmt.Fprintln(out, "  would write "+path)
			}
		}
		for _, o := range step.Resource.Objects {
			kind := o.Object.GetObjectKind().GroupVersionKind().Kind
			fmt.Fprintf(out, "  would apply this %s\n", kind)
			if kind != "Secret" {
				indented(out, config.Marshal(o.Object))
			}
		}
	}
	fmt.Fprintln(out, "\nnothing was changed")
}

func printObjects(out *os.File, h desired.Host) {
	for _, r := range h.Resources {
		for _, o := range r.Objects {
			if r.Phase == "addon" {
				fmt.Fprintf(out, "---\n%s", config.Marshal(o.Object))
			}
		}
	}
}

func indented(out *os.File, text []byte) {
	for line := range strings.Lines(string(text)) {
		fmt.Fprint(out, "    "+line)
	}
}
