package operation

import (
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/kubelet"
)

// securityPhase is the name under which explain lists the security settings.
const securityPhase = "security"

// Setting is one security setting of the cluster.
type Setting struct {
	// ID is "security/<name>".
	ID   string `json:"id"`
	What string `json:"what"`
	Why  string `json:"why"`
	// On is read from the files that `up` writes with these options.
	On bool `json:"on"`
	// Where are the lines of files that turn it on.
	Where []Line `json:"where"`
	// Steps are those of `up` that make it so.
	Steps []string `json:"steps,omitempty"`
}

// Line is a piece of text in a file.
type Line struct {
	File string `json:"file"`
	Text string `json:"text"`
}

const (
	apiserverYAML = "/etc/kubernetes/manifests/kube-apiserver.yaml"
	managerYAML   = "/etc/kubernetes/manifests/kube-controller-manager.yaml"
	schedulerYAML = "/etc/kubernetes/manifests/kube-scheduler.yaml"
)

// settings lists the security settings, and whether want turns them on.
func settings(want desired.Host) []Setting {
	list := []Setting{
		{
			ID: "security/encryption", What: "Secrets are encrypted at rest",
			Why: "Whoever gets hold of etcd's disk or of a snapshot reads no password. The key lies beside it on the control plane, readable by root only.",
			Where: []Line{
				{apiserverYAML, "--encryption-provider-config=" + cluster.EncryptionFile},
			},
		},
		{
			ID: "security/audit", What: "who did what is recorded for 30 days, in ten files of 100 MB",
			Why: "After an incident it says who read or changed what. The content of Secrets is never recorded.",
			Where: []Line{
				{apiserverYAML, "--audit-policy-file=" + cluster.AuditPolicyFile},
				{apiserverYAML, "--audit-log-path=" + cluster.AuditLogFile},
				{apiserverYAML, "--audit-log-maxage=30"},
				{apiserverYAML, "--audit-log-maxbackup=10"},
				{apiserverYAML, "--audit-log-maxsize=100"},
			},
		},
		{
			ID: "security/profiling", What: "profiling is off in the control plane",
			Why: "Profiles show what a process has in memory, and taking them slows it down.",
			Where: []Line{
				{apiserverYAML, "--profiling=false"},
				{managerYAML, "--profiling=false"},
				{schedulerYAML, "--profiling=false"},
			},
		},
		{
			ID: "security/node-restriction", What: "a kubelet may change its own node and its own pods only",
			Why:   "Whoever takes over one machine must not get at the others through the API.",
			Where: []Line{{apiserverYAML, "--enable-admission-plugins=NodeRestriction"}, {apiserverYAML, "--authorization-mode=Node,RBAC"}},
		},
		{
			ID: "security/kubelet-serving", What: "kubelets serve certificates of the cluster's authority, approved after a strict check",
			Why:   "A self-signed certificate proves nothing: anybody on the network could pose as a kubelet and read what is sent to it.",
			Where: []Line{{kubelet.ConfigFile, "serverTLSBootstrap: true"}},
		},
		{
			ID: "security/kubelet-verification", What: "the API server checks a kubelet's certificate before it speaks with it",
			Why:   "Logs, exec and port-forward carry secrets; they go to the real kubelet or nowhere.",
			Where: []Line{{apiserverYAML, "--kubelet-certificate-authority="}},
		},
		{
			ID: "security/anonymous", What: "without credentials only the health paths and cluster-info answer",
			Why:   "Kubernetes lets anybody ask; a wrong binding would then open the cluster to the network.",
			Where: []Line{{apiserverYAML, "--authentication-config=" + cluster.AuthenticationFile}},
		},
		{
			ID: "security/pod-security", What: "pods that ask for more than the baseline are warned about and audited",
			Why:   "A pod with the host's network, files or privileges can take over its node. None is refused until you label a namespace so.",
			Where: []Line{{apiserverYAML, "--admission-control-config-file=" + cluster.AdmissionFile}},
		},
	}
	for i := range list {
		list[i].judge(want)
	}
	if isWorker(want) {
		// What is off here may be on where the API server runs.
		return slices.DeleteFunc(list, func(s Setting) bool { return !s.On })
	}
	return list
}

// judge reads from the files that are to be written whether the setting is on,
// and by which steps.
func (s *Setting) judge(want desired.Host) {
	s.On = true
	for _, line := range s.Where {
		found := false
		for _, r := range want.Resources {
			for _, f := range r.Files {
				if f.Path == line.File && strings.Contains(string(f.Content), line.Text) {
					found = true
					s.add(r.ID)
				}
			}
		}
		s.On = s.On && found
	}
	if !s.On {
		s.Steps = nil
		return
	}
	// The file that a flag names belongs to it too, and so does its phase's.
	for _, r := range want.Resources {
		for _, p := range r.Paths() {
			for _, line := range s.Where {
				if strings.HasSuffix(line.Text, "="+p) && r.Phase == "hardening" {
					s.add(r.ID)
				}
			}
		}
		if s.ID == "security/kubelet-serving" && r.Phase == "approver" {
			s.add(r.ID)
		}
	}
}

func (s *Setting) add(step string) {
	if !slices.Contains(s.Steps, step) {
		s.Steps = append(s.Steps, step)
	}
}
