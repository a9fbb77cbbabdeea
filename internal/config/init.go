package config

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// InitConfiguration is what `init` needs beyond the ClusterConfiguration; it
// is not kept in the cluster.
type InitConfiguration struct {
	metav1.TypeMeta `json:""`

	BootstrapTokens  []BootstrapToken        `json:"bootstrapTokens,omitempty"`
	DryRun           bool                    `json:"dryRun,omitempty"`
	NodeRegistration NodeRegistrationOptions `json:"nodeRegistration,omitempty"`
	LocalAPIEndpoint APIEndpoint             `json:"localAPIEndpoint,omitempty"`
	// CertificateKey is the hex AES key of the Secret kubeadm-certs.
	CertificateKey string    `json:"certificateKey,omitempty"`
	SkipPhases     []string  `json:"skipPhases,omitempty"`
	Patches        *Patches  `json:"patches,omitempty"`
	Timeouts       *Timeouts `json:"timeouts,omitempty"`
}

// JoinConfiguration is what `join` needs.
type JoinConfiguration struct {
	metav1.TypeMeta `json:""`

	DryRun           bool                    `json:"dryRun,omitempty"`
	NodeRegistration NodeRegistrationOptions `json:"nodeRegistration,omitempty"`
	CACertPath       string                  `json:"caCertPath,omitempty"`
	Discovery        Discovery               `json:"discovery"`
	// ControlPlane is nil for a worker.
	ControlPlane *JoinControlPlane `json:"controlPlane,omitempty"`
	SkipPhases   []string          `json:"skipPhases,omitempty"`
	Patches      *Patches          `json:"patches,omitempty"`
	Timeouts     *Timeouts         `json:"timeouts,omitempty"`
}

// JoinControlPlane makes the joining machine a control plane.
type JoinControlPlane struct {
	LocalAPIEndpoint APIEndpoint `json:"localAPIEndpoint,omitempty"`
	CertificateKey   string      `json:"certificateKey,omitempty"`
}

// Discovery says how a joining machine learns which cluster to trust.
type Discovery struct {
	BootstrapToken *BootstrapTokenDiscovery `json:"bootstrapToken,omitempty"`
	File           *FileDiscovery           `json:"file,omitempty"`
	// TLSBootstrapToken defaults to the bootstrap token's.
	TLSBootstrapToken string `json:"tlsBootstrapToken,omitempty"`
}

// BootstrapTokenDiscovery reads cluster-info with a token and a pinned CA.
type BootstrapTokenDiscovery struct {
	Token             string `json:"token"`
	APIServerEndpoint string `json:"apiServerEndpoint,omitempty"`
	// CACertHashes are "sha256:<hex>" of the CA's public key (SPKI, DER).
	CACertHashes             []string `json:"caCertHashes,omitempty"`
	UnsafeSkipCAVerification bool     `json:"unsafeSkipCAVerification,omitempty"`
}

// FileDiscovery reads cluster-info from a kubeconfig file.
type FileDiscovery struct {
	KubeConfigPath string `json:"kubeConfigPath"`
}

// ResetConfiguration is what `reset` needs.
type ResetConfiguration struct {
	metav1.TypeMeta `json:""`

	CleanupTmpDir         bool      `json:"cleanupTmpDir,omitempty"`
	CertificatesDir       string    `json:"certificatesDir,omitempty"`
	CRISocket             string    `json:"criSocket,omitempty"`
	DryRun                bool      `json:"dryRun,omitempty"`
	Force                 bool      `json:"force,omitempty"`
	IgnorePreflightErrors []string  `json:"ignorePreflightErrors,omitempty"`
	SkipPhases            []string  `json:"skipPhases,omitempty"`
	UnmountFlags          []string  `json:"unmountFlags,omitempty"`
	Timeouts              *Timeouts `json:"timeouts,omitempty"`
}
