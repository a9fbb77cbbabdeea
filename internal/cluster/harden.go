package cluster

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
)

// Files and folders of the hardened profile.
const (
	EncryptionDir      = "/etc/kubernetes/encryption"
	EncryptionFile     = EncryptionDir + "/config.yaml"
	AuditDir           = "/etc/kubernetes/audit"
	AuditPolicyFile    = AuditDir + "/policy.yaml"
	AuditLogDir        = "/var/log/kubernetes/audit"
	AuditLogFile       = AuditLogDir + "/audit.log"
	AuthenticationDir  = "/etc/kubernetes/authentication"
	AuthenticationFile = AuthenticationDir + "/config.yaml"
	AdmissionDir       = "/etc/kubernetes/admission"
	AdmissionFile      = AdmissionDir + "/config.yaml"
)

// harden adds what goes beyond kubeadm's defaults, in kubeadm's own words, so
// that kubeadm carries it along on upgrade and join.
func harden(m *Model) {
	c := &m.Cluster
	c.EncryptionAlgorithm = config.ECDSAP256
	c.APIServer.ExtraArgs = append([]config.Arg{
		{Name: "profiling", Value: "false"},
		{Name: "encryption-provider-config", Value: EncryptionFile},
		{Name: "audit-policy-file", Value: AuditPolicyFile},
		{Name: "audit-log-path", Value: AuditLogFile},
		{Name: "audit-log-maxage", Value: "30"},
		{Name: "audit-log-maxbackup", Value: "10"},
		{Name: "audit-log-maxsize", Value: "100"},
		{Name: "authentication-config", Value: AuthenticationFile},
		{Name: "admission-control-config-file", Value: AdmissionFile},
		{Name: "kubelet-certificate-authority", Value: c.CertificatesDir + "/ca.crt"},
	}, c.APIServer.ExtraArgs...)
	c.APIServer.ExtraVolumes = append([]config.HostPathMount{
		folder("keelway-encryption", EncryptionDir),
		folder("keelway-audit-policy", AuditDir),
		{Name: "keelway-audit-log", HostPath: AuditLogDir, MountPath: AuditLogDir, PathType: corev1.HostPathDirectoryOrCreate},
		folder("keelway-authentication", AuthenticationDir),
		folder("keelway-admission", AdmissionDir),
	}, c.APIServer.ExtraVolumes...)
	quiet := config.Arg{Name: "profiling", Value: "false"}
	c.ControllerManager.ExtraArgs = append([]config.Arg{
		quiet,
		// At the default of 20 requests a second its forty-odd controllers take
		// five to seven seconds to get their tokens, before any of them starts,
		// and a wave of joining kubelets waits for its certificates.
		{Name: "kube-api-qps", Value: "500"},
		{Name: "kube-api-burst", Value: "1000"},
	}, c.ControllerManager.ExtraArgs...)
	c.Scheduler.ExtraArgs = append([]config.Arg{quiet}, c.Scheduler.ExtraArgs...)
	m.Kubelet.ServerTLSBootstrap = true
	// A new Service answers this much sooner than with kube-proxy's one second.
	m.Proxy.NFTables.MinSyncPeriod = metav1.Duration{Duration: 250 * time.Millisecond}
	m.Tuning = hardenedTuning()
	env := m.Tuning.Environment()
	c.APIServer.ExtraEnvs = append(env, c.APIServer.ExtraEnvs...)
	c.ControllerManager.ExtraEnvs = append(env, c.ControllerManager.ExtraEnvs...)
	c.Scheduler.ExtraEnvs = append(env, c.Scheduler.ExtraEnvs...)
	if c.Etcd.Local != nil {
		c.Etcd.Local.ExtraEnvs = append(env, c.Etcd.Local.ExtraEnvs...)
	}
}

// hardenedTuning: an idle control plane is mostly garbage that is not collected yet.
func hardenedTuning() Tuning { return Tuning{DNSReadinessPeriod: 1, GOGC: 20} }

func folder(name, path string) config.HostPathMount {
	return config.HostPathMount{Name: name, HostPath: path, MountPath: path, ReadOnly: true, PathType: corev1.HostPathDirectory}
}
