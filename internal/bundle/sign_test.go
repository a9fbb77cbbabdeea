package bundle_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/bundle"
)

func TestSign(t *testing.T) {
	folder, archive := sample{}.write(t)
	trusted := filepath.Join(t.TempDir(), "key")
	must(t, bundle.GenerateKey(trusted))
	private, err := bundle.ReadPrivateKey(trusted)
	must(t, err)
	public, err := bundle.ReadPublicKey(trusted + ".pub")
	must(t, err)
	for _, path := range []string{folder, archive} {
		_, err := bundle.Verify(context.Background(), path, wanted(), public)
		expect(t, err, "is not signed")
		must(t, bundle.Sign(path, key(7)))
		_, err = bundle.Verify(context.Background(), path, wanted(), nil)
		expect(t, err, "")
		_, err = bundle.Verify(context.Background(), path, wanted(), public)
		expect(t, err, "another key")
		// Signing again replaces the signature.
		must(t, bundle.Sign(path, private))
		_, err = bundle.Verify(context.Background(), path, wanted(), public)
		expect(t, err, "")
	}
	// The signature comes along when the archive is unpacked.
	opened, err := bundle.Open(context.Background(), archive, t.TempDir())
	must(t, err)
	_, err = bundle.Verify(context.Background(), opened.Folder, wanted(), public)
	expect(t, err, "")
	// A signature of another bundle does not fit.
	other, _ := sample{entries: nil, notELF: true}.write(t)
	must(t, bundle.Sign(other, private))
	must(t, os.Rename(filepath.Join(other, bundle.SignatureName), filepath.Join(folder, bundle.SignatureName)))
	_, err = bundle.Verify(context.Background(), folder, wanted(), nil)
	expect(t, err, "does not fit")
}

func TestKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	must(t, bundle.GenerateKey(path))
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the private key has %v, %v", info.Mode(), err)
	}
	if bundle.GenerateKey(path) == nil {
		t.Error("an existing key was replaced")
	}
	must(t, os.Chmod(path, 0o640))
	_, err := bundle.ReadPrivateKey(path)
	expect(t, err, "others may read it")
	_, err = bundle.ReadPublicKey(path)
	if err == nil {
		t.Error("a private key passed for a public one")
	}
	_, err = bundle.ReadPrivateKey(filepath.Join(t.TempDir(), "absent"))
	expect(t, err, "no such file")
}

func TestSignRefusesADamagedArchive(t *testing.T) {
	_, archive := sample{}.write(t)
	info, err := os.Stat(archive)
	must(t, err)
	flip(t, archive, (info.Size()-100)*8)
	if bundle.Sign(archive, key(1)) == nil {
		t.Error("a damaged archive was signed, and with that made whole")
	}
}

func expect(t *testing.T, err error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("error is %v, want none", err)
	case text != "" && (err == nil || !strings.Contains(err.Error(), text)):
		t.Errorf("error is %v, want one with %q", err, text)
	}
}
