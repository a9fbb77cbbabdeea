package operation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/pki"
)

// soon is how long before its end a certificate is worth a warning, in days.
const soon = 30

// NodeStatus is one node of the cluster.
type NodeStatus struct {
	Name    string   `json:"name"`
	Ready   bool     `json:"ready"`
	Version string   `json:"version"`
	Address string   `json:"address,omitempty"`
	Roles   []string `json:"roles,omitempty"`
	PodCIDR string   `json:"podCIDR,omitempty"`
	Taints  []string `json:"taints,omitempty"`
	// Conditions are "Type=Status", such as "DiskPressure=False".
	Conditions []string `json:"conditions"`
	// Problems say which conditions are wrong, and why.
	Problems []string `json:"problems,omitempty"`
}

// CertificateStatus is how long one certificate or kubeconfig lasts.
type CertificateStatus struct {
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Expires  time.Time `json:"expires,omitzero"`
	DaysLeft int       `json:"daysLeft"`
	CA       bool      `json:"ca,omitempty"`
	Issuer   string    `json:"issuer,omitempty"`
	// Soon is true in its last thirty days, and after.
	Soon bool `json:"soon,omitempty"`
	// Problem says why there is no date; Missing is true when there is no file.
	Problem string `json:"problem,omitempty"`
	Missing bool   `json:"missing,omitempty"`
}

// nodes lists the nodes. A worker's identity may see its own alone.
func (r *StatusReport) nodes(ctx context.Context, seen state.Seen, is *expectation) {
	own := is.want.Name
	if seen.API == nil {
		if !is.main() {
			r.Problems = append(r.Problems, fmt.Sprintf("the API at %s does not answer: %s", r.Addresses.Endpoint, state.Plain(seen.APIError.Error())))
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	api := seen.API.Typed.CoreV1().Nodes()
	var list []corev1.Node
	if is.main() {
		all, err := api.List(ctx, metav1.ListOptions{})
		if err != nil {
			r.Problems = append(r.Problems, "the nodes cannot be listed: "+err.Error())
			return
		}
		list = all.Items
	} else {
		one, err := api.Get(ctx, own, metav1.GetOptions{})
		if err != nil {
			r.Problems = append(r.Problems, fmt.Sprintf("the node %s cannot be read: %v", own, err))
			return
		}
		list = append(list, *one)
		r.Notes = append(r.Notes, "a worker may ask the API about its own node alone; `keelway status` on a control plane shows the others")
	}
	for _, n := range list {
		s := nodeStatus(n)
		r.Nodes = append(r.Nodes, s)
		for i, c := range r.Components {
			if c.Name == "kubelet" && n.Name == own {
				r.Components[i].Version = s.Version
			}
		}
	}
}

func nodeStatus(n corev1.Node) NodeStatus {
	s := NodeStatus{Name: n.Name, Version: n.Status.NodeInfo.KubeletVersion, PodCIDR: n.Spec.PodCIDR}
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP && s.Address == "" {
			s.Address = a.Address
		}
	}
	for label := range n.Labels {
		if role, ok := strings.CutPrefix(label, "node-role.kubernetes.io/"); ok {
			s.Roles = append(s.Roles, role)
		}
	}
	slices.Sort(s.Roles)
	for _, t := range n.Spec.Taints {
		s.Taints = append(s.Taints, t.ToString())
	}
	reported := false
	for _, c := range n.Status.Conditions {
		s.Conditions = append(s.Conditions, fmt.Sprintf("%s=%s", c.Type, c.Status))
		right := corev1.ConditionFalse
		if c.Type == corev1.NodeReady {
			right, reported = corev1.ConditionTrue, true
			s.Ready = c.Status == right
		}
		if c.Status != right {
			s.Problems = append(s.Problems, fmt.Sprintf("%s is %s: %s", c.Type, c.Status, c.Message))
		}
	}
	if !reported {
		s.Problems = append(s.Problems, "the kubelet has not reported its conditions")
	}
	if n.Spec.Unschedulable {
		s.Taints = append(s.Taints, "cordoned")
	}
	return s
}

// certificates lists how long everything lasts that was issued for the roles of
// this machine.
func certificates(m *cluster.Model, seen observed.Host, now time.Time) []CertificateStatus {
	files := pki.Files{}
	for p, f := range seen.Files {
		if strings.HasSuffix(p, ".key") {
			files[p] = nil // that it is there is all that counts
		} else if f.Content != nil {
			files[p] = f.Content
		}
	}
	specs, configs := desired.Issued(m, 0)
	var list []CertificateStatus
	for _, e := range pki.Expirations(files, specs, configs, now) {
		_, exists := files[e.Path]
		list = append(list, CertificateStatus{
			Missing: !exists,
			Name:    e.Name, Path: e.Path, Expires: e.NotAfter, DaysLeft: e.Days, CA: e.CA, Issuer: e.Issuer, Problem: e.Problem,
			Soon: e.Problem == "" && e.Days < soon,
		})
	}
	return list
}

// servingCertificate is the kubelet's own, which it renews by itself.
func (m *Machine) servingCertificate(ctx context.Context) []CertificateStatus {
	for _, name := range []string{"kubelet-server-current.pem", "kubelet.crt"} {
		file := kubelet.Dir + "/pki/" + name
		text, err := observe.ReadText(ctx, m.Host, file)
		if err != nil {
			continue
		}
		c := certificateState([]byte(text), m.Now())
		if c == nil {
			return []CertificateStatus{{Name: "kubelet-server", Path: file, Problem: file + " holds no certificate"}}
		}
		return []CertificateStatus{{
			Name: "kubelet-server", Path: file, Expires: c.NotAfter, DaysLeft: c.DaysLeft, Soon: c.DaysLeft < soon,
		}}
	}
	return nil
}
