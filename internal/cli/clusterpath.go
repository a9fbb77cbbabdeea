package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/cluster/file/load"
	"keelway.dev/keelway/internal/patch"
)

// resolve makes the paths of a cluster file lead from here to what they name,
// and reads the folder of patches; nil is none.
func (s streams) resolve(l *load.Loaded) (cluster.Patcher, error) {
	c := &l.Cluster.Spec
	c.Bundle, c.Patches.Directory = l.Path(c.Bundle), l.Path(c.Patches.Directory)
	for i := range c.Hosts {
		key := &c.Hosts[i].SSH.KeyFile
		if *key == "" || strings.HasPrefix(*key, "~") {
			continue // ssh's own rules
		}
		full, err := filepath.Abs(l.Path(*key))
		if err != nil {
			return nil, err
		}
		*key = full
	}
	if c.Patches.Directory == "" {
		return nil, nil //nolint:nilnil // no patches are no error
	}
	files := map[string][]byte{}
	err := filepath.WalkDir(c.Patches.Directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[strings.TrimPrefix(path, c.Patches.Directory+"/")], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		return nil, usageError{fmt.Errorf("spec.patches.directory: %w", err)}
	}
	set, err := patch.Parse(files)
	if err != nil {
		return nil, usageError{fmt.Errorf("spec.patches.directory: %w", err)}
	}
	for _, why := range set.Ignored {
		fmt.Fprintln(s.err, "warning: no patch: "+why)
	}
	return set, nil
}

// listFiles returns the paths of all files below a folder, or that of a file. It
// follows a link to a folder only where that is what was named.
func listFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	root := filepath.Clean(path)
	err = filepath.WalkDir(root+"/", func(p string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, filepath.Clean(p))
		}
		return err
	})
	return files, err
}
