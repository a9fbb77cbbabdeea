package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keelway.dev/keelway/internal/service/keep"
	"keelway.dev/keelway/internal/service/unit"
)

// records reads all records of the run folder, by service.
func (o Options) records() (map[string]keep.Record, error) {
	files, err := os.ReadDir(o.runServices())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the records of services: %w", err)
	}
	found := map[string]keep.Record{}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok {
			continue
		}
		data, err := os.ReadFile(o.Record(name))
		if err != nil {
			return nil, err
		}
		r, err := keep.ReadRecord(data)
		if err != nil {
			// Only a crash of the machine can halve it, and then nothing runs.
			os.Remove(o.Record(name))
			continue
		}
		found[name] = r
	}
	return found, nil
}

// enabled lists the services that have a link, whether or not it still points
// to a unit.
func (o Options) enabled() ([]string, error) {
	links, err := os.ReadDir(o.WantsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the enabled services: %w", err)
	}
	var names []string
	for _, l := range links {
		if name, ok := strings.CutSuffix(l.Name(), ".service"); ok && unit.CheckName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

func (o Options) isEnabled(name string) bool {
	_, err := os.Lstat(o.Link(name))
	return err == nil
}

// enable links a service to its unit file.
func (o Options) enable(u unit.Unit) error {
	link, target := o.Link(u.Name), u.Sources[0]
	if old, err := os.Readlink(link); err == nil && old == target {
		return nil
	}
	if err := os.MkdirAll(o.WantsDir, 0o755); err != nil {
		return fmt.Errorf("enable %s: %w", u.Name, err)
	}
	temp := o.tempLink(u.Name)
	os.Remove(temp)
	if err := os.Symlink(target, temp); err != nil {
		return fmt.Errorf("enable %s: %w", u.Name, err)
	}
	if err := os.Rename(temp, link); err != nil {
		os.Remove(temp)
		return fmt.Errorf("enable %s: %w", u.Name, err)
	}
	return nil
}

func (o Options) tempLink(name string) string {
	return filepath.Join(o.WantsDir, "."+name+".tmp")
}

// disable takes the link away, and the folder with the last one.
func (o Options) disable(name string) error {
	os.Remove(o.tempLink(name))
	if err := os.Remove(o.Link(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("disable %s: %w", name, err)
	}
	_ = os.Remove(o.WantsDir) // fails while others are in it
	return nil
}
