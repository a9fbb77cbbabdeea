package sbom

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

func TestNew(t *testing.T) {
	module := Module{Type: "golang", Name: "golang.org/x/sys", Version: "v0.49.0"}
	in := Input{
		Name: "keelway-bundle-v1.37.0-linux-amd64", Created: time.Date(2026, 8, 26, 0, 0, 0, 0, time.UTC),
		Components: []Component{
			{Name: "runc", Version: "v1.5.2", License: "Apache-2.0", Location: "github.com/opencontainers/runc", Files: []File{{"runc", "ab", []Module{module}}}},
			{Name: "etcd", Version: "v3.7.3", Files: []File{{"etcd", "cd", []Module{module}}}},
		},
		Packages: []Module{{Type: "deb", Name: "nftables", Version: "1.0.6-2+deb12u2", Arch: "amd64", SHA256: "ef"}},
	}
	text, err := New(in)
	must(t, err)
	again, err := New(in)
	must(t, err)
	if !bytes.Equal(text, again) {
		t.Error("two documents of the same input differ")
	}
	var d document
	must(t, json.Unmarshal(text, &d))
	known := map[string]bool{d.ID: true}
	for _, p := range d.Packages {
		if known[p.ID] {
			t.Errorf("%s is there twice", p.ID)
		}
		known[p.ID] = true
		if strings.ContainsAny(strings.TrimPrefix(p.ID, "SPDXRef-"), "_/@+: ") || !strings.HasPrefix(p.ID, "SPDXRef-") {
			t.Errorf("%q is no SPDX identifier", p.ID)
		}
		if p.Location == "" || p.License == "" || p.Copyright == "" {
			t.Errorf("%s lacks a field that SPDX asks for", p.ID)
		}
	}
	for _, r := range d.Relationships {
		if !known[r.From] || !known[r.To] {
			t.Errorf("%v names a package that is not there", r)
		}
	}
	for _, want := range []string{"pkg:golang/golang.org/x/sys@v0.49.0", "pkg:deb/debian/nftables@1.0.6-2+deb12u2?arch=amd64", `"created": "2026-08-26T00:00:00Z"`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the document lacks %q", want)
		}
	}
}

func TestReadModules(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	modules, err := ReadModules(self)
	must(t, err)
	if len(modules) == 0 || modules[0].Name != "stdlib" || modules[0].Version == "" {
		t.Errorf("modules of this test are %v", modules)
	}
	if _, err := ReadModules("sbom_test.go"); err == nil {
		t.Error("a text was read as a program")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
