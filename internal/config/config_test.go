package config

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestParseToken(t *testing.T) {
	rows := map[string]bool{
		"abcdef.0123456789abcdef":   true,
		"abcdef.0123456789abcde":    false,
		"abcdef.0123456789abcdef0":  false,
		"ABCDEF.0123456789abcdef":   false,
		"abcdef0123456789abcdef":    false,
		"abcdef.0123456789abcdef\n": false,
		"":                          false,
	}
	for text, good := range rows {
		token, err := ParseToken(text)
		if (err == nil) != good {
			t.Errorf("ParseToken(%q): %v", text, err)
		}
		if good && token.String() != text {
			t.Errorf("ParseToken(%q) is %q", text, token)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestTokenIsOneString(t *testing.T) {
	data, err := json.Marshal(BootstrapToken{Token: &TokenString{ID: "abcdef", Secret: "0123456789abcdef"}})
	if err != nil || string(data) != `{"token":"abcdef.0123456789abcdef"}` {
		t.Errorf("%s, %v", data, err)
	}
	var back BootstrapToken
	if err := json.Unmarshal(data, &back); err != nil || back.Token.Secret != "0123456789abcdef" {
		t.Errorf("%+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"token":"short"}`), &back); err == nil {
		t.Error("a malformed token is read")
	}
}

func TestTokenSecretEnds(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	at := metav1.NewTime(now.Add(time.Hour))
	rows := []struct {
		name  string
		token BootstrapToken
		want  string
	}{
		{"default", BootstrapToken{}, "2030-01-03T03:04:05Z"},
		{"forever", BootstrapToken{TTL: &metav1.Duration{}}, ""},
		{"fixed", BootstrapToken{Expires: &at}, "2030-01-02T04:04:05Z"},
	}
	for _, row := range rows {
		token := row.token
		token.Token = &TokenString{ID: "abcdef", Secret: "0123456789abcdef"}
		DefaultToken(&token)
		s := TokenSecret(token, now)
		if got := string(s.Data["expiration"]); got != row.want {
			t.Errorf("%s: ends %q, want %q", row.name, got, row.want)
		}
		if s.Name != "bootstrap-token-abcdef" || string(s.Data["usage-bootstrap-signing"]) != "true" || string(s.Data["auth-extra-groups"]) != DefaultTokenGroup {
			t.Errorf("%s: %s has %v", row.name, s.Name, s.Data)
		}
	}
}

func TestServiceAddress(t *testing.T) {
	rows := []struct {
		subnet string
		index  int
		want   string
	}{
		{"10.96.0.0/12", 10, "10.96.0.10"},
		{"10.96.0.7/12", 1, "10.96.0.1"},
		{"10.0.0.250/24,fd00::/112", 10, "10.0.0.10"},
		{"fd00:1::/112,10.0.0.0/24", 10, "fd00:1::a"},
		{"10.0.0.0/30", 10, ""},
		{"10.0.0.0/28", 10, "10.0.0.10"},
		{"10.0.0.0", 1, ""},
		{"", 1, ""},
	}
	for _, row := range rows {
		got, err := Networking{ServiceSubnet: row.subnet}.ServiceAddress(row.index)
		if (err == nil) != (row.want != "") || (err == nil && got.String() != row.want) {
			t.Errorf("address %d of %q is %s, %v; want %q", row.index, row.subnet, got, err, row.want)
		}
	}
}

func TestControlPlaneURL(t *testing.T) {
	four, six := APIEndpoint{AdvertiseAddress: "192.0.2.1", BindPort: 6443}, APIEndpoint{AdvertiseAddress: "fd00::1", BindPort: 7443}
	rows := []struct {
		endpoint string
		local    APIEndpoint
		want     string
	}{
		{"", four, "https://192.0.2.1:6443"},
		{"", six, "https://[fd00::1]:7443"},
		{"api.example.com", six, "https://api.example.com:7443"},
		{"api.example.com:443", four, "https://api.example.com:443"},
		{"fd00::2", four, "https://[fd00::2]:6443"},
		{"[fd00::2]", four, "https://[fd00::2]:6443"},
		{"[fd00::2]:443", four, "https://[fd00::2]:443"},
	}
	for _, row := range rows {
		if got := (ClusterConfiguration{ControlPlaneEndpoint: row.endpoint}).ControlPlaneURL(row.local); got != row.want {
			t.Errorf("URL of %q: %s, want %s", row.endpoint, got, row.want)
		}
	}
	if six.Loopback() != "::1" || four.Loopback() != "127.0.0.1" {
		t.Error("the loopback address is of the other family")
	}
}
