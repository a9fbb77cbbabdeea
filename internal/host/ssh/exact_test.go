package ssh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/host"
)

// What was just sent is not read back on the machine, unless it has changed, nor
// is a file that was read by another name.
func TestChecksumOfWhatWasPut(t *testing.T) {
	programs, dir := t.TempDir(), t.TempDir()
	log := filepath.Join(programs, "log")
	script := "#!/bin/sh\necho \"$@\" >>" + log + "\nexec /usr/bin/sha256sum \"$@\"\n"
	must(t, os.WriteFile(filepath.Join(programs, "sha256sum"), []byte(script), 0o755))
	h := startSSHD(t, "SetEnv PATH="+programs+":/usr/bin:/bin").host()

	large, small, twin := filepath.Join(dir, "large"), filepath.Join(dir, "small"), filepath.Join(dir, "twin")
	content := map[string][]byte{large: bytes.Repeat([]byte("large"), 1<<20), small: []byte("small")}
	put := func(p string) {
		t.Helper()
		e := host.Entry{Path: p, Mode: 0o750, UID: 1000, GID: 1000}
		must(t, h.Put(t.Context(), e, bytes.NewReader(content[p])))
	}
	reads := func(after string, want ...string) {
		t.Helper()
		must(t, os.RemoveAll(log))
		sums, err := h.SHA256s(t.Context(), slices.Sorted(maps.Keys(content)))
		must(t, err)
		for p, text := range content {
			if sum := sha256.Sum256(text); sums[p] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s: the checksum of %s is %q", after, p, sums[p])
			}
		}
		said, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(strings.TrimPrefix(string(said), "--")); got != strings.Join(want, " ") {
			t.Errorf("%s: the machine reads %q, want %q", after, got, want)
		}
	}
	put(large)
	put(small)
	reads("both were put", small)
	reads("both are known")

	content[large][0]++
	put(large)
	reads("the large one was put again")

	content[twin] = content[large]
	must(t, h.Copy(t.Context(), large, host.Entry{Path: twin, Mode: 0o755}))
	reads("the large one was copied")
	delete(content, twin)

	content[large] = bytes.Replace(content[large], []byte("l"), []byte("L"), 1) // the same size
	must(t, os.WriteFile(large, content[large], fs.ModePerm))
	reads("somebody wrote to the large one", large)

	content[twin] = content[small]
	must(t, h.HardLink(t.Context(), small, twin))
	// The link is a change of the inode, which the first name does not know of.
	reads("the small one got a second name", small)
	reads("both names are known")
	content[twin], content[small] = []byte("SMALL"), []byte("SMALL")
	must(t, os.WriteFile(small, content[small], fs.ModePerm))
	reads("somebody wrote to the file with two names", small, twin)
}
