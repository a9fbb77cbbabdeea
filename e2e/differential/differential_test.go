// Package differential gives the same input to Keelway and to the real kubeadm, and holds one's output against the other's.
package differential

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// peers are the two programs, by the environment that the test runner sets.
func peers(t *testing.T) (keelway, kubeadm string) {
	t.Helper()
	keelway, kubeadm = os.Getenv("KEELWAY_BIN"), os.Getenv("KEELWAY_KUBEADM")
	if keelway == "" || kubeadm == "" {
		t.Skip("KEELWAY_BIN and KEELWAY_KUBEADM name the two programs that are compared; `make test` sets them")
	}
	return keelway, kubeadm
}

// answer is what a program came to.
type answer struct {
	out, err string
	ok       bool
}

func run(t *testing.T, program string, args ...string) answer {
	t.Helper()
	// kubeadm would ask the internet for a version.
	return runWith(t, []string{"HTTPS_PROXY=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1"}, program, args...)
}

func runWith(t *testing.T, env []string, program string, args ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %v: %v", program, args, err)
	}
	return answer{out.String(), errOut.String(), err == nil}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var madeToken = regexp.MustCompile(`token: [a-z0-9]{6}\.[a-z0-9]{16}`)

// normal masks what is random: a token that the input does not have.
func normal(input, output string) string {
	return madeToken.ReplaceAllStringFunc(output, func(line string) string {
		if strings.Contains(input, strings.TrimPrefix(line, "token: ")) {
			return line
		}
		return "token: (made)"
	})
}

// meant are the cases of a test in which Keelway is meant to differ, and why.
// The one list of them all is e2e/differences.yaml.
type meant struct {
	mu   sync.Mutex
	why  map[string]string
	seen map[string]bool
}

func differences(t *testing.T, test string) *meant {
	t.Helper()
	raw, err := os.ReadFile("../differences.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]struct{ Case, Why string }
	if err := yaml.UnmarshalStrict(raw, &all); err != nil {
		t.Fatal(err)
	}
	m := &meant{why: map[string]string{}, seen: map[string]bool{}}
	for _, d := range all[test] {
		if d.Why == "" || m.why[d.Case] != "" {
			t.Errorf("differences.yaml: %q is there twice, or without a reason", d.Case)
		}
		m.why[d.Case] = d.Why
	}
	return m
}

// judge fails the test if a case differs and is not meant to, or the other way.
func (m *meant) judge(t *testing.T, name, says, text string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[name] = true
	switch _, listed := m.why[name]; {
	case says != "" && !listed:
		t.Errorf("%s\n%s", says, text)
	case says == "" && listed:
		t.Error("both agree: strike it from differences.yaml")
	}
}

// stale fails the test for what is listed and no case.
func (m *meant) stale(t *testing.T) {
	t.Helper()
	for name := range m.why {
		if !m.seen[name] {
			t.Errorf("no case is named %q: strike it from differences.yaml", name)
		}
	}
}

// firstDifference shows where two texts part.
func firstDifference(theirs, ours string) string {
	a, b := strings.Split(theirs, "\n"), strings.Split(ours, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "(end)", "(end)"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return "kubeadm: " + x + "\nkeelway: " + y
		}
	}
	return ""
}
