package chart

import (
	"bytes"
	"io/fs"
	"path"
	"time"

	"helm.sh/helm/v4/pkg/ignore"
)

// withoutIgnored leaves out what a chart's .helmignore names, and its folders.
func withoutIgnored(files []File) ([]File, error) {
	rules := ignore.Empty()
	for _, f := range files {
		if f.Name == ignore.HelmIgnore {
			var err error
			if rules, err = ignore.Parse(bytes.NewReader(f.Text)); err != nil {
				return nil, err
			}
		}
	}
	rules.AddDefaults()
	var kept []File
	for _, f := range files {
		ignored := rules.Ignore(f.Name, entry{name: path.Base(f.Name)})
		for dir := path.Dir(f.Name); dir != "." && !ignored; dir = path.Dir(dir) {
			ignored = rules.Ignore(dir, entry{name: path.Base(dir), dir: true})
		}
		if !ignored {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// entry is a file as the rules want to know it.
type entry struct {
	name string
	dir  bool
}

func (e entry) Name() string     { return e.name }
func (entry) Size() int64        { return 0 }
func (entry) ModTime() time.Time { return time.Time{} }
func (e entry) IsDir() bool      { return e.dir }
func (entry) Sys() any           { return nil }

func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir
	}
	return 0
}
