package differential

import (
	"regexp"
	"strings"
	"testing"
)

// TestGenerated holds the form of what is random against the peer's.
func TestGenerated(t *testing.T) {
	keelway, kubeadm := peers(t)
	for form, args := range map[string][]string{
		`^[a-z0-9]{6}\.[a-z0-9]{16}\n$`: {"token", "generate"},
		`^[0-9a-f]{64}\n$`:              {"certs", "certificate-key"},
	} {
		seen := map[string]bool{}
		for _, program := range []string{kubeadm, keelway, keelway} {
			a := run(t, program, args...)
			if !a.ok || !regexp.MustCompile(form).MatchString(a.out) || seen[a.out] {
				t.Errorf("%s %v: ok %t: not of the form %s, or not random: %s", program, args, a.ok, form, a.err)
			}
			seen[a.out] = true
		}
	}
}

// TestCompletion: the shells' scripts are printed.
func TestCompletion(t *testing.T) {
	keelway, _ := peers(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if a := run(t, keelway, "completion", shell); !a.ok || !strings.Contains(a.out, "keelway") {
			t.Errorf("completion %s: %s", shell, a.err)
		}
	}
}
