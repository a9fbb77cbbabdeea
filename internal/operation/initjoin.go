package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/pki"
)

// JoinCommand is how other machines join the cluster.
type JoinCommand struct {
	// Endpoint is "host:port"; Shared is true of one that stands for all control
	// planes, so that more can join.
	Endpoint string `json:"endpoint"`
	Shared   bool   `json:"shared"`
	// Tokens are whole; CAHashes are "sha256:<hex>" of the authority's public key.
	Tokens   []string `json:"tokens"`
	CAHashes []string `json:"caCertHashes"`
	// CertificateKey is "" where no certificates were uploaded.
	CertificateKey string `json:"certificateKey,omitempty"`
}

// Worker is the command line for a worker.
func (j JoinCommand) Worker(token string) string {
	var pins []string
	for _, h := range j.CAHashes {
		pins = append(pins, "--discovery-token-ca-cert-hash "+h)
	}
	return fmt.Sprintf("keelway join %s --token %s \\\n    %s", j.Endpoint, token, strings.Join(pins, " "))
}

// ControlPlane is the command line for another control plane.
func (j JoinCommand) ControlPlane(token, certificateKey string) string {
	line := j.Worker(token) + " \\\n    --control-plane"
	if certificateKey != "" {
		line += " --certificate-key " + certificateKey
	}
	return line
}

// joinCommand tells how others join: by the tokens of this run, or by one that
// is in the cluster.
func (m *Machine) joinCommand(ctx context.Context, model *cluster.Model, certificateKey string) (*JoinCommand, error) {
	ca, err := observe.ReadText(ctx, m.Host, model.Cluster.CertificatesDir+"/ca.crt")
	if err != nil {
		return nil, fmt.Errorf("cannot say how to join: %w", err)
	}
	cert, err := pki.ParseCert([]byte(ca))
	if err != nil {
		return nil, fmt.Errorf("%s/ca.crt: %w", model.Cluster.CertificatesDir, err)
	}
	j := &JoinCommand{
		Endpoint: strings.TrimPrefix(model.Cluster.ControlPlaneURL(model.Hosts[0].Init.LocalAPIEndpoint), "https://"),
		Shared:   model.Cluster.ControlPlaneEndpoint != "", CAHashes: []string{pki.CertHash(cert)}, CertificateKey: certificateKey,
	}
	for _, t := range model.Hosts[0].Init.BootstrapTokens {
		if m.tokenIsThere(ctx, t) {
			j.Tokens = append(j.Tokens, t.Token.String())
		}
	}
	if len(j.Tokens) == 0 {
		return nil, errors.New("there is no token to join with: make one with `keelway init phase bootstrap-token`")
	}
	return j, nil
}

func (m *Machine) tokenIsThere(ctx context.Context, t config.BootstrapToken) bool {
	c, err := m.Client.Client(ctx)
	if err != nil {
		return false
	}
	_, err = c.Typed.CoreV1().Secrets(metav1.NamespaceSystem).Get(ctx, "bootstrap-token-"+t.Token.ID, metav1.GetOptions{})
	return err == nil
}

// tokenRest is how long a token must still live to be shown instead of a new one.
const tokenRest = time.Hour

// keepToken takes the token that an earlier run made, where the user named
// none: a second run has nothing to do then. Without an API there is none.
func (m *Machine) keepToken(ctx context.Context, in *initInput) {
	tokens := in.model.Hosts[0].Init.BootstrapTokens
	if len(tokens) != 1 || !in.generatedToken || in.model.Theirs.Services {
		return
	}
	if len(in.only) > 0 && in.run.Has("bootstrap-token") {
		return // asked for by name
	}
	c, err := m.Client.Client(ctx)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	list, err := c.Typed.CoreV1().Secrets(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{FieldSelector: "type=" + string(corev1.SecretTypeBootstrapToken)})
	if err != nil {
		return
	}
	for _, s := range list.Items {
		end, err := time.Parse(time.RFC3339, string(s.Data["expiration"]))
		long := len(s.Data["expiration"]) == 0 || err == nil && end.After(m.Now().Add(tokenRest))
		if long && string(s.Data["usage-bootstrap-signing"]) == "true" && string(s.Data["usage-bootstrap-authentication"]) == "true" &&
			strings.Contains(string(s.Data["auth-extra-groups"]), config.DefaultTokenGroup) {
			tokens[0].Token = &config.TokenString{ID: string(s.Data["token-id"]), Secret: string(s.Data["token-secret"])}
			return
		}
	}
}
