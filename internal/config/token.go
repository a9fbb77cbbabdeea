package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BootstrapToken is a shared secret with which machines may join for a while.
type BootstrapToken struct {
	Token       *TokenString     `json:"token"`
	Description string           `json:"description,omitempty"`
	TTL         *metav1.Duration `json:"ttl,omitempty"`
	// Expires wins over TTL.
	Expires *metav1.Time `json:"expires,omitempty"`
	Usages  []string     `json:"usages,omitempty"`
	Groups  []string     `json:"groups,omitempty"`
}

// TokenString is a token's public ID and its secret, written "id.secret".
type TokenString struct {
	ID     string
	Secret string
}

// bootstrapForm is the form that Kubernetes demands of a bootstrap token.
const bootstrapForm = `\A([a-z0-9]{6})\.([a-z0-9]{16})\z`

// ParseToken splits "id.secret". The error never repeats the secret.
func ParseToken(text string) (*TokenString, error) {
	parts := regexp.MustCompile(bootstrapForm).FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("bootstrap token is not of the form %q", bootstrapForm)
	}
	return &TokenString{ID: parts[1], Secret: parts[2]}, nil
}

// String is "id.secret", or "" for an unset token.
func (t TokenString) String() string {
	if t.ID == "" || t.Secret == "" {
		return ""
	}
	return t.ID + "." + t.Secret
}

// MarshalJSON writes the token as one string.
func (t TokenString) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON reads one string.
func (t *TokenString) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	parsed, err := ParseToken(text)
	if err != nil {
		return err
	}
	*t = *parsed
	return nil
}

// TokenSecret is the Secret that makes a token known to the cluster. now is
// what TTL is counted from.
func TokenSecret(t BootstrapToken, now time.Time) *corev1.Secret {
	data := map[string][]byte{
		"token-id":     []byte(t.Token.ID),
		"token-secret": []byte(t.Token.Secret),
	}
	if t.Description != "" {
		data["description"] = []byte(t.Description)
	}
	switch {
	case t.Expires != nil:
		data["expiration"] = []byte(t.Expires.UTC().Format(time.RFC3339))
	case t.TTL != nil && t.TTL.Duration > 0:
		data["expiration"] = []byte(now.Add(t.TTL.Duration).UTC().Format(time.RFC3339))
	}
	for _, usage := range t.Usages {
		data["usage-bootstrap-"+usage] = []byte("true")
	}
	if len(t.Groups) > 0 {
		data["auth-extra-groups"] = []byte(strings.Join(t.Groups, ","))
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-" + t.Token.ID, Namespace: "kube-system"},
		Type:       corev1.SecretTypeBootstrapToken,
		Data:       data,
	}
}
