package check

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"strings"

	"keelway.dev/keelway/internal/config"
)

// Join finds the problems of a defaulted JoinConfiguration. Whether a discovery
// file is there is for preflight to see.
func Join(j *config.JoinConfiguration) []Problem {
	var l list
	l.discovery(j.Discovery)
	l.registration("nodeRegistration", j.NodeRegistration)
	if p := j.ControlPlane; p != nil {
		l.endpoint("controlPlane.localAPIEndpoint", p.LocalAPIEndpoint)
		l.certificateKey("controlPlane.certificateKey", p.CertificateKey)
	}
	if !strings.HasPrefix(j.CACertPath, "/") || !strings.HasSuffix(j.CACertPath, ".crt") {
		l.add("caCertPath", "%q is not an absolute path that ends with .crt", j.CACertPath)
	}
	return l
}

func (l *list) discovery(d config.Discovery) {
	switch {
	case d.BootstrapToken == nil && d.File == nil:
		l.add("discovery", "bootstrapToken or file is needed: how else should this machine know which cluster to trust")
	case d.BootstrapToken != nil && d.File != nil:
		l.add("discovery", "bootstrapToken and file exclude each other: keep one")
	}
	if b := d.BootstrapToken; b != nil {
		if b.APIServerEndpoint == "" {
			l.add("discovery.bootstrapToken.apiServerEndpoint", "it is needed: the address of an API server, such as 192.0.2.10:6443")
		} else if _, _, err := net.SplitHostPort(b.APIServerEndpoint); err != nil {
			l.add("discovery.bootstrapToken.apiServerEndpoint", "%q is not an address with a port, such as 192.0.2.10:6443", b.APIServerEndpoint)
		}
		if len(b.CACertHashes) == 0 && !b.UnsafeSkipCAVerification {
			l.add("discovery.bootstrapToken.caCertHashes", "without the hash of the cluster's CA anybody who knows the token could pose as the cluster: give one (`keelway token create --print-join-command` prints it), or set unsafeSkipCAVerification")
		}
		for i, pin := range b.CACertHashes {
			if err := Pin(pin); err != nil {
				l.named("CACertHash", fmt.Sprintf("discovery.bootstrapToken.caCertHashes[%d]", i), "%v", err)
			}
		}
		l.token("discovery.bootstrapToken.token", b.Token)
		l.token("discovery.tlsBootstrapToken", d.TLSBootstrapToken)
	}
	if f := d.File; f != nil {
		u, err := url.Parse(f.KubeConfigPath)
		if err != nil || u.Scheme != "" && u.Scheme != "https" || f.KubeConfigPath == "" {
			l.add("discovery.file.kubeConfigPath", "%q is neither a file nor an https URL", f.KubeConfigPath)
		}
		if d.TLSBootstrapToken != "" {
			l.token("discovery.tlsBootstrapToken", d.TLSBootstrapToken)
		}
	}
}

// Pin checks the form of a CA's hash: "sha256:" and 64 hexadecimal digits.
// kubeadm finds a malformed one only after minutes of waiting.
func Pin(pin string) error {
	kind, digits, ok := strings.Cut(pin, ":")
	if !ok || !strings.EqualFold(kind, "sha256") {
		return fmt.Errorf("%q is not a CA's hash, which begins with \"sha256:\"", pin)
	}
	if sum, err := hex.DecodeString(digits); err != nil || len(sum) != 32 {
		return fmt.Errorf("%q is not a CA's hash: after \"sha256:\" there are 64 hexadecimal digits, not %d characters", pin, len(digits))
	}
	return nil
}

// token never repeats the value, which is a secret.
func (l *list) token(field, value string) {
	if _, err := config.ParseToken(value); err != nil {
		l.add(field, "it is not a token of the form abcdef.0123456789abcdef")
	}
}

// Reset finds the problems of a defaulted ResetConfiguration.
func Reset(r *config.ResetConfiguration) []Problem {
	var l list
	l.socket("criSocket", r.CRISocket)
	l.absolute("certificatesDir", r.CertificatesDir)
	for i, flag := range r.UnmountFlags {
		switch flag {
		case "MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW":
		default:
			l.add(fmt.Sprintf("unmountFlags[%d]", i), "%q is none of MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW", flag)
		}
	}
	return l
}

// Upgrade finds the problems of a defaulted UpgradeConfiguration.
func Upgrade(u *config.UpgradeConfiguration) []Problem {
	var l list
	if p := u.Apply.Patches; p != nil {
		l.absolute("apply.patches.directory", p.Directory)
	}
	if p := u.Node.Patches; p != nil {
		l.absolute("node.patches.directory", p.Directory)
	}
	l.pullPolicy("apply.imagePullPolicy", string(u.Apply.ImagePullPolicy))
	l.pullPolicy("node.imagePullPolicy", string(u.Node.ImagePullPolicy))
	return l
}
