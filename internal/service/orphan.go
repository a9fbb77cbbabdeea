package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/service/keep"
	"keelway.dev/keelway/internal/service/process"
)

// orphan describes a service while no supervisor runs.
func (s *Supervisor) orphan(ctx context.Context, name string) (Status, error) {
	st := Status{State: "inactive", Boot: "not after a reboot: it is not enabled"}
	known := false
	if _, err := s.host.Stat(ctx, s.o.Link(name)); err == nil {
		known = true
		st.Boot = "when a supervisor is started: none runs"
	}
	for _, dir := range s.o.UnitDirs {
		if _, err := s.host.Stat(ctx, filepath.Join(dir, name+".service")); err == nil {
			known = true
		}
	}
	data, err := readFile(ctx, s.host, s.o.Record(name))
	switch {
	case errors.Is(err, fs.ErrNotExist) && !known:
		return Status{}, nil
	case errors.Is(err, fs.ErrNotExist):
		return st, nil
	case err != nil:
		return Status{}, fmt.Errorf("look for %s: %w", name, err)
	}
	r, err := keep.ReadRecord(data)
	if err != nil {
		return Status{}, fmt.Errorf("look for %s: %w", name, err)
	}
	st.Restarts, st.Exit = r.Restarts, r.Exit
	if s.lives(ctx, r.ID) {
		st.Running, st.State, st.PID, st.Since = true, "active", r.ID.PID, r.Since
		st.Notes = append(r.Notes, "the supervisor does not run: nothing restarts this service when it ends; any `keelway up` starts the supervisor again, and it takes the process over")
	}
	return st, nil
}

// lives tells whether the process of a record is still that process.
func (s *Supervisor) lives(ctx context.Context, id process.Identity) bool {
	if id.PID <= 0 {
		return false
	}
	boot, err := readFile(ctx, s.host, "/proc/sys/kernel/random/boot_id")
	if err != nil || strings.TrimSpace(string(boot)) != id.Boot {
		return false
	}
	stat, err := readFile(ctx, s.host, "/proc/"+strconv.Itoa(id.PID)+"/stat")
	return err == nil && id.Matches(stat)
}
