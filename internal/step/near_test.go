package step

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/serve"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
)

func TestFetch(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	content := strings.Repeat("\x00\r\n\r\nprogram", 1<<16)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(content)
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	handler, err := serve.Handler(&bundle.Bundle{}, map[string]string{digest: source})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	h, err := local.New("")
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Host: h, Sums: map[string]string{"tool": digest, "other": strings.Repeat("0", 64)}, Near: &Near{Address: server.Listener.Addr().String()}}
	target := filepath.Join(dir, "made/here/tool")
	fetch := func(binary string) error {
		return r.file(t.Context(), desired.File{Path: target, Mode: 0o755, Binary: binary})
	}

	if err := fetch("tool"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != content {
		t.Errorf("%d bytes came of %d, %v", len(got), len(content), err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode() != 0o755 {
		t.Errorf("its mode: %v, %v", info.Mode(), err)
	}

	write(content[1:]) // altered where it is served
	for binary, want := range map[string]string{"tool": "has the sha256", "other": "404"} {
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := fetch(binary); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bundleOncePerZone") {
			t.Errorf("%s: want %q: %v", binary, want, err)
		}
		if left, err := os.ReadDir(filepath.Dir(target)); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", binary, left, err)
		}
	}
	server.Close()
	if err := fetch("tool"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody serves: %v", err)
	}
}
