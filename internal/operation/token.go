package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/check"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/pki"
)

// Tokens are the bootstrap tokens of one cluster.
type Tokens struct {
	host       host.Host
	kubeconfig []byte
	path       string
	client     *kube.Client
	now        func() time.Time
}

// OpenTokens makes a client from the kubeconfig at a path; it calls nobody yet.
func OpenTokens(ctx context.Context, h host.Host, path string, now func() time.Time) (*Tokens, error) {
	text, err := observe.ReadText(ctx, h, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &WishError{fmt.Errorf("the cluster cannot be called: %s does not exist; name its kubeconfig with --kubeconfig", path)}
	}
	if err != nil {
		return nil, err
	}
	client, err := kube.New([]byte(text), h)
	if err != nil {
		return nil, &WishError{fmt.Errorf("%s: %w", path, err)}
	}
	return &Tokens{host: h, kubeconfig: []byte(text), path: path, client: client, now: now}, nil
}

// CheckToken completes a token with defaults and refuses what the API server
// would never accept. A token without a value gets a random one.
func CheckToken(t *config.BootstrapToken) error {
	if t.Token == nil || t.Token.String() == "" {
		made := NewToken()
		t.Token = &made
	}
	groups, ttl := t.Groups, t.TTL
	config.DefaultToken(t)
	if !slices.Contains(t.Usages, "authentication") {
		// Who shows it is nobody, and in no group unless the user says so.
		t.Groups = groups
	}
	if t.Expires != nil {
		t.TTL = ttl // the default would be a second end
	}
	var wrong []string
	for _, p := range check.Token(*t) {
		wrong = append(wrong, strings.TrimPrefix(p.Path, "token[0].")+": "+p.Message)
	}
	if t.TTL != nil && t.TTL.Duration < 0 {
		wrong = append(wrong, fmt.Sprintf("ttl: %s is in the past: the token would be of no use; 0 is for ever", t.TTL.Duration))
	}
	if len(wrong) > 0 {
		return &WishError{errors.New(strings.Join(wrong, "; "))}
	}
	return nil
}

// Create stores tokens, the first that cannot be ends it.
func (t *Tokens) Create(ctx context.Context, tokens ...config.BootstrapToken) error {
	for _, token := range tokens {
		_, err := t.client.Typed.CoreV1().Secrets(metav1.NamespaceSystem).Create(ctx, config.TokenSecret(token, t.now()), metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("a token with the ID %s exists already: take another, or delete it first with `keelway token delete %s`", token.Token.ID, token.Token.ID)
		}
		if err != nil {
			return fmt.Errorf("cannot create the token %s: %w", token.Token.ID, err)
		}
	}
	return nil
}

// List returns the tokens in the order of their IDs, and a warning for each
// Secret that says it is one and is not.
func (t *Tokens) List(ctx context.Context) (tokens []config.BootstrapToken, warnings []string, err error) {
	list, err := t.client.Typed.CoreV1().Secrets(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{FieldSelector: "type=" + string(corev1.SecretTypeBootstrapToken)})
	if err != nil {
		return nil, nil, fmt.Errorf("cannot list the tokens: %w", err)
	}
	for _, s := range list.Items {
		token, err := tokenOf(s)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("the Secret %s is no usable token: %v", s.Name, err))
			continue
		}
		tokens = append(tokens, token)
	}
	return tokens, warnings, nil
}

// tokenOf is the inverse of config.TokenSecret.
func tokenOf(s corev1.Secret) (config.BootstrapToken, error) {
	value, err := config.ParseToken(string(s.Data["token-id"]) + "." + string(s.Data["token-secret"]))
	if err != nil {
		return config.BootstrapToken{}, err
	}
	if want := "bootstrap-token-" + value.ID; s.Name != want {
		return config.BootstrapToken{}, fmt.Errorf("its token needs the name %s", want)
	}
	t := config.BootstrapToken{Token: value, Description: string(s.Data["description"])}
	if end := string(s.Data["expiration"]); end != "" {
		at, err := time.Parse(time.RFC3339, end)
		if err != nil {
			return config.BootstrapToken{}, fmt.Errorf("its expiration %q is no time", end)
		}
		t.Expires = &metav1.Time{Time: at}
	}
	for key, value := range s.Data {
		if usage, ok := strings.CutPrefix(key, "usage-bootstrap-"); ok && string(value) == "true" {
			t.Usages = append(t.Usages, usage)
		}
	}
	slices.Sort(t.Usages)
	if groups := string(s.Data["auth-extra-groups"]); groups != "" {
		t.Groups = strings.Split(groups, ",")
	}
	return t, nil
}

// TokenIDs takes the IDs of tokens given as IDs or whole. The error never
// repeats a secret.
func TokenIDs(texts []string) ([]string, error) {
	var ids []string
	for _, text := range texts {
		// An ID is valid when it is with any secret.
		value, err := config.ParseToken(text)
		if err != nil {
			value, err = config.ParseToken(text + ".0000000000000000")
		}
		if err != nil {
			return nil, &WishError{errors.New("it is neither a token such as abcdef.0123456789abcdef nor a token's ID such as abcdef")}
		}
		ids = append(ids, value.ID)
	}
	return ids, nil
}

// Delete removes the token of an ID.
func (t *Tokens) Delete(ctx context.Context, id string) error {
	err := t.client.Typed.CoreV1().Secrets(metav1.NamespaceSystem).Delete(ctx, "bootstrap-token-"+id, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("there is no token with the ID %s: `keelway token list` shows those that are there", id)
	}
	if err != nil {
		return fmt.Errorf("cannot delete the token %s: %w", id, err)
	}
	return nil
}

// Join tells how a machine joins the cluster of the kubeconfig with a token.
func (t *Tokens) Join(ctx context.Context, token config.TokenString, certificateKey string) (*JoinCommand, error) {
	c, err := clientcmd.Load(t.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.path, err)
	}
	in := c.Contexts[c.CurrentContext]
	if in == nil || c.Clusters[in.Cluster] == nil {
		return nil, fmt.Errorf("%s: its current context names no cluster", t.path)
	}
	cluster := c.Clusters[in.Cluster]
	pem := cluster.CertificateAuthorityData
	if len(pem) == 0 {
		text, err := observe.ReadText(ctx, t.host, cluster.CertificateAuthority)
		if err != nil {
			return nil, fmt.Errorf("%s: the cluster's authority cannot be read: %w", t.path, err)
		}
		pem = []byte(text)
	}
	pins, err := pki.CertHashes(pem)
	if err != nil {
		return nil, fmt.Errorf("%s: the cluster's authority: %w", t.path, err)
	}
	return &JoinCommand{
		Endpoint: strings.TrimPrefix(cluster.Server, "https://"), Tokens: []string{token.String()}, CAHashes: pins, CertificateKey: certificateKey,
	}, nil
}

// Line is one line for a script: of a control plane when there is a certificate key.
func (j JoinCommand) Line() string {
	line := "keelway join " + j.Endpoint + " --token " + j.Tokens[0]
	for _, pin := range j.CAHashes {
		line += " --discovery-token-ca-cert-hash " + pin
	}
	if j.CertificateKey != "" {
		line += " --control-plane --certificate-key " + j.CertificateKey
	}
	return line
}
