package e2e

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

// kubeadm runs the real one on this machine's cluster.
func kubeadm(t *testing.T, args ...string) result {
	t.Helper()
	path := os.Getenv("KEELWAY_KUBEADM")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	// It would ask the internet for a version.
	cmd.Env = append(environment(t), "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=*")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("kubeadm %v: %v", args, err)
	}
	return result{out: out.String(), err: errOut.String(), code: cmd.ProcessState.ExitCode()}
}

// TestKubeadmCommands runs the commands of both programs on one cluster, each on
// what the other has made.
func TestKubeadmCommands(t *testing.T) {
	enabled(t)
	if os.Getenv("KEELWAY_KUBEADM") == "" {
		t.Skip("KEELWAY_KUBEADM does not name the real kubeadm; `make test` sets it")
	}
	up(t)
	t.Run("tokens", tokens)
	t.Run("certificates", certificates)
	t.Run("kubeconfig user", userFile)
	t.Run("upgrade", upgrade)
	t.Run("a wave of joins", joinWave)
}

// cells is a table with one blank between what stands in its columns.
func cells(table string) string {
	var b strings.Builder
	for line := range strings.Lines(table) {
		b.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return b.String()
}

func tokens(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}\n$`)
	theirs := kubeadm(t, "token", "create", "--ttl", "0", "--description", "theirs")
	ours := must(t, "token", "create", "--ttl", "0", "--description", "ours")
	for _, r := range []result{theirs, ours} {
		if r.code != 0 || !form.MatchString(r.out) {
			t.Fatalf("no token: %q %s", r.out, r.err)
		}
	}
	signing := must(t, "token", "create", "ffffff.0123456789abcdef", "--usages", "signing", "--ttl", "90m").out
	for _, format := range []string{"text", "json", "yaml", `jsonpath={.token} {.usages} {.groups}{"\n"}`} {
		a, b := kubeadm(t, "token", "list", "-o", format), run(t, "token", "list", "-o", format)
		if format == "text" { // kubeadm lays every row out for itself: its columns do not stand below each other
			a.out, b.out = cells(a.out), cells(b.out)
		}
		if a.code != 0 || a.code != b.code || a.out != b.out || !strings.Contains(a.out, strings.TrimSpace(ours.out)) {
			t.Errorf("token list -o %s: %d and %d\nkubeadm:\n%skeelway:\n%s%s%s", format, a.code, b.code, a.out, b.out, a.err, b.err)
		}
	}
	// Only the name of the program and blanks differ.
	fields := func(line string) string {
		return strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimPrefix(line, "kubeadm"), "keelway")), " ")
	}
	key := strings.Repeat("0a", 32)
	for i, flags := range [][]string{{"--print-join-command"}, {"--print-join-command", "--certificate-key", key}} {
		token := "aaaaa" + string(rune('0'+i)) + ".0123456789abcdef"
		a := kubeadm(t, append([]string{"token", "create", token}, flags...)...)
		taken := run(t, append([]string{"token", "create", token}, flags...)...)
		if taken.code == 0 || !strings.Contains(taken.err, "exists already") {
			t.Errorf("a token that is there was made again: %s", taken.err)
		}
		must(t, "token", "delete", token)
		b := must(t, append([]string{"token", "create", token}, flags...)...)
		if a.code != 0 || fields(a.out) != fields(b.out) {
			t.Errorf("%v:\n%s%s%s", flags, a.out, b.out, a.err)
		}
	}
	// Each deletes what the other made, by ID and whole.
	id, _, _ := strings.Cut(strings.TrimSpace(ours.out), ".")
	if r := kubeadm(t, "token", "delete", id); r.code != 0 {
		t.Errorf("kubeadm token delete: %s", r.err)
	}
	if out := must(t, "token", "delete", strings.TrimSpace(theirs.out), strings.TrimSpace(signing)).out; strings.Count(out, "deleted") != 2 {
		t.Errorf("token delete: %s", out)
	}
	if r := run(t, "token", "delete", id); r.code == 0 || !strings.Contains(r.err, "no token") {
		t.Errorf("a token that is gone was deleted: %s", r.err)
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	text := "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens:\n- token: bbbbb0.0123456789abcdef\n  description: of a file\n  ttl: 1h\n- token: bbbbb1.0123456789abcdef\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "token", "create", "--config", path)
	if out := kubeadm(t, "token", "list").out; !strings.Contains(out, "of a file") || !strings.Contains(out, "bbbbb1.") {
		t.Errorf("the tokens of a file are not there:\n%s", out)
	}
}

func certificates(t *testing.T) {
	a, b := kubeadm(t, "certs", "check-expiration"), must(t, "certs", "check-expiration")
	_, table, found := strings.Cut(a.out, "\n\n")
	if a.code != 0 || !found || table != b.out {
		t.Errorf("check-expiration: %d\n%s\n%s%s", a.code, table, b.out, a.err)
	}
	if strings.Contains(b.err, "configured") || strings.Contains(b.err, "warning") {
		t.Errorf("what up has made is told as a change: %s", b.err)
	}
	was, _ := os.ReadFile("/etc/kubernetes/pki/apiserver.crt")
	r := must(t, "certs", "renew", "all")
	now, err := os.ReadFile("/etc/kubernetes/pki/apiserver.crt")
	if err != nil || bytes.Equal(was, now) || strings.Count(r.out, " renewed\n") != 11 {
		t.Errorf("renew all: %v\n%s%s", err, r.out, r.err)
	}
	kept, _ := filepath.Glob("/var/lib/keelway/backup/certs-*/etc/kubernetes/pki/apiserver.crt")
	if len(kept) != 1 {
		t.Errorf("%d backups of apiserver.crt", len(kept))
	} else if old, _ := os.ReadFile(kept[0]); !bytes.Equal(old, was) {
		t.Error("the backup is not what was replaced")
	}
	// The cluster takes the new files: the administrator's at once.
	kubectl(t, "get", "nodes")
	if again := run(t, "up"); again.code != 0 || !strings.Contains(again.out, "nothing to do") {
		t.Errorf("up finds something to do after renewal:\n%s%s", again.out, again.err)
	}
	if a := kubeadm(t, "certs", "renew", "scheduler.conf"); a.code != 0 {
		t.Errorf("kubeadm certs renew: %s", a.err)
	}
}

func userFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ada.conf")
	out := must(t, "kubeconfig", "user", "--client-name", "ada", "--org", "developers", "--validity-period", "1h").out
	if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	who := must(t, "kubectl", "--kubeconfig", path, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username} {.status.userInfo.groups}").out
	if !strings.Contains(who, "ada") || !strings.Contains(who, "developers") {
		t.Errorf("the cluster knows the user as %s", who)
	}
}
