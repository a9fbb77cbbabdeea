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
	"testing"
	"time"
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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	// kubeadm would ask the internet for a version.
	cmd.Env = append(os.Environ(), "HTTPS_PROXY=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1")
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

// difference is a place where Keelway is meant to differ.
type difference struct {
	// Case is the name of the case, Why what is better about ours.
	Case, Why string
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
