package keep

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"keelway.dev/keelway/internal/service/logfile"
	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// spec is what all commands of the unit have in common, and their variables.
func (k *keeper) spec(u unit.Unit) (process.Spec, map[string]string, error) {
	base := map[string]string{"PATH": process.Search}
	cred, err := credential(u, base)
	if err != nil {
		return process.Spec{}, nil, err
	}
	env, err := u.Env(base)
	if err != nil {
		return process.Spec{}, nil, err
	}
	limits, err := limits(u)
	if err != nil {
		return process.Spec{}, nil, err
	}
	log := k.s.g.Log(k.s.name)
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return process.Spec{}, nil, err
	}
	out, err := logfile.Open(log)
	if err != nil {
		return process.Spec{}, nil, err
	}
	return process.Spec{
		Dir: u.WorkingDirectory, Output: out, Limits: limits, Credential: cred,
		Umask: u.Umask, OOMScoreAdjust: u.OOMScoreAdjust,
	}, env, nil
}

func ignored(u unit.Unit) []string {
	var notes []string
	for _, d := range u.Ignored {
		notes = append(notes, d+" is not supported by the built-in supervisor and has no effect")
	}
	return notes
}

func newInvocation() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(b[:]), nil
}

func pairs(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// after is a timer that never fires for 0.
func after(d time.Duration) *time.Timer {
	if d <= 0 {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return time.NewTimer(d)
}

// forget takes the record away.
func (s *Service) forget() {
	if err := os.Remove(s.g.Record(s.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.g.Logf("%s: %v", s.name, err)
	}
}

// limits are the unit's, after systemd's default for open files: programs that
// use select(2) break above 1024.
func limits(u unit.Unit) ([]process.Limit, error) {
	all := []process.Limit{{Name: "NOFILE", Soft: 1024}}
	for _, l := range u.Limits {
		p := process.Limit{Name: l.Resource, Soft: l.Soft, Hard: l.Hard}
		if !p.Known() {
			return nil, fmt.Errorf("the unit has an unknown Limit%s=", l.Resource)
		}
		if l.Resource == "NOFILE" {
			all[0] = p
			continue
		}
		all = append(all, p)
	}
	return all, nil
}
